package invoke_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

func whiskSettings(host, more string) string {
	return fmt.Sprintf(`{"apiHost":%q,"action":"hello","auth":%q%s}`, host, whiskAuth, more)
}

// TestOpenWhisk runs the suite: once with actions that OpenWhisk waits for, once with such that it says 202 of.
func TestOpenWhisk(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"waited for": 0, "polled": 150 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			invoketest.Run(t, invoketest.Type{
				Name: "openwhisk",
				Start: func(t *testing.T) *invoketest.Backend {
					w, b := newWhisk(t), &invoketest.Backend{}
					w.add("guest/hello", whiskSuite(t, b, after))
					b.Elsewhere = func(address string) string { return whiskSettings("http://"+address, "") }
					b.Provider = whiskSettings(w.URL, "")
					return b
				},
				Missing: map[invoketest.Behaviour]string{invoketest.Expire: "its key stays what it is until somebody changes the function"},
				Want: map[invoketest.Behaviour]invoketest.Failure{
					invoketest.Deny:     {Class: invoke.Denied, Words: []string{"provider.auth"}},
					invoketest.Throttle: {Class: invoke.Throttled, RetryAfter: time.Second, Words: []string{"no more calls"}}, // its API says no time
				},
				Secrets: []string{"top-secret123", "MjNiYzQ2YjEt", "GCuMDGIwP"},
			})
		})
	}
}

// whiskSuite is an action that has the behaviours of the suite.
func whiskSuite(t *testing.T, b *invoketest.Backend, after time.Duration) whiskAction {
	return func(w http.ResponseWriter, r *http.Request, arguments []byte) whiskResponse {
		switch b.Begin(arguments) {
		case invoketest.Fail:
			return whiskResponse{1, fmt.Sprintf(`{"error":"no, you sent %s"}`, whiskAuth), after}
		case invoketest.Deny:
			terminate(w, 403, "The supplied authentication is not authorized to access this resource.")
		case invoketest.Throttle:
			terminate(w, 429, "Too many requests in the last minute (count: 61, allowed: 60).")
		case invoketest.Nonsense:
			_, _ = io.WriteString(w, "<html>")
		case invoketest.TooLarge:
			_, _ = w.Write(make([]byte, invoke.MaxAnswer+1))
		case invoketest.Hang:
			<-r.Context().Done()
			b.Gone()
		case invoketest.BreakOff:
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
			panic(http.ErrAbortHandler)
		case invoketest.Echo:
			invoketest.SendBack(t, w, r, arguments)
		case invoketest.Postpone:
			time.Sleep(300 * time.Millisecond)
			fallthrough
		default:
			return whiskResponse{0, `{"body":"done"}`, after}
		}
		return whiskResponse{code: answered}
	}
}

