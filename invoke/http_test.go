package invoke_test

import (
	"net/http"
	"testing"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
)

// webAnswer answers as a plain web server that has the behaviour.
func webAnswer(w http.ResponseWriter, _ *http.Request, _ []byte, what invoketest.Behaviour) {
	switch what {
	case invoketest.Fail:
		http.Error(w, "no", http.StatusInternalServerError)
	case invoketest.Deny:
		http.Error(w, "no", http.StatusForbidden)
	case invoketest.Throttle:
		w.Header().Set("Retry-After", "7")
		http.Error(w, "no", http.StatusTooManyRequests)
	case invoketest.Nonsense:
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"body":"done"}`))
	}
}

func TestHTTP(t *testing.T) {
	invoketest.Run(t, invoketest.Type{
		Name: "http",
		Start: func(t *testing.T) *invoketest.Backend {
			b := &invoketest.Backend{Elsewhere: invoketest.At(`{"url":"http://%s/hook"}`)}
			b.Provider = b.Elsewhere(b.Serve(t, nil, webAnswer).Listener.Addr().String())
			return b
		},
		Missing: map[invoketest.Behaviour]string{invoketest.Expire: "it has no credentials that are renewed"},
		Want:    map[invoketest.Behaviour]invoketest.Failure{invoketest.Nonsense: {Class: invoke.Function}},
	})
}
