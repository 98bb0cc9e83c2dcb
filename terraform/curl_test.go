package terraform_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// checkCurl: the curl line of the outputs signs what it sends, with long-term keys and with temporary ones.
func checkCurl(t *testing.T, outputs map[string]string) {
	t.Helper()
	type request struct{ signed, token string }
	requests := make(chan request, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
		signed, _, _ = strings.Cut(signed, ",")
		requests <- request{signed, strings.Join(r.Header["X-Amz-Security-Token"], "|")}
	}))
	t.Cleanup(server.Close)
	f := func(token, wantSigned string) {
		t.Helper()
		cmd := exec.Command("bash", "-euc", strings.ReplaceAll(outputs["curl"], outputs["config_url"], server.URL))
		cmd.Env = append(environment(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret")
		if token != "" {
			cmd.Env = append(cmd.Env, "AWS_SESSION_TOKEN="+token)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", cmd, err, out)
		}
		if len(requests) != 1 {
			t.Fatalf("%d requests came, want 1", len(requests))
		}
		if got := <-requests; got.signed != wantSigned || got.token != token {
			t.Errorf("with the token %q: signed are %q, want %q; the tokens are %q", token, got.signed, wantSigned, got.token)
		}
	}
	f("", "host;x-amz-date")
	f("a+b/c==", "host;x-amz-date;x-amz-security-token")
}
