package app

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificate is a key pair that is read again when its files change, looked at once a second at most and only when somebody connects.
type certificate struct {
	pair KeyPair

	mu      sync.Mutex
	current *tls.Certificate
	stamp   string
	looked  time.Time
}

// serverTLS returns the TLS settings of a listener, or nil if it has no certificate.
func serverTLS(pair KeyPair) (*tls.Config, error) {
	if pair.Cert == "" {
		return nil, nil
	}
	c := &certificate{pair: pair}
	if err := c.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// get returns the certificate. While new files cannot be read, as in the middle of a change, the last good one stays.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > time.Second {
		_ = c.load()
	}
	return c.current, nil
}

func (c *certificate) load() error {
	c.looked = time.Now()
	stamp := ""
	for _, file := range []string{c.pair.Cert, c.pair.Key} {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
		stamp += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), " ")
	}
	if stamp == c.stamp {
		return nil
	}
	loaded, err := tls.LoadX509KeyPair(c.pair.Cert, c.pair.Key)
	if err != nil {
		return fmt.Errorf("TLS: %s and %s: %w", c.pair.Cert, c.pair.Key, err)
	}
	c.current, c.stamp = &loaded, stamp
	return nil
}
