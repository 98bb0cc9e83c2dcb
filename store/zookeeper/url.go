package zookeeper

import (
	"fmt"
	"net/url"
	"time"

	"github.com/event-gateway/event-gateway/store/backend"
)

// ParseURL reads options from zookeeper://[USER:PASSWORD@]HOST[:PORT],.../PREFIX?PARAMETERS: those of backend.ParseURL, password-file and
// session. The port is 2181. secret is the password of a URL with a user only.
func ParseURL(u *url.URL, secret string) (Options, error) {
	var session time.Duration
	l, err := backend.ParseURL(u, backend.Form{
		Scheme: "zookeeper", Port: "2181", Secret: secret, File: "password-file",
		Parameters: map[string]func(string) error{"session": func(value string) (err error) {
			session, err = backend.ParseDuration(value)
			return err
		}},
	})
	if err != nil {
		return Options{}, err
	}
	if _, err := newLayout(l.Path); l.Path != "" && err != nil {
		return Options{}, fmt.Errorf("%s: %w", backend.Shown(u), err)
	}
	return Options{
		Endpoints: l.Hosts, Prefix: l.Path, Username: l.Username, Password: l.Password, TLS: l.TLS, Timeout: l.Timeout, Session: session,
	}, nil
}
