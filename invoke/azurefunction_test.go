package invoke_test

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
)

const (
	azureTenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	azureClient = "6731de76-14a6-49ae-97bc-6eba6914391e"
	azureSecret = "top-secret~Q8~abc+/="
)

// entra is Microsoft Entra ID, as far as an app meets it that asks for tokens with its secret.
type entra struct {
	issuer
	*httptest.Server
	answer atomic.Value // http.HandlerFunc
}

func newEntra(t *testing.T) *entra {
	e := &entra{issuer: issuer{key: newKey(t)}}
	e.answer.Store(http.HandlerFunc(e.token))
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.answer.Load().(http.HandlerFunc)(w, r) }))
	t.Cleanup(e.Close)
	t.Setenv("AZURE_AUTHORITY_HOST", e.URL)
	return e
}

func (e *entra) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	refuse := func(status int, code, description string, number int) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":%q,"error_codes":[%d],"timestamp":"2026-01-02 03:04:05Z","trace_id":"t","correlation_id":"c"}`,
			code, fmt.Sprintf("AADSTS%d: %s You sent %s.", number, description, r.PostFormValue("client_secret")), number)
	}
	scope, isDefault := strings.CutSuffix(r.PostFormValue("scope"), "/.default")
	_, _, basic := r.BasicAuth()
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/"+azureTenant+"/oauth2/v2.0/token":
		refuse(http.StatusBadRequest, "invalid_request", "Tenant not found.", 90002)
	case r.PostFormValue("grant_type") != "client_credentials":
		refuse(http.StatusBadRequest, "unsupported_grant_type", "The app requested an unsupported grant type.", 70003)
	case r.PostFormValue("client_id") != azureClient:
		refuse(http.StatusBadRequest, "unauthorized_client", "Application was not found in the directory.", 700016)
	case subtle.ConstantTimeCompare([]byte(r.PostFormValue("client_secret")), []byte(azureSecret)) == 0 || basic:
		refuse(http.StatusUnauthorized, "invalid_client", "Invalid client secret provided.", 7000215)
	case !isDefault:
		refuse(http.StatusBadRequest, "invalid_scope", "The provided value for scope is not valid.", 1002012)
	default:
		_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":%q}`,
			e.issue(map[string]any{"aud": scope, "iss": "https://sts.windows.net/" + azureTenant + "/", "appid": azureClient, "tid": azureTenant}))
	}
}

func azureApp(address, more string) string {
	return fmt.Sprintf(`{"url":"http://%s/api/hello","tenantId":%q,"clientId":%q,"clientSecret":%q%s}`, address, azureTenant, azureClient, azureSecret, more)
}

func TestAzureFunction(t *testing.T) {
	want := map[invoketest.Behaviour]invoketest.Failure{
		invoketest.Nonsense: {Class: invoke.Function},
		invoketest.Deny:     {Class: invoke.Denied, Words: []string{"provider.key is missing, wrong"}},
	}
	t.Run("key", func(t *testing.T) {
		const key = "top-secret_xyz=="
		invoketest.Run(t, invoketest.Type{
			Name: "azurefunction",
			Start: func(t *testing.T) *invoketest.Backend {
				b := &invoketest.Backend{Elsewhere: invoketest.At(`{"url":"http://%s/api/hello?x=1","key":"` + key + `"}`)}
				b.Provider = b.Elsewhere(b.Serve(t, nil, func(w http.ResponseWriter, r *http.Request, body []byte, what invoketest.Behaviour) {
					if r.Header.Get("X-Functions-Key") != key || r.URL.RawQuery != "x=1" || r.Header.Get("Authorization") != "" {
						w.WriteHeader(http.StatusUnauthorized)
						return
					}
					webAnswer(w, r, body, what)
				}).Listener.Addr().String())
				return b
			},
			Missing: map[invoketest.Behaviour]string{invoketest.Expire: "its key stays what it is until somebody changes the function"},
			Want:    want,
			Secrets: []string{key},
		})
	})
	t.Run("app", func(t *testing.T) {
		invoketest.Run(t, invoketest.Type{
			Name: "azurefunction",
			Start: func(t *testing.T) *invoketest.Backend {
				b := &invoketest.Backend{Elsewhere: func(address string) string { return azureApp(address, "") }}
				b.Provider = b.Elsewhere(serveAzure(t, newEntra(t), b, "api://"+azureClient))
				return b
			},
			Want:    want,
			Secrets: []string{azureSecret, "eyJ"},
		})
	})
	t.Run("anonymous", func(t *testing.T) {
		invoketest.Run(t, invoketest.Type{
			Name: "azurefunction",
			Start: func(t *testing.T) *invoketest.Backend {
				b := &invoketest.Backend{Elsewhere: invoketest.At(`{"url":"http://%s/api/hello"}`)}
				b.Provider = b.Elsewhere(b.Serve(t, nil, webAnswer).Listener.Addr().String())
				return b
			},
			Missing: map[invoketest.Behaviour]string{invoketest.Expire: "it is called without credentials"},
			Want:    want,
		})
	})
}

