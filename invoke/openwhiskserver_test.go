package invoke_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// whisk is an OpenWhisk, as far as a caller of its actions meets it (openwhisk: apiv1swagger.json, docs/rest_api.md). What its
// actions do is up to a test.
type whisk struct {
	*httptest.Server
	auth string // uuid:key

	mu          sync.Mutex
	actions     map[string]whiskAction
	activations map[string]*whiskActivation
	requests    []string // method and URL of each
	refusal     func(w http.ResponseWriter, r *http.Request) bool
}

// whiskAction gets the arguments, and returns how it ended and with what. It may also answer in place of OpenWhisk: then it returns
// answered.
type whiskAction func(w http.ResponseWriter, r *http.Request, arguments []byte) whiskResponse

// whiskResponse is how an activation ended.
type whiskResponse struct {
	code   int // of the names below
	result string
	after  time.Duration // that it goes on for when OpenWhisk no longer waits
}

const answered = -1

func whiskStatuses() []string {
	return []string{"success", "application error", "action developer error", "whisk internal error"}
}

type whiskActivation struct {
	whiskResponse
	action string
	ready  time.Time
}

const (
	whiskAuth = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:top-secret123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
	whiskUser = "guest" // the namespace that _ stands for
)

func newWhisk(t testing.TB) *whisk {
	w := &whisk{auth: whiskAuth, actions: map[string]whiskAction{}, activations: map[string]*whiskActivation{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/namespaces/{namespace}/actions/{action}", w.invoke)
	mux.HandleFunc("POST /api/v1/namespaces/{namespace}/actions/{package}/{action}", w.invoke)
	mux.HandleFunc("GET /api/v1/namespaces/{namespace}/activations/{id}", w.activation)
	mux.HandleFunc("GET /api/v1/namespaces/{namespace}/activations/{id}/{part}", w.activation)
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) {
		terminate(rw, 404, "The requested resource does not exist.")
	})
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.requests = append(w.requests, r.Method+" "+r.RequestURI)
		refusal := w.refusal
		w.mu.Unlock()
		user, key, _ := r.BasicAuth()
		switch {
		case refusal != nil && refusal(rw, r):
		case user+":"+key != w.auth:
			rw.Header().Set("WWW-Authenticate", `Basic realm="whisk rest service"`)
			terminate(rw, 401, "The supplied authentication is invalid. "+r.Header.Get("Authorization"))
		default:
			mux.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

// terminate answers as the controller does where it refuses.
func terminate(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":"kpkmXO7sDwGMBqk0vVeVmLFsbrQNqCyn","error":%q}`, text)
}

// add makes an action: namespace/name or namespace/package/name.
func (w *whisk) add(name string, a whiskAction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actions[name] = a
}

// refuse sets what is asked before each request; it says whether it answered.
func (w *whisk) refuse(f func(w http.ResponseWriter, r *http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusal = f
}

func (w *whisk) asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.requests...)
}

func namespaceOf(r *http.Request) string {
	if n := r.PathValue("namespace"); n != "_" {
		return n
	}
	return whiskUser
}

func (w *whisk) invoke(rw http.ResponseWriter, r *http.Request) {
	name := namespaceOf(r) + "/" + r.PathValue("action")
	if p := r.PathValue("package"); p != "" {
		name = namespaceOf(r) + "/" + p + "/" + r.PathValue("action")
	}
	w.mu.Lock()
	action := w.actions[name]
	w.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20+1))
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case action == nil:
		terminate(rw, 404, "The requested resource does not exist.")
		return
	case err != nil:
		return // the caller has gone
	case len(body) > 1<<20:
		terminate(rw, 413, "The entity's size is larger than allowed.")
		return
	case len(body) > 0 && mediaType != "application/json":
		rw.WriteHeader(http.StatusUnsupportedMediaType)
		_, _ = io.WriteString(rw, "The request's Content-Type is not supported. Expected:\napplication/json")
		return
	case len(body) > 0 && jsontext.Value(body).Kind() != '{':
		terminate(rw, 400, "The request content was malformed:\nObject expected")
		return
	}
	response := action(rw, r, body)
	if response.code == answered {
		return
	}
	id := fmt.Sprintf("%032x", time.Now().UnixNano())
	a := &whiskActivation{response, name, time.Now().Add(response.after)}
	w.mu.Lock()
	w.activations[id] = a
	w.mu.Unlock()
	rw.Header().Set("X-Openwhisk-Activation-Id", id)
	rw.Header().Set("Content-Type", "application/json")
	query := r.URL.Query()
	switch {
	case query.Get("blocking") != "true", response.after > 0:
		rw.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(rw, `{"activationId":%q}`, id)
		return
	case response.code == 3:
		rw.WriteHeader(http.StatusInternalServerError)
	case response.code > 0:
		rw.WriteHeader(http.StatusBadGateway)
	}
	if query.Get("result") == "true" {
		_, _ = io.WriteString(rw, response.result)
		return
	}
	_, _ = rw.Write(a.record(id))
}

// record returns the activation as it is read.
func (a *whiskActivation) record(id string) []byte {
	text, _ := json.Marshal(map[string]any{
		"activationId": id, "namespace": whiskUser, "name": a.action[strings.LastIndex(a.action, "/")+1:], "version": "0.0.1", "subject": whiskUser,
		"start": 1, "end": 2, "duration": 1, "logs": []string{}, "publish": false,
		"annotations": []map[string]string{{"key": "path", "value": a.action}}, "response": jsontext.Value(a.response()),
	})
	return text
}

func (r whiskResponse) response() []byte {
	return fmt.Appendf(nil, `{"result":%s,"size":%d,"status":%q,"success":%t}`, r.result, len(r.result), whiskStatuses()[r.code], r.code == 0)
}

// activation reads one; it belongs to who caused it, and is there when it has ended.
func (w *whisk) activation(rw http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	w.mu.Lock()
	a := w.activations[id]
	w.mu.Unlock()
	if namespaceOf(r) != whiskUser || a == nil || time.Now().Before(a.ready) {
		terminate(rw, 404, "The requested resource does not exist.")
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	switch r.PathValue("part") {
	case "":
		_, _ = rw.Write(a.record(id))
	case "result":
		_, _ = rw.Write(a.response())
	default:
		terminate(rw, 404, "The requested resource does not exist.")
	}
}
