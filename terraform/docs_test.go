package terraform_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// page runs the commands of docs/deploy-aws.md that send requests, and compares their output with the page's. function is where their function is.
func page(d *deployed, function string) {
	t := d.e.t
	t.Helper()
	config, events := httptest.NewServer(d.front("gateway-config", true)), httptest.NewServer(d.front("gateway-events", false))
	t.Cleanup(config.Close)
	t.Cleanup(events.Close)
	env := append(os.Environ(), "CONFIG="+config.URL, "EVENTS="+events.URL, "FUNCTION="+function, "AWS_REGION="+region,
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret")
	blocks := regexp.MustCompile("(?ms)^   ```sh\n(.*?)^   ```\n(?:\n   ```\\w+\n(.*?)^   ```\n)?").FindAllStringSubmatch(text(t, "../docs/deploy-aws.md"), -1)
	ran := 0
	for _, block := range blocks {
		command, want := block[1], strings.TrimSpace(block[2])
		if !strings.Contains(command, "curl") {
			continue
		}
		ran++
		cmd := exec.Command("bash", "-ec", command)
		cmd.Env = append(env, "AWS_SESSION_TOKEN="+[]string{"", "token"}[ran%2]) // there are credentials of both kinds
		out, err := cmd.Output()
		got := strings.ReplaceAll(string(out), function, "http://127.0.0.1:41111")
		want, _, _ = strings.Cut(want, "\n   …")
		if err != nil || !strings.HasPrefix(strings.ReplaceAll(got, "\r", ""), want) || want == "" {
			t.Errorf("%s: %v\n%s, want\n%s", command, err, got, want)
		}
	}
	if ran != 3 {
		t.Errorf("%d commands of the page ran, want 3", ran)
	}
}

// front stands for the HTTP API of a function. An operator has to sign requests; who may, nobody looks at here.
func (d *deployed) front(function string, signed bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || signed && !wellSigned(r) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		var headers []string
		for name := range r.Header {
			headers = append(headers, strings.ToLower(name)+": "+r.Header.Get(name))
		}
		caller := map[string]any{}
		if signed {
			caller = operator()
		}
		status, answer := d.request(function, r.Method, r.URL.EscapedPath(), string(body), headers, caller)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	})
}

// wellSigned says whether a request has a signature for the service and the region, and all headers that it is of.
func wellSigned(r *http.Request) bool {
	authorization := r.Header.Get("Authorization")
	_, names, ok := strings.Cut(authorization, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	for name := range strings.SplitSeq(names, ";") {
		ok = ok && (name == "host" || r.Header.Get(name) != "")
	}
	return ok && strings.Contains(authorization, "/"+region+"/execute-api/aws4_request")
}
