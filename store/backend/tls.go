package backend

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
)

// Untrusted says whether one side of a TLS connection refused the other in a way that does not pass, or speaks no TLS: somebody has to change
// a certificate, or the settings. That goes for one that has expired too.
func Untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		plain        tls.RecordHeaderError // what answers speaks no TLS
		alert        *net.OpError          // crypto/tls has no exported type of the alerts that the other side sends
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &plain) ||
		errors.As(err, &alert) && UntrustedText(alert.Error())
}

// UntrustedText is Untrusted for the text of an error, of which some libraries keep no more. "internal error" is what a server sends if
// it cannot get its own certificate, which may pass.
func UntrustedText(text string) bool {
	_, alert, refused := strings.Cut(text, "remote error: tls: ")
	return refused && !strings.HasPrefix(alert, "internal error") || strings.Contains(text, "x509: ")
}
