package consul_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// answering starts a server that answers transactions that read as if nothing were there, and all else as it is told.
func answering(t *testing.T, rest http.HandlerFunc) (addr string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !nothing(w, r) {
			rest(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// nothing answers r if it is a transaction that reads, and says whether it was.
func nothing(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/v1/txn" || !r.URL.Query().Has("consistent") {
		return false
	}
	io.WriteString(w, `{"Results":[{"KV":{"Key":"a"}},{"KV":{"Key":"b"}},{"KV":{"Key":"c"}}]}`)
	return true
}

// TestOutcome: only a whole answer of Consul tells what became of a write.
func TestOutcome(t *testing.T) {
	t.Parallel()
	f := func(status int, body string, want string) {
		t.Helper()
		var n atomic.Int64
		addr := answering(t, func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
		_, err := openWith(t, consul.Options{Endpoints: []string{addr, addr}}).Commit(t.Context(), "r", store.Head{}, storetest.Commit("k", 0))
		got := "unknown"
		switch {
		case err == nil:
			got = "done"
		case errors.Is(err, store.ErrConflict):
			got = "conflict"
		case errors.Is(err, store.ErrUnusable):
			got = "unusable"
		case errors.Is(err, store.ErrTooLarge):
			got = "too large"
		case strings.Contains(err.Error(), "rolled back"):
			got = "rolled back"
		}
		if got != want || n.Load() != 1 {
			t.Errorf("%d %q: %s, %v, after %d writes; want %s after one", status, body, got, err, n.Load(), want)
		}
	}
	f(http.StatusOK, `{"Results":[null],"Errors":null}`, "done")
	f(http.StatusOK, `{"Results":[`, "unknown")
	f(http.StatusOK, ``, "unknown")
	f(http.StatusConflict, `{"Errors":[{"OpIndex":0,"What":"the index is stale"}]}`, "rolled back")
	f(http.StatusConflict, `{"Errors":[{"OpIndex":0,"What":"Permission denied: no"}]}`, "unusable")
	f(http.StatusConflict, `{"Errors":[{"OpIndex":0,"What":"the ind`, "unknown")
	f(http.StatusConflict, `{"Errors":[null]}`, "unknown")
	f(http.StatusConflict, `{}`, "unknown")
	f(http.StatusConflict, `null`, "unknown")
	f(http.StatusConflict, `busy`, "unknown")
	f(http.StatusNotFound, ``, "unusable")
	f(http.StatusRequestEntityTooLarge, ``, "too large")
	f(http.StatusInternalServerError, `{"Errors":[{"What":"the index is stale"}]}`, "unknown")
}

// TestHalfAnAnswer: an answer that breaks off is asked for at the next endpoint, and one that makes no sense is an error.
func TestHalfAnAnswer(t *testing.T) {
	t.Parallel()
	w := &storetest.Writer{T: t}
	whole := server(t)
	w.Commit(open(t, whole), 1)
	for _, body := range []string{`{"Results":[{"KV":{"Key":"k","Val`, ``, `[]`} {
		half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) }))
		defer half.Close()
		s := openWith(t, consul.Options{Endpoints: []string{strings.TrimPrefix(half.URL, "http://"), whole}})
		if items, head, err := s.Load(t.Context(), "r"); len(items) != 1 || head != w.Head || err != nil {
			t.Errorf("%q: got %d items, %v, %v", body, len(items), head, err)
		}
	}
	for _, list := range []string{`[null]`, `{`} {
		addr := answering(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Consul-Index", "7")
			io.WriteString(w, list)
		})
		s := openWith(t, consul.Options{Endpoints: []string{addr}})
		if commits, _, err := s.Changes(t.Context(), "r", 0, timeout/4); len(commits) > 0 || err != nil {
			t.Errorf("%q: got %v, %v", list, commits, err)
		}
	}
}

// TestNothingFromTheEnvironment is TestEnvironment for what a Consul without tokens, namespaces and TLS ignores.
func TestNothingFromTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from the file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"CONSUL_NAMESPACE", "CONSUL_PARTITION", "CONSUL_HTTP_AUTH", "CONSUL_CACERT", "CONSUL_CAPATH",
		"CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY", "CONSUL_TLS_SERVER_NAME"} {
		t.Setenv(name, "environment")
	}
	f := func(token, envToken, envFile string) {
		t.Helper()
		t.Setenv("CONSUL_HTTP_TOKEN", envToken)
		t.Setenv("CONSUL_HTTP_TOKEN_FILE", envFile)
		check := func(w http.ResponseWriter, r *http.Request) {
			got := fmt.Sprint(r.Header, r.URL.Query())
			if r.Header.Get("X-Consul-Token") != token || r.Header.Get("Authorization") != "" || strings.Contains(got, "environment") {
				t.Errorf("token %q, environment %q and %q: %s is sent", token, envToken, envFile, got)
			}
			if r.Header.Get("Idempotency-Key") != "" {
				t.Errorf("the client's mark is sent: %s", got)
			}
			http.NotFound(w, r)
		}
		all := httptest.NewServer(http.HandlerFunc(check))
		defer all.Close()
		for _, addr := range []string{strings.TrimPrefix(all.URL, "http://"), answering(t, check)} {
			s := openWith(t, consul.Options{Endpoints: []string{addr}, Token: token})
			s.Inspect(t.Context())
			s.Commit(t.Context(), "r", store.Head{}, storetest.Commit("k", 0))
			s.Changes(t.Context(), "r", 0, timeout/10)
			s.Close()
		}
	}
	for _, token := range []string{"", "ours"} {
		for _, envToken := range []string{"", "ours", "theirs"} {
			for _, envFile := range []string{"", file, filepath.Join(t.TempDir(), "nothing"), os.DevNull} {
				f(token, envToken, envFile)
			}
		}
	}
}

// TestClosedConnection: the server ends each connection when a second request comes over it. A read is made again, a write is not.
func TestClosedConnection(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := make(map[string]bool) // by address of the connection
	var writes atomic.Int64
	closing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		first := !seen[r.RemoteAddr]
		seen[r.RemoteAddr] = true
		if !r.URL.Query().Has("consistent") {
			writes.Add(1)
		}
		if !first || !nothing(w, r) {
			panic(http.ErrAbortHandler)
		}
	}))
	defer closing.Close()
	s := openWith(t, consul.Options{Endpoints: []string{strings.TrimPrefix(closing.URL, "http://")}})
	for range 3 {
		if _, _, err := s.Load(t.Context(), "r"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Commit(t.Context(), "r", store.Head{}, storetest.Commit("k", 0)); err == nil || writes.Load() != 1 {
		t.Errorf("a write whose answer is lost: %v, after %d writes", err, writes.Load())
	}
}
