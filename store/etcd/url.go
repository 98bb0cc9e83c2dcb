package etcd

import (
	"net/url"

	"github.com/event-gateway/event-gateway/store/backend"
)

// ParseURL reads options from etcd://[USER:PASSWORD@]HOST[:PORT],.../PREFIX?PARAMETERS: those of backend.ParseURL and password-file. Only the
// first host is needed; the port is 2379. secret is the password of a URL with a user only.
func ParseURL(u *url.URL, secret string) (Options, error) {
	l, err := backend.ParseURL(u, backend.Form{Scheme: "etcd", Port: "2379", Secret: secret, File: "password-file"})
	if err != nil {
		return Options{}, err
	}
	return Options{Endpoints: l.Hosts, Prefix: l.Path, Username: l.Username, Password: l.Password, TLS: l.TLS, Timeout: l.Timeout}, nil
}
