package backend

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Location is what the URL of a store says: SCHEME://[USER:PASSWORD@]HOST[:PORT],.../PATH?PARAMETERS.
type Location struct {
	Hosts    []string // host:port
	Path     string   // without a slash at its end; may be empty
	Username string
	Password string
	TLS      *tls.Config   // nil is no TLS
	Timeout  time.Duration // of each request to the database; 0 is the package's default
}

// Form says what the URLs of one kind of store may hold.
type Form struct {
	Scheme string
	Port   string // where none is given; "" if the host is none: there is one, and no TLS
	Token  bool   // there is no user: what stands in place of a password is a token
	Secret string // a password from the environment, for a URL with a user and no password, or without a token
	File   string // the parameter that names a file with the password
	// Parameters are those that only this kind has. Each reads its value.
	Parameters map[string]func(value string) error
}

// ParseURL reads a URL. A TLS parameter means TLS: ca (a PEM file; else what the system trusts counts), cert and key, or tls=true. Errors
// begin with Shown.
func ParseURL(u *url.URL, f Form) (Location, error) {
	l := Location{Path: strings.TrimRight(u.Path, "/")}
	err := l.parse(u, f)
	if err != nil {
		return Location{}, fmt.Errorf("%s: %w", Shown(u), err)
	}
	return l, nil
}

// Shown returns what may be shown of a URL: no user and no parameters, and no more than the scheme if a password seems to be elsewhere.
func Shown(u *url.URL) string {
	if u.Opaque != "" || u.Fragment != "" || strings.Contains(u.Path+u.RawQuery, "@") {
		return u.Scheme + "://"
	}
	if u.Host == "" { // memory:
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

func (l *Location) parse(u *url.URL, f Form) error {
	if u.Scheme != f.Scheme || u.Fragment != "" || u.Opaque != "" || strings.Contains(u.Path, "@") {
		return fmt.Errorf("it is no URL of this kind: %s://HOST is needed, there is no @ in a prefix, and in a password %%2F stands for /, %%3F for ?, %%23 for # and %%40 for @", f.Scheme)
	}
	for host := range strings.SplitSeq(u.Host, ",") {
		host, err := withPort(host, f.Port)
		if err != nil {
			return err
		}
		l.Hosts = append(l.Hosts, host)
	}
	if l.Path != "" && l.Path != path.Clean(l.Path) {
		return errors.New("its path is none that prefixes can have: neither an empty part nor . or .. may be in it")
	}
	if u.User != nil {
		l.Username = u.User.Username()
		l.Password, _ = u.User.Password()
	}
	var file string
	if err := l.parseQuery(u.RawQuery, f, &file); err != nil {
		return err
	}
	if err := l.readSecret(file, f); err != nil {
		return err
	}
	return l.checkUser(u.User != nil || file != "", f)
}

// checkUser leaves no password without a user: one in the environment is meant for another store then.
func (l *Location) checkUser(given bool, f Form) error {
	switch {
	case f.Token && l.Username != "": // maybe the token, so that it must not be shown
		return fmt.Errorf("there are no users: a token is written with a colon before it, %s://:TOKEN@HOST", f.Scheme)
	case f.Token:
	case l.Username == "" && given, l.Username != "" && l.Password == "":
		return fmt.Errorf("a user needs a name and a password, which can be in the URL, in a file (%s) or in the environment", f.File)
	case l.Username == "":
		l.Password = ""
	}
	return nil
}

func (l *Location) parseQuery(raw string, f Form, file *string) error {
	var ca, cert, key string
	var secure bool
	text := func(to *string) func(string) error {
		return func(value string) error { *to = value; return nil }
	}
	known := map[string]func(string) error{
		"timeout": func(value string) (err error) {
			l.Timeout, err = ParseDuration(value)
			return err
		},
	}
	if f.Port != "" {
		known["ca"], known["cert"], known["key"] = text(&ca), text(&cert), text(&key)
		known["tls"] = func(value string) error {
			if secure = value == "true"; !secure && value != "false" {
				return errors.New("it can be true or false")
			}
			return nil
		}
	}
	if f.File != "" {
		known[f.File] = text(file)
	}
	for name, read := range f.Parameters {
		known[name] = read
	}
	if err := parseParameters(raw, known); err != nil {
		return err
	}
	var err error
	if l.TLS, err = tlsConfig(ca, cert, key); err == nil && secure && l.TLS == nil {
		l.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return err
}

// parseParameters has each parameter read by the one who knows it.
func parseParameters(raw string, known map[string]func(string) error) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the parameters cannot be read") // more might show a password
	}
	for name, values := range query {
		read, ok := known[name]
		if !ok {
			var names []string
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" {
				name = "..." // maybe a part of a password
			}
			return fmt.Errorf("the parameter %q is unknown: there are %s", name, strings.Join(names, ", "))
		}
		if len(values) > 1 {
			return fmt.Errorf("the parameter %q stands there twice", name)
		}
		if err := read(values[0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// ParseDuration reads a time that is not 0.
func ParseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return 0, errors.New("it is no duration such as 3s")
	}
	return d, nil
}

// readSecret takes the password from the URL, from the file or from the environment, in this order.
func (l *Location) readSecret(file string, f Form) error {
	switch {
	case file != "" && l.Password != "":
		return fmt.Errorf("there is a password and a %s", f.File)
	case file != "":
		secret, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if l.Password = strings.TrimSpace(string(secret)); l.Password == "" {
			return fmt.Errorf("%s is empty", file)
		}
	case l.Password == "":
		l.Password = f.Secret
	}
	return nil
}

// withPort returns host:port.
func withPort(host, port string) (string, error) {
	if port == "" {
		if host == "" || strings.ContainsAny(host, ":[]") {
			return "", fmt.Errorf("%q is no name", host)
		}
		return host, nil
	}
	if h, port, err := net.SplitHostPort(host); err == nil && h != "" && port != "" {
		return host, nil
	}
	name := host
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = name[1 : len(name)-1]
	} else if strings.Contains(name, ":") {
		name = ""
	}
	if name == "" {
		return "", fmt.Errorf("%q is no host or host:port", host)
	}
	return net.JoinHostPort(name, port), nil
}

// tlsConfig reads the files. Without any it returns nil.
func tlsConfig(ca, cert, key string) (*tls.Config, error) {
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", ca)
		}
	}
	if (cert == "") != (key == "") {
		return nil, errors.New("cert and key are needed together")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
