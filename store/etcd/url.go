package etcd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// ParseURL reads options from etcd://[USER:PASSWORD@]HOST[:PORT],.../PREFIX?timeout=3s&ca=FILE&cert=FILE&key=FILE. Only the first host
// is needed; the port is 2379. A ca, or a cert and its key, means TLS: with them, and else with what the system trusts. Errors do not show the password.
func ParseURL(u *url.URL) (Options, error) {
	o := Options{Prefix: strings.TrimRight(u.Path, "/")}
	if u.Scheme != "etcd" || u.Fragment != "" {
		return Options{}, fmt.Errorf("%s is no URL of etcd: etcd://host:port/prefix is needed", u.Redacted())
	}
	for host := range strings.SplitSeq(u.Host, ",") {
		endpoint, err := withPort(host)
		if err != nil {
			return Options{}, fmt.Errorf("%s: %w", u.Redacted(), err)
		}
		o.Endpoints = append(o.Endpoints, endpoint)
	}
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
		if o.Username == "" || o.Password == "" {
			return Options{}, fmt.Errorf("%s: a user needs a name and a password", u.Redacted())
		}
	}
	if err := o.parseQuery(u.RawQuery); err != nil {
		return Options{}, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	return o, nil
}

// withPort returns host:port.
func withPort(host string) (string, error) {
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
	return net.JoinHostPort(name, "2379"), nil
}

func (o *Options) parseQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return err
	}
	var ca, cert, key string
	for name, values := range query {
		if len(values) > 1 {
			return fmt.Errorf("the parameter %q stands there twice", name)
		}
		switch value := values[0]; name {
		case "timeout":
			if o.Timeout, err = time.ParseDuration(value); err != nil || o.Timeout <= 0 {
				return fmt.Errorf("timeout=%s is no duration such as 3s", value)
			}
		case "ca":
			ca = value
		case "cert":
			cert = value
		case "key":
			key = value
		default:
			return fmt.Errorf("the parameter %q is unknown: timeout, ca, cert and key are known", name)
		}
	}
	o.TLS, err = tlsConfig(ca, cert, key)
	return err
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
