package dynamodb

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"github.com/event-gateway/event-gateway/store/backend"
)

// ParseURL reads options from dynamodb://[USER:PASSWORD@]TABLE?PARAMETERS: timeout, region, endpoint, profile, poll and password-file. The user is an
// access key id, and the password its secret access key; without them AWS's usual sources of credentials count. secret is the password
// of a URL with a user only.
func ParseURL(u *url.URL, secret string) (Options, error) {
	var o Options
	table := matching(&o.Table, `^[a-zA-Z0-9_.-]{3,255}$`, "the name of a table: 3 to 255 letters, digits, underscores, hyphens and dots")
	l, err := backend.ParseURL(u, backend.Form{Scheme: "dynamodb", Secret: secret, File: "password-file", Parameters: map[string]func(string) error{
		"region":   matching(&o.Region, `^[a-z0-9-]+$`, "the name of a region such as eu-west-1"),
		"endpoint": matching(&o.Endpoint, `^https?://[^/?#@]+/?$`, "a URL such as http://host:8000"),
		"profile":  matching(&o.Profile, `.`, "the name of a profile"),
		"poll": func(value string) (err error) {
			o.Poll, err = backend.ParseDuration(value)
			return err
		},
	}})
	if err != nil {
		return Options{}, err
	}
	switch err = table(l.Hosts[0]); {
	case len(l.Hosts) > 1:
		err = errors.New("it can name one table only")
	case err != nil:
		err = fmt.Errorf("%q: %w", l.Hosts[0], err)
	case l.Path != "":
		err = errors.New("a table has no path: another configuration needs another table")
	}
	if err != nil {
		return Options{}, fmt.Errorf("%s: %w", backend.Shown(u), err)
	}
	o.Username, o.Password, o.Timeout = l.Username, l.Password, l.Timeout
	return o, nil
}

// matching reads a parameter that must match the pattern.
func matching(to *string, pattern, what string) func(value string) error {
	return func(value string) error {
		if ok, err := regexp.MatchString(pattern, value); !ok || err != nil {
			return errors.New("it is not " + what)
		}
		*to = value
		return nil
	}
}