// TestOpenWhiskNames: where an action is looked for, and what is sent.
func TestOpenWhiskNames(t *testing.T) {
	t.Parallel()
	w := newWhisk(t)
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := func(settings, action, wantURI string) {
		t.Helper()
		sent := make(chan string, 1)
		w.add(action, func(_ http.ResponseWriter, r *http.Request, arguments []byte) whiskResponse {
			sent <- r.Header.Get("Content-Type") + " " + r.Header.Get("User-Agent") + " " + string(arguments)
			return whiskResponse{result: `{"statusCode":201,"body":"done"}`}
		})
		r, err := c.Respond(t.Context(), c.Function("openwhisk", fmt.Sprintf(`{"apiHost":%q,"auth":%q,%s}`, w.URL, whiskAuth, settings)), invoketest.Event())
		if err != nil || r.Status != 201 || string(r.Body) != "done" {
			t.Errorf("%s: %v, %v", settings, r, err)
		}
		if all := w.asked(); all[len(all)-1] != "POST /api/v1/namespaces/"+wantURI+"?blocking=true&result=true" {
			t.Errorf("%s: %s", settings, all[len(all)-1])
		}
		want := "application/json event-gateway " + string(invoketest.Event().Append(nil, event.CloudEvents, event.Params{}))
		if got := <-sent; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f(`"action":"hello"`, "guest/hello", "_/actions/hello")
	f(`"action":"hello","package":"p"`, "guest/p/hello", "_/actions/p/hello")
	f(`"action":"hello","package":"p","namespace":"whisk.system"`, "whisk.system/p/hello", "whisk.system/actions/p/hello")
	f(`"action":"a b&c","package":"p@q","namespace":"me@example.com_dev"`, "me@example.com_dev/p@q/a b&c", "me@example.com_dev/actions/p@q/a%20b&c")
}

// TestOpenWhiskOutcome: how actions end, where OpenWhisk waits for them and where it does not.
func TestOpenWhiskOutcome(t *testing.T) {
	t.Parallel()
	f := func(code int, result string, class invoke.Class, words ...string) {
		t.Helper()
		for _, after := range []time.Duration{0, time.Millisecond} {
			w := newWhisk(t)
			w.add("whisk.system/hello", func(http.ResponseWriter, *http.Request, []byte) whiskResponse {
				return whiskResponse{code, result, after}
			})
			c := invoketest.NewCaller(t, invoke.EgressOptions{})
			r, err := c.Call(t.Context(), c.Function("openwhisk", whiskSettings(w.URL, `,"namespace":"whisk.system"`)), invoketest.Event())
			if class == "" {
				if err != nil || string(r.Body) != result || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("after %v: %v, %v", after, r, err)
				}
				continue
			}
			wantFailure(t, err, class, words...)
			if all := fmt.Sprint(err) + c.Log.String(); strings.Contains(all, "top-secret") {
				t.Error(all)
			}
		}
	}
	f(0, `{}`, "")
	f(0, `{"a": 1,"a":2}`, "")
	f(0, `[1,2]`, "")
	f(1, `{"error":"out of stock, top-secret123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"}`, invoke.Function, "it failed")
	f(1, `{"error":{"code":1}}`, invoke.Function, "it failed")
	f(1, `{"error":null}`, invoke.Function, "it failed")
	f(2, `{"error":"The action did not produce a valid response and exited unexpectedly."}`, invoke.Function, "(action developer error)")
	f(2, `{"error":"The action did not initialize and exited unexpectedly."}`, invoke.Function, "(action developer error)")
	f(2, `{"error":"The action exceeded its time limits of 60000 milliseconds."}`, invoke.Timeout, "in time")
	f(2, `{"error":"The action exceeded its time limits of 60000 milliseconds during initialization."}`, invoke.Timeout, "in time")
	f(3, `{"error":"Failed to provision resources to run the action."}`, invoke.Temporary, "(whisk internal error)")
}

