package invoke_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store"
)

// googleCloud is what of Google Cloud a caller of a function meets: the token endpoint, the metadata server and the functions.
type googleCloud struct {
	issuer
	account *rsa.PrivateKey
	server  *httptest.Server
	wrong   atomic.Value // what is answered instead of a token, a string
}

const accountEmail = "caller@project.iam.gserviceaccount.com"

func newGoogleCloud(t *testing.T) *googleCloud {
	g := &googleCloud{issuer: issuer{key: newKey(t)}, account: newKey(t)}
	g.wrong.Store("")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", g.token)
	mux.HandleFunc("GET /computeMetadata/v1/instance/service-accounts/default/identity", g.metadata)
	g.server = httptest.NewServer(mux)
	t.Cleanup(g.server.Close)
	return g
}

// token answers as oauth2.googleapis.com/token does where a service account asks for an ID token.
func (g *googleCloud) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(description string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%q}`, description+" "+r.FormValue("assertion"))
	}
	head, claims, err := verified(&g.account.PublicKey, r.PostFormValue("assertion"))
	issued, _ := claims["iat"].(float64)
	expires, _ := claims["exp"].(float64)
	switch {
	case g.wrong.Load() != "":
		refuse(g.wrong.Load().(string))
	case r.PostFormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || err != nil || head["kid"] != "key-1":
		refuse("Invalid JWT Signature.")
	case claims["iss"] != accountEmail:
		refuse("Invalid grant: account not found")
	case claims["aud"] != g.server.URL+"/token" || expires-issued > 3600 || int64(issued) > time.Now().Unix():
		refuse("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
	case claims["target_audience"] == nil:
		refuse("Invalid scope or target audience")
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id_token":%q}`, g.idToken(claims["target_audience"]))
	}
}

// metadata answers as the metadata server of a machine does.
func (g *googleCloud) metadata(w http.ResponseWriter, r *http.Request) {
	audience := r.URL.Query().Get("audience")
	switch {
	case r.Header.Get("Metadata-Flavor") != "Google":
		http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
	case g.wrong.Load() != "":
		http.Error(w, g.wrong.Load().(string), http.StatusNotFound)
	case audience == "":
		http.Error(w, "non-empty audience parameter required", http.StatusBadRequest)
	default:
		w.Header().Set("Metadata-Flavor", "Google")
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, g.idToken(audience))
	}
}

func (g *googleCloud) idToken(audience any) string {
	return g.issue(map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "azp": "1234567890", "sub": "1234567890",
		"email": accountEmail, "email_verified": true,
	})
}

// key returns the file that Google Cloud gives out for a service account.
func (g *googleCloud) key() string {
	der, _ := x509.MarshalPKCS8PrivateKey(g.account)
	text, _ := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "project", "private_key_id": "key-1", "client_email": accountEmail, "client_id": "1234567890",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"auth_uri":    "https://accounts.google.com/o/oauth2/auth", "token_uri": g.server.URL + "/token", "universe_domain": "googleapis.com",
	}, json.Deterministic(true))
	return string(text)
}

// serve starts a function that only those who have a token for its URL may call.
func (g *googleCloud) serve(t *testing.T, b *invoketest.Backend) (address string) {
	var s *httptest.Server
	s = b.Serve(t, nil, func(w http.ResponseWriter, r *http.Request, body []byte, what invoketest.Behaviour) {
		if !g.lets(r, s.URL+"/hello", what) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token" error_description="The access token could not be verified"`)
			http.Error(w, "The request was not authenticated. "+r.Header.Get("Authorization"), http.StatusUnauthorized)
			return
		}
		webAnswer(w, r, body, what)
	})
	return s.Listener.Addr().String()
}

func gcloudSettings(address, credentials string) string {
	return fmt.Sprintf(`{"url":"http://%s/hello?x=1","credentials":%q}`, address, credentials)
}

