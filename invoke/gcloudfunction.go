package invoke

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"cloud.google.com/go/compute/metadata"
	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2/jwt"

	"github.com/event-gateway/event-gateway/store"
)

// coldTimeout is how long a web function of a cloud may take: it may have to be started first. As lambdaTimeout, it has to leave room
// for the answer in the time that the server has for it.
const coldTimeout = 50 * time.Second

// ambient is what stands for credentials that are the gateway's own.
const ambient = "ambient"

const gcloudDenied = "the function wants a caller with the role Cloud Run Invoker (roles/run.invoker) or Cloud Functions Invoker: " +
	"provider.credentials says who calls, and provider.audience has to be what the function wants"

func gcloudFunctionType(lent Credentials) store.FunctionType {
	return store.FunctionType{
		Name: "gcloudfunction", Title: "Google Cloud function (url)", Web: true,
		Fields: []store.Field{{Name: "url", Required: true, Address: true}, {Name: "credentials", Secret: true, Words: []string{ambient}}, {Name: "audience"}},
		Check: func(p store.Provider) error {
			_, err := checkGcloud(p, lent)
			return err
		},
	}
}

// checkGcloud returns where the function is.
func checkGcloud(p store.Provider, lent Credentials) (*url.URL, error) {
	u, err := parseURL(p.Text("url"))
	if err != nil {
		return nil, err
	}
	if a := p.Text("audience"); len(a) > 1024 || strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("provider.audience must be a URL or another name without spaces, of at most 1024 characters")
	}
	switch c := p.Text("credentials"); {
	case c == "":
	case !isSecure(u):
		return nil, errNotSecure
	case c == store.Masked: // those that it has
	case c == ambient:
		return u, checkAmbient(u, p.Text("audience"), lent)
	default:
		if _, problem := parseServiceAccount([]byte(c)); problem != "" {
			return nil, errors.New("provider.credentials " + problem)
		}
	}
	return u, nil
}

// checkAmbient refuses the gateway's own identity where that is lent to nobody, and where the function could use its token elsewhere.
func checkAmbient(function *url.URL, audience string, lent Credentials) error {
	if lent != GatewayCredentials {
		return errNotLent
	}
	if a, err := url.Parse(audience); audience != "" && (err != nil || a.Scheme != function.Scheme || !strings.EqualFold(a.Host, function.Host)) {
		return errors.New(`provider.audience must begin as provider.url does, with the same scheme and host, where provider.credentials is "ambient": ` +
			"a token of the gateway's own is for the function that gets it. For another audience give a service account key")
	}
	return nil
}

var errNotLent = errors.New(`provider.credentials cannot be "ambient": this gateway lends nobody its own identity`)

func openGcloudFunction(s store.Settings, e *Egress) (Invoker, error) {
	u, err := checkGcloud(s.Provider, e.credentials)
	switch {
	case errors.Is(err, errNotLent):
		return nil, &Error{Class: Denied, Message: err.Error()}
	case err != nil:
		return nil, err
	}
	w := &endpoint{url: u, timeout: coldTimeout, transport: e.transport}
	identity := gcloudIdentity{audience: cmp.Or(s.Text("audience"), withoutQuery(u))}
	switch c := s.Text("credentials"); c {
	case "":
		return w.invoke, nil
	case ambient:
		identity.transport, identity.file = e.operator, os.Getenv("GOOGLE_APPLICATION_CREDENTIALS")
	default:
		identity.transport = e.transport
		var problem string
		if identity.account, problem = parseServiceAccount([]byte(c)); problem != "" { // no account would stand for the gateway's own
			return nil, errors.New("provider.credentials " + problem)
		}
	}
	b := &bearer{renew: identity.token}
	w.token, w.dropped = b.authorization, b.refused
	return w.invoke, nil
}

func withoutQuery(u *url.URL) string {
	plain := *u
	plain.RawQuery, plain.ForceQuery, plain.Fragment, plain.RawFragment = "", false, "", ""
	return plain.String()
}