// serveAzure starts a function that only those who have a token for an audience may call.
func serveAzure(t *testing.T, e *entra, b *invoketest.Backend, audience string) (address string) {
	return b.Serve(t, nil, func(w http.ResponseWriter, r *http.Request, body []byte, what invoketest.Behaviour) {
		if !e.lets(r, audience, what) || r.Header.Get("X-Functions-Key") != "" {
			http.Error(w, "You do not have permission to view this directory or page. "+r.Header.Get("Authorization"), http.StatusUnauthorized)
			return
		}
		webAnswer(w, r, body, what)
	}).Listener.Addr().String()
}

// TestAzureTokens: one token serves many calls; the scope says for whom.
func TestAzureTokens(t *testing.T) {
	e, b := newEntra(t), &invoketest.Backend{}
	b.Set(invoketest.Succeed)
	address := serveAzure(t, e, b, "https://other.example.com")
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := c.Function("azurefunction", azureApp(address, `,"scope":"https://other.example.com/.default"`))
	for range 10 {
		if _, err := c.Call(t.Context(), f, invoketest.Event()); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.tokens(); n != 1 {
		t.Errorf("%d tokens were given out", n)
	}
	_, err := c.Call(t.Context(), c.Function("azurefunction", azureApp(address, "")), invoketest.Event())
	wantFailure(t, err, invoke.Denied, "is not let in")
}

// TestAzureTokensThrottled: how long to wait comes from Entra ID, which is not asked again at once.
func TestAzureTokensThrottled(t *testing.T) {
	e := newEntra(t)
	var asked atomic.Int64
	e.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := c.Function("azurefunction", azureApp("127.0.0.1:1", ""))
	for range 20 {
		_, err := c.Call(t.Context(), f, invoketest.Event())
		if failure := wantFailure(t, err, invoke.Throttled, "no token", "Microsoft Entra ID", "no more for now"); failure.RetryAfter != 7*time.Second {
			t.Error(failure.RetryAfter)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("it was asked %d times", asked.Load())
	}
}

// TestAzureNoToken: what is said of each way in which there is no token. The function is not called.
func TestAzureNoToken(t *testing.T) {
	e := newEntra(t)
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed, or the function called") }))
	t.Cleanup(target.Close)
	f := func(provider string, a http.HandlerFunc, class invoke.Class, words ...string) {
		t.Helper()
		e.answer.Store(a)
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		_, err := c.Call(t.Context(), c.Function("azurefunction", provider), invoketest.Event())
		wantFailure(t, err, class, append(words, "no token", "Microsoft Entra ID")...)
		if all := fmt.Sprint(err) + c.Log.String(); strings.Contains(all, azureSecret) || strings.Contains(all, "top-secret") {
			t.Error(all)
		}
	}
	status := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", target.URL)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	own := azureApp(target.Listener.Addr().String(), "")
	f(strings.Replace(own, "~Q8~", "~Q9~", 1), e.token, invoke.Denied, "(invalid_client)", "provider.clientSecret")
	f(strings.Replace(own, azureTenant, "contoso.onmicrosoft.com", 1), e.token, invoke.Denied, "(invalid_request)", "provider.tenantId")
	f(strings.Replace(own, azureClient, "other", 1), e.token, invoke.Denied, "(unauthorized_client)", "provider.clientId")
	f(azureApp("127.0.0.1:1", `,"scope":"api://x"`), e.token, invoke.Denied, "(invalid_scope)", "provider.scope")
	f(own, status(403, "<html>"), invoke.Denied, "(status 403)")
	f(own, status(401, `{"error":"<b>evil</b>"}`), invoke.Denied, "(status 401)")
	f(own, status(200, `{"error":"access_denied"}`), invoke.Denied, "(access_denied)")
	f(own, status(429, `{"error":"temporarily_unavailable"}`), invoke.Throttled, "status 429")
	f(own, status(503, ""), invoke.Temporary, "status 503")
	f(own, status(302, ""), invoke.Invalid, "redirect")
	f(own, status(307, ""), invoke.Invalid, "redirect")
	f(own, status(200, "<html>"), invoke.Invalid, "none that can be used")
	f(own, status(200, `{"token_type":"Bearer"}`), invoke.Invalid, "none that can be used")
	f(own, status(200, `{"access_token":"`+strings.Repeat("x", 1<<20)+`"}`), invoke.Invalid, "none that can be used")
	f(own, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, invoke.Temporary, "ended the connection")
	f(own, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("{"))
		panic(http.ErrAbortHandler)
	}, invoke.Temporary, "ended the connection")
	e.Close()
	f(own, e.token, invoke.Temporary, "could not be reached")
	t.Setenv("AZURE_AUTHORITY_HOST", "http://login.example.com")
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	_, err := c.Call(t.Context(), c.Function("azurefunction", own), invoketest.Event())
	wantFailure(t, err, invoke.Invalid, "AZURE_AUTHORITY_HOST")
}

