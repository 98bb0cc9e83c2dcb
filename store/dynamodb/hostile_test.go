package dynamodb_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// broken starts a server that answers what the test says, which is told the operation and the request's body.
func broken(t *testing.T, answer func(operation, body string) string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		io.WriteString(w, answer(operation, string(body))) // the store may hang up
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// fails checks that the calls fail with an error that names the table, which may be usable all the same.
func fails(t *testing.T, want string, calls map[string]func() error) {
	t.Helper()
	for name, call := range calls {
		err := call()
		if err == nil || !strings.Contains(err.Error(), "the DynamoDB table gateway in ") || !strings.Contains(err.Error(), want) || errors.Is(err, store.ErrUnusable) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// TestPagesRepeat: pages that lead nowhere are an error, not read without end.
func TestPagesRepeat(t *testing.T) {
	t.Parallel()
	for name, starts := range map[string][]string{
		"the same":  {"v1/records/k"},
		"backwards": {"v1/records/k", "v1/records/j"},
		"no key":    {""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pages atomic.Int64
			s := open(t, broken(t, func(operation, _ string) string {
				if operation == "GetItem" {
					return `{}`
				}
				key := `{"realm":{"S":"r"},"key":{"S":"` + starts[int(pages.Add(1)-1)%len(starts)] + `"}}`
				return `{"Items":[` + key + `],"LastEvaluatedKey":` + key + `}`
			}))
			fails(t, "a page begins where another one did, or before", map[string]func() error{
				"Load":   func() error { _, _, err := s.Load(t.Context(), "r"); return err },
				"Realms": func() error { _, err := s.Realms(t.Context()); return err },
			})
		})
	}
}

// TestEndlessAnswer: no more of an answer is read than DynamoDB may send.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		some := strings.Repeat(" ", 1<<20)
		for {
			if _, err := io.WriteString(w, some); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	o := options(server.URL)
	o.Timeout = 30 * time.Second
	s := openWith(t, o)
	fails(t, "an answer is larger than 32 MB", map[string]func() error{
		"Load":   func() error { _, _, err := s.Load(t.Context(), "r"); return err },
		"Heads":  func() error { _, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, 0); return err },
		"Realms": func() error { _, err := s.Realms(t.Context()); return err },
	})
}

// TestLoadGivesUp: a log that is trimmed whenever it is read costs few reads of the realm.
func TestLoadGivesUp(t *testing.T) {
	t.Parallel()
	var heads, loads atomic.Int64
	s := open(t, broken(t, func(operation, body string) string {
		switch {
		case operation == "GetItem":
			return fmt.Sprintf(`{"Item":{"head":{"S":%q}}}`, store.Head{Rev: store.Rev(heads.Add(1))})
		case operation == "Query" && strings.Contains(body, "begins_with"):
			loads.Add(1)
		}
		return `{"Responses":[{}]}`
	}))
	if _, _, err := s.Load(t.Context(), "r"); !errors.Is(err, store.ErrTrimmed) || loads.Load() != 3 {
		t.Errorf("after %d reads of all items: %v", loads.Load(), err)
	}
}

// TestUntrusted: waiting does not help against the certificate of an authority that is not known.
func TestUntrusted(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	unusable(t, open(t, server.URL), server.URL+": tls: failed to verify certificate: x509: ")
}

// TestUntrustedCredentials: the same goes for what gives the credentials.
func TestUntrustedCredentials(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL)
	o := options("")
	o.Username, o.Password, o.Timeout = "", "", 30*time.Second
	if _, _, err := openWith(t, o).Load(t.Context(), "r"); !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), "x509: ") {
		t.Errorf("got %v", err)
	}
}