func gcloudSuite(t *testing.T, credentials func(t *testing.T, g *googleCloud) string) invoketest.Type {
	return invoketest.Type{
		Name: "gcloudfunction",
		Start: func(t *testing.T) *invoketest.Backend {
			g, b := newGoogleCloud(t), &invoketest.Backend{}
			address := g.serve(t, b)
			c := credentials(t, g)
			b.Elsewhere = func(address string) string { return gcloudSettings(address, c) }
			b.Provider = b.Elsewhere(address)
			return b
		},
		Want: map[invoketest.Behaviour]invoketest.Failure{
			invoketest.Nonsense: {Class: invoke.Function},
			invoketest.Deny:     {Class: invoke.Denied, Words: []string{"roles/run.invoker", "provider.credentials says who calls"}},
		},
		Secrets: []string{"eyJ", "PRIVATE KEY", "MII"},
	}
}

func TestGcloudFunction(t *testing.T) {
	t.Run("key", func(t *testing.T) {
		invoketest.Run(t, gcloudSuite(t, func(_ *testing.T, g *googleCloud) string { return g.key() }))
	})
	t.Run("metadata server", func(t *testing.T) {
		t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
		invoketest.Run(t, gcloudSuite(t, func(t *testing.T, g *googleCloud) string {
			t.Setenv("GCE_METADATA_HOST", g.server.Listener.Addr().String())
			return "ambient"
		}))
	})
	t.Run("file of the gateway", func(t *testing.T) {
		invoketest.Run(t, gcloudSuite(t, func(t *testing.T, g *googleCloud) string {
			file := filepath.Join(t.TempDir(), "key.json")
			if err := os.WriteFile(file, []byte(g.key()), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
			return "ambient"
		}))
	})
	t.Run("public", func(t *testing.T) {
		invoketest.Run(t, invoketest.Type{
			Name: "gcloudfunction",
			Start: func(t *testing.T) *invoketest.Backend {
				b := &invoketest.Backend{Elsewhere: invoketest.At(`{"url":"http://%s/hello"}`)}
				b.Provider = b.Elsewhere(b.Serve(t, nil, func(w http.ResponseWriter, r *http.Request, body []byte, what invoketest.Behaviour) {
					if r.Header.Get("Authorization") != "" {
						t.Error("a token was sent")
					}
					webAnswer(w, r, body, what)
				}).Listener.Addr().String())
				return b
			},
			Missing: map[invoketest.Behaviour]string{invoketest.Expire: "it is called without credentials"},
			Want:    map[invoketest.Behaviour]invoketest.Failure{invoketest.Nonsense: {Class: invoke.Function}},
		})
	})
}

// TestGcloudTokens: one token serves many calls, and one for another audience is another.
func TestGcloudTokens(t *testing.T) {
	t.Parallel()
	g, b := newGoogleCloud(t), &invoketest.Backend{}
	b.Set(invoketest.Succeed)
	address := g.serve(t, b)
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := c.Function("gcloudfunction", gcloudSettings(address, g.key()))
	for range 10 {
		if _, err := c.Call(t.Context(), f, invoketest.Event()); err != nil {
			t.Fatal(err)
		}
	}
	if n := g.tokens(); n != 1 {
		t.Errorf("%d tokens were given out", n)
	}
	other := c.Function("gcloudfunction", fmt.Sprintf(`{"url":"http://%s/hello","audience":"https://other.example.com","credentials":%q}`, address, g.key()))
	_, err := c.Call(t.Context(), other, invoketest.Event())
	wantFailure(t, err, invoke.Denied, "provider.audience")
	other = c.Function("gcloudfunction", fmt.Sprintf(`{"url":"http://%s/other","audience":"http://%s/hello","credentials":%q}`, address, address, g.key()))
	if _, err := c.Call(t.Context(), other, invoketest.Event()); err != nil {
		t.Error(err)
	}
}

// TestGcloudMetadataOnce: a token of the metadata server is kept, too.
func TestGcloudMetadataOnce(t *testing.T) {
	g, b := newGoogleCloud(t), &invoketest.Backend{}
	b.Set(invoketest.Succeed)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("GCE_METADATA_HOST", g.server.Listener.Addr().String())
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := c.Function("gcloudfunction", gcloudSettings(g.serve(t, b), "ambient"))
	for range 3 {
		if _, err := c.Call(t.Context(), f, invoketest.Event()); err != nil {
			t.Fatal(err)
		}
	}
	if n := g.tokens(); n != 1 {
		t.Errorf("%d tokens were given out", n)
	}
}

// TestCloudPassthrough: functions of the clouds are web servers. One that answers as such has to be registered as such.
func TestCloudPassthrough(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no tea", http.StatusTeapot) }))
	t.Cleanup(s.Close)
	ok := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("tea")) }))
	t.Cleanup(ok.Close)
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	for _, kind := range []string{"gcloudfunction", "azurefunction"} {
		f := c.Function(kind, fmt.Sprintf(`{"url":%q}`, s.URL))
		f.Response = store.Passthrough
		if r, err := c.Respond(t.Context(), f, invoketest.Event()); err != nil || r.Status != http.StatusTeapot || string(r.Body) != "no tea\n" {
			t.Errorf("%s: %v, %v", kind, r, err)
		}
		_, err := c.Respond(t.Context(), c.Function(kind, fmt.Sprintf(`{"url":%q}`, ok.URL)), invoketest.Event())
		wantFailure(t, err, invoke.Invalid, `needs "response":"passthrough"`)
		body := fmt.Appendf(nil, `{"functionId":"f","type":%q,"provider":{"url":%q},"mode":"binary","response":"passthrough"}`, kind, s.URL)
		if _, err := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil).DecodeFunction(body, "default", ""); err != nil {
			t.Error(err)
		}
	}
}