// TestOpenWhiskRefused: what OpenWhisk itself answers, or what is before it.
func TestOpenWhiskRefused(t *testing.T) {
	t.Parallel()
	w := newWhisk(t)
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(target.Close)
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	call := func(ev *event.Event) error {
		_, err := c.Call(t.Context(), c.Function("openwhisk", whiskSettings(w.URL, "")), ev)
		return err
	}
	wantFailure(t, call(invoketest.Event()), invoke.Invalid, "no such action")
	w.add("guest/hello", func(http.ResponseWriter, *http.Request, []byte) whiskResponse { return whiskResponse{result: "{}"} })
	large := invoketest.Event()
	large.Data.Raw = []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	wantFailure(t, call(large), invoke.Invalid, "larger than OpenWhisk takes")
	unknown := strings.Replace(whiskSettings(w.URL, ""), "top-secret", "top-secrets", 1)
	_, err := c.Call(t.Context(), c.Function("openwhisk", unknown), invoketest.Event())
	wantFailure(t, err, invoke.Denied, "does not know the key")
	f := func(status int, text string, class invoke.Class, words ...string) *invoke.Error {
		t.Helper()
		w.refuse(func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.Header().Set("Location", target.URL)
			if strings.HasPrefix(text, "<") {
				rw.WriteHeader(status)
				_, _ = io.WriteString(rw, text)
			} else {
				terminate(rw, status, text)
			}
			return true
		})
		return wantFailure(t, call(invoketest.Event()), class, words...)
	}
	f(400, "Request defines parameters that are not allowed (e.g., reserved properties).", invoke.Invalid, "final parameters")
	f(400, "The request content was malformed:", invoke.Invalid, "refused the call (status 400)")
	f(403, "The supplied authentication is not authorized to access this resource.", invoke.Denied, "may not run it")
	f(408, "<html>", invoke.Timeout, "in time")
	f(409, "Concurrent modification to resource detected.", invoke.Temporary, "(status 409)")
	f(415, "<html>", invoke.Invalid, "(status 415)")
	f(429, "Too many requests in the last minute (count: 61, allowed: 60).", invoke.Throttled, "in the last minute")
	if e := f(429, "Too many concurrent requests in flight (count: 31, allowed: 30).", invoke.Throttled, "are under way"); e.RetryAfter != time.Second {
		t.Error(e.RetryAfter)
	}
	f(500, "There was an internal server error.", invoke.Temporary, "(status 500)")
	f(502, "<html>Bad Gateway", invoke.Temporary, "(status 502)")
	f(503, "<html>", invoke.Temporary, "(status 503)")
	f(302, "<html>", invoke.Invalid, "redirect")
	f(307, "<html>", invoke.Invalid, "redirect")
	f(202, "<html>", invoke.Invalid, "goes on, but not where")
	f(204, "<html>", invoke.Invalid, "status 204")
}

// TestOpenWhiskPlain: where nobody wrote https://, nothing is said of it.
func TestOpenWhiskPlain(t *testing.T) {
	t.Parallel()
	w := newWhisk(t)
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	_, err := c.Call(t.Context(), c.Function("openwhisk", whiskSettings(w.Listener.Addr().String(), "")), invoketest.Event())
	if e := wantFailure(t, err, invoke.Invalid, "it does not speak TLS: provider.apiHost has to begin with http://"); strings.Contains(e.Message, "https") {
		t.Error(e)
	}
}

// TestOpenWhiskPolled: an action that goes on is asked for with growing pauses, until it has ended or the caller's time is over.
func TestOpenWhiskPolled(t *testing.T) {
	t.Parallel()
	w := newWhisk(t)
	lasts := func(d time.Duration) {
		w.add("guest/hello", func(http.ResponseWriter, *http.Request, []byte) whiskResponse {
			return whiskResponse{result: `{}`, after: d}
		})
	}
	lasts(time.Hour)
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := c.Function("openwhisk", whiskSettings(w.URL, ""))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	_, err := c.Call(ctx, f, invoketest.Event())
	wantFailure(t, err, invoke.Timeout, "did not answer in time")
	if all := w.asked(); len(all) != 4 || time.Since(began) > 1500*time.Millisecond { // after 100, 300 and 700 ms
		t.Errorf("after %v: %q", time.Since(began), all)
	}
	for _, uri := range w.asked()[1:] {
		if !strings.HasPrefix(uri, "GET /api/v1/namespaces/_/activations/") || !strings.HasSuffix(uri, "/result") {
			t.Error(uri)
		}
	}

	lasts(250 * time.Millisecond)
	var polls atomic.Int64
	w.refuse(func(rw http.ResponseWriter, r *http.Request) bool { // what comes between does not end it
		if r.Method == http.MethodGet {
			polls.Add(1)
		}
		switch polls.Load() {
		case 1:
			terminate(rw, 503, "")
		case 2, 3: // net/http itself asks once more
			panic(http.ErrAbortHandler)
		}
		return polls.Load() == 1
	})
	if _, err := c.Call(t.Context(), f, invoketest.Event()); err != nil || polls.Load() != 4 {
		t.Errorf("after %d looks: %v", polls.Load(), err)
	}
	polls.Store(0)
	w.refuse(func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			polls.Add(1)
			terminate(rw, 403, "")
		}
		return r.Method == http.MethodGet
	})
	_, err = c.Call(t.Context(), f, invoketest.Event())
	if wantFailure(t, err, invoke.Denied); polls.Load() != 1 {
		t.Errorf("it was asked for %d times", polls.Load())
	}
	for _, nonsense := range []string{"<html>", "{}", `{"status":"success"}`, `{"status":1}`} {
		w.refuse(func(rw http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet {
				_, _ = io.WriteString(rw, nonsense)
			}
			return r.Method == http.MethodGet
		})
		_, err = c.Call(t.Context(), f, invoketest.Event())
		wantFailure(t, err, invoke.Invalid)
	}
	for _, id := range []string{`"../../../x"`, `"a/b"`, `""`, `1`, `"` + strings.Repeat("a", 100) + `"`} {
		w.refuse(func(rw http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet {
				t.Errorf("%s was asked for", r.RequestURI)
			}
			rw.WriteHeader(http.StatusAccepted)
			_, _ = fmt.Fprintf(rw, `{"activationId":%s}`, id)
			return true
		})
		_, err = c.Call(t.Context(), f, invoketest.Event())
		wantFailure(t, err, invoke.Invalid, "not where")
	}
}

