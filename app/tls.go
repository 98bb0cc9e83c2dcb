package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a key pair that is read again when its files change, looked at once a second at most and only when somebody connects.
type certificate struct {
	pair KeyPair
	log  *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   string // of the files that were read last
	looked  time.Time
}

// serverTLS returns the TLS settings of a listener, or nil if it has no certificate.
func serverTLS(pair KeyPair, log *slog.Logger) (*tls.Config, error) {
	if pair.Cert == "" {
		return nil, nil
	}
	c := &certificate{pair: pair, log: log}
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
		if err := c.load(); err != nil {
			c.log.Error("the certificate was changed and cannot be read; the last good one stays", "error", err)
		}
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
	c.stamp = stamp // one complaint a change is enough
	loaded, err := tls.LoadX509KeyPair(c.pair.Cert, c.pair.Key)
	if err != nil {
		return fmt.Errorf("TLS: %s and %s: %w", c.pair.Cert, c.pair.Key, err)
	}
	c.current = &loaded
	return nil
}
