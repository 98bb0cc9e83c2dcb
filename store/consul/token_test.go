package consul_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
)

const management = "11111111-2222-3333-4444-555555555555"

// newToken makes a token with the rules.
func newToken(t *testing.T, plain *api.Client, name, rules string) string {
	t.Helper()
	as := &api.WriteOptions{Token: management}
	_, _, err := plain.ACL().PolicyCreate(&api.ACLPolicy{Name: name, Rules: rules}, as)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := plain.ACL().TokenCreate(&api.ACLToken{Policies: []*api.ACLTokenPolicyLink{{Name: name}}}, as)
	if err != nil {
		t.Fatal(err)
	}
	return token.SecretID
}

func TestToken(t *testing.T) {
	t.Parallel()
	addr := server(t, `acl { enabled = true, default_policy = "deny", tokens { initial_management = "`+management+`" } }`)
	plain := plainClient(t, addr)
	login := func(token string) *consul.Store {
		return openWith(t, consul.Options{Endpoints: []string{addr}, Token: token, Timeout: 10 * time.Second})
	}
	least := newToken(t, plain, "least", `key_prefix "event-gateway/v1/" { policy = "write" }`)
	s := login(least)
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(s, 3)
	f.Reaches(w)
	if items, head, err := s.Load(t.Context(), "r"); len(items) != 1 || head != w.Head || err != nil {
		t.Errorf("got %v, %v, %v", items, head, err)
	}
	if realms, err := s.Realms(t.Context()); len(realms) != 1 || realms[0] != "r" || err != nil {
		t.Errorf("got %v, %v", realms, err)
	}
	if n := f.Failures(); n != 0 {
		t.Errorf("the follower failed %d times", n)
	}
	if version, err := s.Inspect(t.Context()); !strings.Contains(version, "may not ask") || err != nil {
		t.Errorf("got %q, %v", version, err)
	}
	curious := newToken(t, plain, "curious", `key_prefix "event-gateway/v1/" { policy = "write" } agent_prefix "" { policy = "read" }`)
	if version, err := login(curious).Inspect(t.Context()); !strings.HasPrefix(version, "consul 1.") || err != nil {
		t.Errorf("got %q, %v", version, err)
	}

	refused := func(token, name string, err error) {
		t.Helper()
		if !errors.Is(err, store.ErrUnusable) || token != "" && strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: got %v, want ErrUnusable", name, err)
		}
	}
	reads := func(s *consul.Store) map[string]error {
		_, _, load := s.Load(t.Context(), "r")
		_, _, changes := s.Changes(t.Context(), "r", 0, 0)
		var wait error
		for range 10 { // while there is no watch, and while it tries to run
			began := time.Now()
			_, _, wait = s.Changes(t.Context(), "r", 0, time.Minute)
			if took := time.Since(began); took > 30*time.Second {
				t.Fatalf("a wait took %v", took)
			}
			time.Sleep(10 * time.Millisecond)
		}
		_, heads := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 3}, 0)
		return map[string]error{"Load": load, "Changes": changes, "Changes, waiting": wait, "Heads": heads}
	}
	operates := func(s *consul.Store) map[string]error {
		_, inspect := s.Inspect(t.Context())
		_, realms := s.Realms(t.Context())
		return map[string]error{"Inspect": inspect, "Realms": realms}
	}
	commits := func(s *consul.Store) map[string]error {
		_, err := s.Commit(t.Context(), "r", w.Head, storetest.Commit("k", w.Head.Rev))
		return map[string]error{"Commit": err}
	}
	wrong := "99999999-2222-3333-4444-555555555555"
	none := newToken(t, plain, "none", `key_prefix "other/" { policy = "write" }`)
	for _, token := range []string{"", wrong, none} {
		s := login(token)
		for _, errs := range []map[string]error{reads(s), operates(s), commits(s)} {
			for name, err := range errs {
				refused(token, name+" with token "+token, err)
			}
		}
	}
	reader := newToken(t, plain, "reader", `key_prefix "event-gateway/v1/" { policy = "read" }`)
	s = login(reader)
	errs := reads(s)
	maps.Copy(errs, operates(s))
	for name, err := range errs {
		if err != nil {
			t.Errorf("%s with a token that may read: %v", name, err)
		}
	}
	refused(reader, "Commit", commits(s)["Commit"])
	// What may not be read must not look as if it were not there.
	half := newToken(t, plain, "half", `key_prefix "event-gateway/v1/heads/" { policy = "read" }`)
	_, _, err := login(half).Load(t.Context(), "r")
	refused(half, "Load", err)
}

// TestEnvironment: what configures Consul's own tools is not for the gateway.
func TestEnvironment(t *testing.T) {
	addr := server(t)
	t.Setenv("CONSUL_HTTP_TOKEN", "99999999-2222-3333-4444-555555555555")
	t.Setenv("CONSUL_HTTP_ADDR", "127.0.0.1:1")
	t.Setenv("CONSUL_HTTP_SSL", "true")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	w := &storetest.Writer{T: t}
	w.Commit(open(t, addr), 1)
}

// TestNoConsul: something else answers.
func TestNoConsul(t *testing.T) {
	t.Parallel()
	f := func(answer http.HandlerFunc) {
		t.Helper()
		other := httptest.NewServer(answer)
		defer other.Close()
		s := openWith(t, consul.Options{Endpoints: []string{strings.TrimPrefix(other.URL, "http://")}, Token: "secret"})
		defer s.Close()
		if _, err := s.Inspect(t.Context()); !errors.Is(err, store.ErrUnusable) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Inspect: got %v, want ErrUnusable", err)
		}
		if _, _, err := s.Load(t.Context(), "r"); !errors.Is(err, store.ErrUnusable) {
			t.Errorf("Load: got %v, want ErrUnusable", err)
		}
	}
	f(http.NotFound)
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "busy", status) }))
		defer busy.Close()
		s := openWith(t, consul.Options{Endpoints: []string{strings.TrimPrefix(busy.URL, "http://")}})
		defer s.Close()
		if _, err := s.Inspect(t.Context()); err == nil || errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), `"busy"`) {
			t.Errorf("%d: got %v, want an error that may go away", status, err)
		}
	}
	f(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, strings.Repeat("x", 1<<20), http.StatusMethodNotAllowed)
	})
	// The token must not be taken along.
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	f(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
}