// serviceAccount is what matters here of a key file of Google.
type serviceAccount struct {
	Type     string `json:"type"`
	Email    string `json:"client_email"`
	KeyID    string `json:"private_key_id"`
	Key      string `json:"private_key"`
	TokenURI string `json:"token_uri"`
}

// parseServiceAccount says what is wrong with a key file in words that follow its name, and never repeat it.
func parseServiceAccount(text []byte) (a *serviceAccount, problem string) {
	a = &serviceAccount{}
	const what = `must be the JSON of a service account key, or "ambient": `
	if json.Unmarshal(text, a) != nil {
		return nil, what + "it is no such JSON"
	}
	_, secure := parseSecure(a.TokenURI)
	switch {
	case a.Type != "service_account":
		return nil, what + "its type is not service_account"
	case a.Email == "":
		return nil, what + "it has no client_email"
	case !usableKey(a.Key):
		return nil, what + "its private_key is no RSA key in PEM, of 2048 to 4096 bits"
	case !secure:
		return nil, what + "its token_uri is no URL that begins with https://"
	}
	return a, ""
}

// usableKey says whether a key can be signed with in a short time.
func usableKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil || len(text) > 8<<10 {
		return false
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	private, ok := key.(*rsa.PrivateKey)
	return err == nil && ok && private.N.BitLen() >= 2048 && private.N.BitLen() <= 4096
}

// gcloudIdentity is who calls: a service account, that of a file, or else the one that the metadata server knows.
type gcloudIdentity struct {
	account   *serviceAccount
	file      string
	audience  string
	transport http.RoundTripper
}

// token asks for an ID token for the audience (cloud.google.com/run/docs/authenticating/service-to-service).
func (i *gcloudIdentity) token(ctx context.Context) (token, error) {
	c := &tokenCall{ctx: ctx, transport: i.transport}
	account := i.account
	switch {
	case account == nil && i.file == "":
		return i.metadataToken(c)
	case account == nil:
		text, err := os.ReadFile(i.file) // each time: keys are changed
		if err != nil {
			return token{}, &Error{Class: Denied, Message: "the gateway has no Google identity: the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read", Cause: err}
		}
		var problem string
		if account, problem = parseServiceAccount(text); problem != "" {
			return token{}, &Error{Class: Denied, Message: "the gateway has no Google identity: the file that GOOGLE_APPLICATION_CREDENTIALS names " + problem}
		}
	}
	config := jwt.Config{
		Email: account.Email, PrivateKey: []byte(account.Key), PrivateKeyID: account.KeyID, TokenURL: account.TokenURI,
		PrivateClaims: map[string]any{"target_audience": i.audience}, UseIDToken: true,
	}
	t, err := config.TokenSource(c.oauth()).Token()
	if err != nil {
		return token{}, c.failure("the service account's token_uri", "look whether the key is deleted or disabled, and at the gateway's clock")
	}
	return token{t.AccessToken, t.Expiry}, nil
}

// metadataToken asks the server that tells a machine on Google Cloud who it is.
func (i *gcloudIdentity) metadataToken(c *tokenCall) (token, error) {
	value, err := metadata.NewClient(c.client()).GetWithContext(c.ctx, "instance/service-accounts/default/identity?format=full&audience="+url.QueryEscape(i.audience))
	if err != nil {
		return token{}, c.failure("Google's metadata server", "look whether the gateway runs as a service account")
	}
	value = strings.TrimSpace(value)
	return token{value, expiry(value)}, nil
}

// expiry reads when a signed token ends; zero: it does not say.
func expiry(signed string) time.Time {
	var claims struct {
		Expires int64 `json:"exp"`
	}
	parts := strings.Split(signed, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil || json.Unmarshal(text, &claims) != nil || claims.Expires == 0 {
		return time.Time{}
	}
	return time.Unix(claims.Expires, 0)
}
