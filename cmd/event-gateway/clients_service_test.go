package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// service is a folder with a service, and what the framework finds when it deploys it.
type service struct {
	t       *testing.T
	npm     string // the folder of the packages
	dir     string
	env     []string
	compat  bool
	gateway *process
	lambda  *lambda

	mu    sync.Mutex
	calls []string // what the plugin asked of the Config API
}

func newService(t *testing.T, args ...string) *service {
	npm := npmFolder(t)
	aws := startMoto(t)
	s := &service{t: t, npm: filepath.Join(npm, "node_modules"), dir: t.TempDir(), lambda: newLambda(t)}
	s.compat = slices.Contains(args, "-compat")
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", s.lambda.URL)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CA_BUNDLE", "")
	s.gateway = start(t, t.TempDir(), append(args, "-store=memory:")...)
	if err := os.CopyFS(s.dir, os.DirFS(filepath.Join(npm, "service"))); err != nil {
		t.Fatal(err)
	}
	s.env = nodeEnv(t, "HOME="+s.dir, "NODE_PATH="+s.npm, "NO_UPDATE_NOTIFIER=1",
		"AWS_ENDPOINT_URL="+aws, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE=1",
		"EVENTS_URL="+s.gateway.events+"/default/myteam", "CONFIG_URL="+s.recorder()) // the plugin sends events to the URL as it is
	return s
}

// use makes another file the one that describes the service.
func (s *service) use(name string) {
	if err := os.Rename(filepath.Join(s.dir, name), filepath.Join(s.dir, "serverless.yml")); err != nil {
		s.t.Fatal(err)
	}
}

// sls runs a command of the framework.
func (s *service) sls(args ...string) string {
	s.t.Helper()
	out, err := s.run(args)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.t.Errorf("%v: %v\n%s\nConfig API:\n%s", args, err, out, strings.Join(s.calls, "\n"))
	}
	return out
}

// slsFails is sls for a command that has to fail.
func (s *service) slsFails(args ...string) string {
	s.t.Helper()
	out, err := s.run(args)
	if err == nil {
		s.t.Errorf("%v did not fail: %s", args, out)
	}
	return out
}

func (s *service) run(args []string) (string, error) {
	s.t.Helper()
	s.mu.Lock()
	s.calls = nil
	s.mu.Unlock()
	cmd := exec.CommandContext(s.t.Context(), "node", append([]string{filepath.Join(s.npm, "serverless", "bin", "serverless")}, args...)...)
	cmd.Dir, cmd.Env = s.dir, s.env
	began := time.Now()
	out, err := cmd.CombinedOutput()
	s.t.Logf("%v took %s", args, time.Since(began))
	return string(out), err
}

// recorder stands before the Config API and notes the calls that change something, and those that fail.
func (s *service) recorder() string {
	target, err := url.Parse(s.gateway.config)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if r.Request.Method != "GET" || r.StatusCode != 200 {
				path := strings.TrimPrefix(r.Request.URL.EscapedPath(), "/v1/spaces/default/")
				s.calls = append(s.calls, fmt.Sprint(r.Request.Method, " ", path, " ", r.StatusCode))
			}
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	s.t.Cleanup(server.Close)
	return server.URL
}

// called checks which calls the plugin made, in any order.
func (s *service) called(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.calls)
	slices.Sort(want)
	if !slices.Equal(s.calls, want) {
		s.t.Errorf("the plugin's calls:\n%s\nwant\n%s", strings.Join(s.calls, "\n"), strings.Join(want, "\n"))
	}
}

// has checks a list of the Config API, objects in any order.
func (s *service) has(plural, name string, want ...string) {
	s.t.Helper()
	got := uncounted(s.gateway.configure(200, "GET", plural, ""))
	if !alike(s.t, got, fmt.Sprintf(`{%q:"*"}`, name)) || strings.Count(got, `"space":`) != len(want) {
		s.t.Errorf("%s: %s", plural, got)
	}
	for _, w := range want {
		if !strings.Contains(got, w) {
			s.t.Errorf("%s:\n%s\nlacks\n%s", plural, got, w)
		}
	}
}