func TestOpenWhiskSettings(t *testing.T) {
	t.Parallel()
	f := func(field, value, want string) {
		t.Helper()
		settings := map[string]string{"apiHost": "openwhisk.example.com", "action": "hello", "auth": "uuid:top-secret"}
		settings[field] = value
		provider, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		wantSettings(t, "openwhisk", string(provider), want)
	}
	const host, name, key = "provider.apiHost must be", "must be a name of OpenWhisk", "provider.auth must be a key"
	for _, good := range []string{"openwhisk.example.com", "openwhisk.example.com:443", "https://openwhisk.example.com", "https://openwhisk.example.com/", "http://127.0.0.1:3233", "[::1]:3233"} {
		f("apiHost", good, "")
	}
	for _, bad := range []string{"https://", "ftp://h", "https://h/api/v1", "https://u:top-secret@h", "u@h", "h?x", "h#x", "h:70000", "h:x", "h/x", "https://:443", "a b", "//h"} {
		f("apiHost", bad, host)
	}
	for _, good := range []string{"a", "_", "a b", "a.b", "a-b@c&d", "whisk.system", strings.Repeat("a", 256)} {
		f("action", good, "")
		f("package", good, "")
		f("namespace", good, "")
	}
	for _, bad := range []string{".", "..", "a/b", "/a", "a ", " a", "-a", "a?b", "a#b", "a%2f", "ä", "a\n", "a\\b", strings.Repeat("a", 257)} {
		f("action", bad, "provider.action "+name)
		f("package", bad, "provider.package "+name)
		f("namespace", bad, "provider.namespace "+name)
	}
	f("auth", "****", "")
	for _, bad := range []string{"top-secret", ":top-secret", "uuid:", "uu id:top-secret", "uuid:top-secret\n", "uuid:top-secret ä"} {
		f("auth", bad, key)
	}
	for _, field := range []string{"apiHost", "action", "auth"} {
		f(field, "", "missing required fields for OpenWhisk action (apiHost, action, auth)")
	}
	for _, form := range []string{`"mode":"binary"`, `"response":"passthrough"`} {
		body := fmt.Sprintf(`{"functionId":"f","type":"openwhisk","provider":%s,%s}`, whiskSettings("h", ""), form)
		if _, err := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil).DecodeFunction([]byte(body), "default", ""); err == nil {
			t.Errorf("%s is taken", form)
		}
	}
}

