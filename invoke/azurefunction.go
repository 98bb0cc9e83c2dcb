package invoke

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/event-gateway/event-gateway/store"
)

const azureDenied = "provider.key is missing, wrong or of another function, or the app that provider.clientId names is not let in"

func azureFunctionType() store.FunctionType {
	return store.FunctionType{
		Name: "azurefunction", Title: "Azure function (url)", Web: true,
		Fields: []store.Field{
			{Name: "url", Required: true, Address: true},
			{Name: "key", Secret: true},
			{Name: "tenantId"},
			{Name: "clientId"},
			{Name: "clientSecret", Secret: true},
			{Name: "scope"},
		},
		Check: func(p store.Provider) error {
			_, err := checkAzure(p)
			return err
		},
	}
}

// checkAzure returns where the function is.
func checkAzure(p store.Provider) (*url.URL, error) {
	u, err := parseURL(p.Text("url"))
	if err != nil {
		return nil, err
	}
	for name := range u.Query() {
		if strings.EqualFold(name, "code") {
			return nil, errors.New("provider.url has the parameter code, which is a secret in a place that is shown: put it into provider.key")
		}
	}
	key, tenant, client := p.Text("key"), p.Text("tenantId"), p.Text("clientId")
	app := client != ""
	switch {
	case (tenant != "") != app, (p.Text("clientSecret") != "") != app, p.Text("scope") != "" && !app:
		return nil, errors.New("provider.tenantId, provider.clientId and provider.clientSecret must all be there or none, and provider.scope only with them")
	case (key != "" || app) && !isSecure(u):
		return nil, errNotSecure
	case key != "" && app:
		return nil, errors.New("provider.key does not go with provider.clientId: leave one of them out")
	case !httpguts.ValidHeaderFieldValue(key) || strings.TrimSpace(key) != key:
		return nil, errors.New("provider.key has characters that no key has")
	case app && !isTenant(tenant):
		return nil, errors.New("provider.tenantId must be the id (a GUID) or a domain name of a tenant")
	case app && word(client, "-_.") == "":
		return nil, errors.New("provider.clientId is not the id of an app")
	case len(p.Text("scope")) > 1024 || strings.ContainsFunc(p.Text("scope"), func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("provider.scope must be one scope without spaces, such as api://ID/.default")
	}
	return u, nil
}

// isTenant says whether s can stand in a path as a tenant: a GUID or a domain name.
func isTenant(s string) bool {
	guid, _ := regexp.MatchString(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`, s)
	domain, _ := regexp.MatchString(`^([0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?\.)+[A-Za-z][0-9A-Za-z-]{0,61}[0-9A-Za-z]$`, s)
	return guid || domain && len(s) <= 253
}

func openAzureFunction(s store.Settings, e *Egress) (Invoker, error) {
	u, err := checkAzure(s.Provider)
	if err != nil {
		return nil, err
	}
	w := &endpoint{url: u, timeout: coldTimeout, transport: e.transport}
	if key := s.Text("key"); key != "" {
		w.header, w.secrets = http.Header{"X-Functions-Key": {key}}, []string{key}
	}
	if client := s.Text("clientId"); client != "" {
		authority := cmp.Or(os.Getenv("AZURE_AUTHORITY_HOST"), "https://login.microsoftonline.com")
		at, secure := parseSecure(authority)
		if !secure {
			return nil, &Error{Class: Invalid, Message: "AZURE_AUTHORITY_HOST, in the gateway's environment, is no URL that begins with https://"}
		}
		app := &azureApp{
			config: clientcredentials.Config{
				ClientID: client, ClientSecret: s.Text("clientSecret"), AuthStyle: oauth2.AuthStyleInParams,
				TokenURL: at.JoinPath(s.Text("tenantId"), "oauth2/v2.0/token").String(),
				Scopes:   []string{cmp.Or(s.Text("scope"), "api://"+client+"/.default")},
			},
			transport: e.operator,
		}
		b := &bearer{renew: app.token}
		w.token, w.dropped = b.authorization, b.refused
	}
	return w.invoke, nil
}

// azureApp is an app registered with Microsoft Entra ID, as which the gateway calls.
type azureApp struct {
	config    clientcredentials.Config
	transport http.RoundTripper
}

// token asks for one for the scope (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
func (a *azureApp) token(ctx context.Context) (token, error) {
	c := &tokenCall{ctx: ctx, transport: a.transport}
	t, err := a.config.Token(c.oauth())
	if err != nil {
		return token{}, c.failure("Microsoft Entra ID", "look at provider.tenantId, provider.clientId, provider.clientSecret, which may have expired, and provider.scope", a.config.ClientSecret)
	}
	return token{t.AccessToken, t.Expiry}, nil
}