func TestAzureSettings(t *testing.T) {
	t.Parallel()
	f := func(settings, want string) {
		t.Helper()
		wantSettings(t, "azurefunction", `{"url":"https://f.azurewebsites.net/api/hello"`+settings+`}`, want)
	}
	app := func(tenant, client, secret string) string {
		return fmt.Sprintf(`,"tenantId":%q,"clientId":%q,"clientSecret":%q`, tenant, client, secret)
	}
	const incomplete, both = "must all be there or none", "provider.key does not go with provider.clientId"
	f("", "")
	f(`,"key":"top-secret=="`, "")
	for _, plain := range []string{`,"key":"top-secret"`, `,"key":"****"`, app(azureTenant, azureClient, azureSecret)} {
		wantSettings(t, "azurefunction", `{"url":"http://f.example.com/api"`+plain+`}`, "provider.url must begin with https://")
		wantSettings(t, "azurefunction", `{"url":"http://127.0.0.1:1/api"`+plain+`}`, "")
	}
	wantSettings(t, "azurefunction", `{"url":"http://f.example.com/api"}`, "")
	f(`,"key":"****"`, "")
	f(`,"key":"top-secret\n"`, "provider.key has characters")
	f(`,"key":" top-secret"`, "provider.key has characters")
	f(app(azureTenant, azureClient, azureSecret), "")
	f(app(azureTenant, azureClient, "****"), "")
	f(app("contoso.onmicrosoft.com", azureClient, azureSecret), "")
	f(app(azureTenant, azureClient, azureSecret)+`,"scope":"api://x/.default"`, "")
	f(app(azureTenant, azureClient, azureSecret)+`,"scope":"a b"`, "provider.scope must be one scope")
	f(app(azureTenant, azureClient, ""), incomplete)
	f(app(azureTenant, "", azureSecret), incomplete)
	f(app("", azureClient, azureSecret), incomplete)
	f(app("", "", azureSecret), incomplete)
	f(`,"scope":"api://x/.default"`, incomplete)
	f(app(azureTenant, azureClient, azureSecret)+`,"key":"top-secret"`, both)
	for _, tenant := range []string{"common", "..", "a/b", "a.b/c", "a.com?", "a.com#", "evil@a.com", "-a.com", "a..com", azureTenant + "x", " ", "a.com\n"} {
		f(app(tenant, azureClient, azureSecret), "provider.tenantId must be")
	}
	f(app(azureTenant, "a b", azureSecret), "provider.clientId is not")
	for _, query := range []string{"code=top-secret", "x=1&code=top-secret", "CODE=top-secret", "c%6Fde=top-secret", "code"} {
		wantSettings(t, "azurefunction", `{"url":"https://f.azurewebsites.net/api/hello?`+query+`"}`, "put it into provider.key")
	}
	wantSettings(t, "azurefunction", `{"url":"https://f.azurewebsites.net/api/hello?x=1"}`, "")
	wantSettings(t, "azurefunction", `{"url":"f.azurewebsites.net"}`, "provider.url must be an absolute URL")
	wantSettings(t, "azurefunction", `{"key":"top-secret"}`, "missing required fields for Azure function (url)")
}