// TestOpenWhiskClient: OpenWhisk's own client finds in the server of these tests what it expects of an OpenWhisk.
func TestOpenWhiskClient(t *testing.T) {
	t.Parallel()
	dir := servers.NodeFolder(t, "testdata/openwhisk")
	w := newWhisk(t)
	got := make(chan string, 10)
	w.add("guest/p/hello", func(_ http.ResponseWriter, _ *http.Request, arguments []byte) whiskResponse {
		got <- string(arguments)
		return whiskResponse{result: `{"greeting":"hello"}`}
	})
	end := func(code int, result string, after time.Duration) whiskAction {
		return func(http.ResponseWriter, *http.Request, []byte) whiskResponse {
			return whiskResponse{code, result, after}
		}
	}
	w.add("guest/fail", end(1, `{"error":"out of stock"}`, 0))
	w.add("guest/crash", end(2, `{"error":"The action did not produce a valid response and exited unexpectedly."}`, 0))
	w.add("guest/broken", end(3, `{"error":"Failed to provision resources to run the action."}`, 0))
	w.add("guest/slow", end(0, `{"slow":true}`, 50*time.Millisecond))
	f := func(auth, call, options string, want ...string) (said string) {
		t.Helper()
		order := fmt.Sprintf(`{"client":{"apihost":%q,"api_key":%q},"call":%q,"options":%s}`, w.URL, auth, call, options)
		cmd := exec.CommandContext(t.Context(), "node", "index.js", order)
		cmd.Dir = dir
		cmd.Env = withoutProxy(os.Environ())
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		for _, part := range want {
			if !strings.Contains(string(out), part) {
				t.Errorf("%s %s: %s is not in %s", call, options, part, out)
			}
		}
		return string(out)
	}
	f(whiskAuth, "actions.invoke", `{"name":"p/hello","blocking":true,"result":true,"params":{"n":1}}`, `{"result":{"greeting":"hello"}}`)
	if arguments := <-got; arguments != `{"n":1}` {
		t.Errorf("the action got %s", arguments)
	}
	f(whiskAuth, "actions.invoke", `{"name":"p/hello","blocking":true}`,
		`"response":{"result":{"greeting":"hello"}`, `"status":"success","success":true`, `"activationId":"`)
	f(whiskAuth, "actions.invoke", `{"name":"fail","blocking":true,"result":true}`, `"statusCode":502`, `application error`, `--> \"out of stock\"`)
	f(whiskAuth, "actions.invoke", `{"name":"crash","blocking":true}`, `"statusCode":502`, `"status":"action developer error"`)
	f(whiskAuth, "actions.invoke", `{"name":"broken","blocking":true}`, `"statusCode":500`, `"status":"whisk internal error"`)
	f(whiskAuth, "actions.invoke", `{"name":"none","blocking":true}`, `"statusCode":404`, `The requested resource does not exist.`)
	f("uuid:other", "actions.invoke", `{"name":"fail","blocking":true}`, `"statusCode":401`, `The supplied authentication is invalid`)
	f(whiskAuth, "activations.result", `{"name":"0123456789abcdef0123456789abcdef"}`, `"statusCode":404`)
	var started struct {
		Result struct {
			ActivationID string `json:"activationId"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(f(whiskAuth, "actions.invoke", `{"name":"slow","blocking":true}`, `"activationId":"`)), &started); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf(`{"name":%q}`, started.Result.ActivationID)
	time.Sleep(50 * time.Millisecond)
	f(whiskAuth, "activations.result", id, `{"slow":true}`, `"status":"success"`)
	f(whiskAuth, "activations.get", id, `"response":{"result":{"slow":true}`, `"namespace":"guest"`)
}

// withoutProxy returns an environment in which nothing keeps a program from calling 127.0.0.1 itself.
func withoutProxy(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool { return strings.Contains(strings.ToUpper(v), "PROXY=") })
}