// TestGcloudNoToken: what happens where there is no token to be had. The function is not called.
func TestGcloudNoToken(t *testing.T) {
	g, b := newGoogleCloud(t), &invoketest.Backend{}
	address := g.serve(t, b)
	f := func(o invoke.EgressOptions, credentials string, class invoke.Class, words ...string) {
		t.Helper()
		c := invoketest.NewCaller(t, o)
		_, err := c.Call(t.Context(), c.Function("gcloudfunction", gcloudSettings(address, credentials)), invoketest.Event())
		wantFailure(t, err, class, append(words, "no token")...)
		if all := fmt.Sprint(err) + c.Log.String(); strings.Contains(all, "eyJ") || strings.Contains(all, "PRIVATE") {
			t.Error(all)
		}
	}
	key := g.key()
	g.wrong.Store("Invalid grant: account not found")
	f(invoke.EgressOptions{}, key, invoke.Denied, "(invalid_grant)", "disabled", "clock")
	g.wrong.Store("")
	f(invoke.EgressOptions{Deny: loopback()}, key, invoke.Blocked, "token_uri", "its address is not allowed")

	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("GCE_METADATA_HOST", g.server.Listener.Addr().String())
	g.wrong.Store("no service account")
	f(invoke.EgressOptions{}, "ambient", invoke.Denied, "metadata server", "service account", "(status 404)")
	g.wrong.Store("")
	c := invoketest.NewCaller(t, invoke.EgressOptions{Deny: loopback()})
	_, err := c.Call(t.Context(), c.Function("gcloudfunction", gcloudSettings(address, "ambient")), invoketest.Event())
	if e := wantFailure(t, err, invoke.Blocked, "its address is not allowed"); strings.Contains(e.Message, "token") {
		t.Error("the metadata server, which the operator names, was refused:", e)
	}

	file := filepath.Join(t.TempDir(), "key.json")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	c = invoketest.NewCaller(t, invoke.EgressOptions{})
	ambient := c.Function("gcloudfunction", gcloudSettings(address, "ambient"))
	_, err = c.Call(t.Context(), ambient, invoketest.Event())
	wantFailure(t, err, invoke.Denied, "GOOGLE_APPLICATION_CREDENTIALS names cannot be read")
	if err := os.WriteFile(file, []byte(`{"type":"authorized_user"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ambient = c.Function("gcloudfunction", gcloudSettings(address, "ambient")) // the other one remembers that it was refused
	_, err = c.Call(t.Context(), ambient, invoketest.Event())
	wantFailure(t, err, invoke.Denied, "its type is not service_account")
	if calls, _ := b.Calls(); len(calls) > 0 {
		t.Errorf("the function was called: %q", calls)
	}
}

// TestGcloudHosted: a gateway that lends nobody its identity refuses functions that want it, also stored ones.
func TestGcloudHosted(t *testing.T) {
	t.Parallel()
	body := []byte(`{"functionId":"f","type":"gcloudfunction","provider":{"url":"https://f.example.com","credentials":"ambient"}}`)
	if _, err := store.NewRules(invoke.FunctionTypes(invoke.OwnCredentials), false, nil).DecodeFunction(body, "default", ""); err == nil ||
		!strings.HasSuffix(err.Error(), `provider.credentials cannot be "ambient": this gateway lends nobody its own identity`) {
		t.Error(err)
	}
	stored, err := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil).DecodeFunction(body, "default", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = open(t, invoke.EgressOptions{Hosted: true}, stored)
	wantFailure(t, err, invoke.Denied, "lends nobody")
}

// TestGcloudStored: what nobody checked when it was stored gets no token of the gateway's own, which another function would take.
func TestGcloudStored(t *testing.T) {
	g := newGoogleCloud(t)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("GCE_METADATA_HOST", g.server.Listener.Addr().String())
	types := invoke.FunctionTypes(invoke.GatewayCredentials)
	for i := range types {
		types[i].Check = nil
	}
	f := func(o invoke.EgressOptions, provider, want string) {
		t.Helper()
		body := `{"functionId":"f","type":"gcloudfunction","provider":` + provider + `}`
		record, err := store.NewRules(types, false, nil).DecodeFunction([]byte(body), "default", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, o, record); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", provider, err)
		}
	}
	f(invoke.EgressOptions{}, `{"url":"http://f.example.com","credentials":"ambient"}`, "https://")
	f(invoke.EgressOptions{}, `{"url":"https://f.example.com","credentials":"ambient","audience":"https://victim.example.com"}`, "provider.audience")
	f(invoke.EgressOptions{Credentials: invoke.OwnCredentials}, `{"url":"http://127.0.0.1:1","credentials":"****"}`, "which is no secret")
}

// TestTokenEndpointEchoes: what a token endpoint sends back of what it was sent is not in the log.
func TestTokenEndpointEchoes(t *testing.T) {
	var sent atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent.Store(string(body))
		invoketest.SendBack(t, w, r, body)
	}))
	t.Cleanup(s.Close)
	t.Setenv("AZURE_AUTHORITY_HOST", s.URL)
	g := newGoogleCloud(t)
	key := strings.Replace(g.key(), g.server.URL, s.URL, 1)
	f := func(kind, provider, field string) {
		t.Helper()
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		_, err := c.Call(t.Context(), c.Function(kind, provider), invoketest.Event())
		wantFailure(t, err, invoke.Invalid, "no token", "its answer is not HTTP")
		form, _ := url.ParseQuery(sent.Load().(string))
		secret := form.Get(field)
		if len(secret) < 10 {
			t.Fatalf("%s was not sent: %v", field, form)
		}
		for _, secret := range []string{secret, url.QueryEscape(secret), secret[len(secret)-10:]} {
			if all := err.Error() + c.Log.String(); strings.Contains(all, secret) {
				t.Errorf("%q is in %s", secret, all)
			}
		}
	}
	f("gcloudfunction", gcloudSettings("127.0.0.1:1", key), "assertion")
	f("azurefunction", azureApp("127.0.0.1:1", ""), "client_secret")
}

// loopback is where all servers of these tests are.
func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }

func TestGcloudSettings(t *testing.T) {
	t.Parallel()
	g := newGoogleCloud(t)
	key := func(name string, value any) string {
		var all map[string]any
		if err := json.Unmarshal([]byte(g.key()), &all); err != nil {
			t.Fatal(err)
		}
		if all[name] = value; value == nil {
			delete(all, name)
		}
		text, _ := json.Marshal(all)
		return string(text)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := func(k *rsa.PrivateKey) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
	}
	f := func(credentials, want string) {
		t.Helper()
		wantSettings(t, "gcloudfunction", fmt.Sprintf(`{"url":"https://f.example.com/","credentials":%q}`, credentials), want)
	}
	f(g.key(), "")
	f(key("private_key", pkcs1(g.account)), "")
	f("ambient", "")
	f("****", "")
	f("Ambient", "it is no such JSON")
	f("{", "it is no such JSON")
	f(`{"type":"service_account","type":"x"}`, "it is no such JSON")
	f(`[]`, "it is no such JSON")
	f(key("type", "authorized_user"), "its type is not service_account")
	f(key("type", 1), "it is no such JSON")
	f(key("client_email", nil), "it has no client_email")
	f(key("private_key", nil), "its private_key is no RSA key")
	f(key("private_key", "MIIEvQIBADANBgkq"), "its private_key is no RSA key")
	f(key("private_key", pkcs1(weak)), "of 2048 to 4096 bits")
	f(key("private_key", strings.Repeat("\n", 10_000)+pkcs1(g.account)), "its private_key is no RSA key")
	f(key("token_uri", nil), "its token_uri is no URL that begins with https://")
	f(key("token_uri", "http://oauth2.googleapis.com/token"), "its token_uri is no URL that begins with https://")
	f(key("token_uri", "https://oauth2.googleapis.com/token"), "")
	settings := func(provider, want string) {
		t.Helper()
		wantSettings(t, "gcloudfunction", provider, want)
	}
	settings(`{"url":"https://f.example.com"}`, "")
	settings(`{"url":"https://f.example.com","audience":"//iam/x"}`, "")
	settings(`{"url":"https://f.example.com","audience":"a b"}`, "provider.audience must be")
	const secure, own = "provider.url must begin with https://", "provider.audience must begin as provider.url does"
	settings(`{"url":"http://f.example.com"}`, "")
	settings(`{"url":"http://f.example.com","credentials":"ambient"}`, secure)
	settings(`{"url":"http://f.example.com","credentials":"****"}`, secure)
	settings(fmt.Sprintf(`{"url":"http://f.example.com","credentials":%q}`, g.key()), secure)
	settings(fmt.Sprintf(`{"url":"http://localhost:1","credentials":%q}`, g.key()), "")
	settings(`{"url":"http://127.0.0.1:1","credentials":"ambient"}`, "")
	settings(`{"url":"https://f.example.com/a?b","credentials":"ambient","audience":"https://F.example.com"}`, "")
	settings(`{"url":"https://f.example.com","credentials":"ambient","audience":"https://f.example.com/x"}`, "")
	for _, audience := range []string{"https://victim.example.com", "http://f.example.com", "f.example.com", "//f.example.com", "https://f.example.com:444", "https://f.example.com.evil.com", "x:%"} {
		settings(`{"url":"https://f.example.com","credentials":"ambient","audience":"`+audience+`"}`, own)
	}
	settings(fmt.Sprintf(`{"url":"https://f.example.com","credentials":%q,"audience":"https://other.example.com"}`, g.key()), "")
	settings(`{"url":"ftp://f.example.com"}`, "provider.url must be an absolute URL")
	settings(`{"credentials":"ambient"}`, "missing required fields for Google Cloud function (url)")
}

// wantSettings registers a function, wants an error that has some words or none, and looks for secrets in either.
func wantSettings(t *testing.T, kind, provider, want string) {
	t.Helper()
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
	f, err := rules.DecodeFunction(fmt.Appendf(nil, `{"functionId":"f","type":%q,"provider":%s}`, kind, provider), "default", "")
	shown := ""
	switch {
	case err != nil:
		var e *store.Error
		if shown = err.Error(); want == "" || !strings.Contains(shown, want) || !errors.As(err, &e) {
			t.Errorf("%s: got %q, want %q", provider, err, want)
		}
	case want != "":
		t.Errorf("%s: no error, want %q", provider, want)
	default:
		shown = fmt.Sprintf("%v %+v %s", f.Provider, f.Provider, f.Provider)
	}
	for _, secret := range []string{"PRIVATE", "MII", "gserviceaccount", "top-secret"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is in %s", secret, shown)
		}
	}
}
