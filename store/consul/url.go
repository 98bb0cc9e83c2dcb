package consul

import (
	"net/url"

	"github.com/event-gateway/event-gateway/store/backend"
)

// ParseURL reads options from consul://[:TOKEN@]HOST[:PORT],.../PREFIX?PARAMETERS: those of backend.ParseURL, token-file and dc. Only the first
// host is needed; the port is 8500. secret is the token of a URL without one.
func ParseURL(u *url.URL, secret string) (Options, error) {
	var datacenter string
	l, err := backend.ParseURL(u, backend.Form{
		Scheme: "consul", Port: "8500", Token: true, Secret: secret, File: "token-file",
		Parameters: map[string]func(string) error{"dc": func(value string) error { datacenter = value; return nil }},
	})
	if err != nil {
		return Options{}, err
	}
	return Options{Endpoints: l.Hosts, Prefix: l.Path, Token: l.Password, Datacenter: datacenter, TLS: l.TLS, Timeout: l.Timeout}, nil
}
