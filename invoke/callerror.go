package invoke

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// callError says in words for people why an HTTP call failed.
func callError(ctx context.Context, err error) *Error {
	var blocked *blockedError
	switch {
	case errors.Is(err, errAnswerTooLarge):
		return &Error{Class: Invalid, Message: err.Error()}
	case errors.As(err, &blocked):
		return &Error{Class: Blocked, Message: "its address is not allowed", Cause: err}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{Class: Timeout, Message: "it did not answer in time", Cause: err}
	case ctx.Err() != nil:
		return &Error{Class: Canceled, Message: "the call was cut off, since the caller went away or the gateway is shutting down", Cause: err}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &Error{Class: Throttled, RetryAfter: time.Second, NotCalled: true, Message: "the gateway has as many connections open as it may have", Cause: err}
	}
	class, message := connectionError(err)
	return &Error{Class: class, Message: message, Cause: err}
}

const notReached = "it could not be reached"

// connectionError says what was wrong with a connection, or with what came over it. Some errors of net/http can be told by their text only.
func connectionError(err error) (Class, string) {
	var (
		op        *net.OpError
		name      *net.DNSError
		untrusted *tls.CertificateVerificationError
		plain     tls.RecordHeaderError
	)
	said := func(text string) bool { return strings.Contains(err.Error(), text) }
	switch {
	case errors.As(err, &untrusted):
		return Temporary, certificateError(untrusted)
	case errors.As(err, &op) && op.Op == "remote error":
		return alertError(op.Err.Error())
	case errors.As(err, &plain):
		return Invalid, "it does not speak TLS, but its URL begins with https://"
	case errors.As(err, &name) && name.IsNotFound:
		return Temporary, notReached + ": there is no host of that name"
	case errors.As(err, &name), op != nil && op.Op == "dial":
		return Temporary, notReached
	case said("tls: "), said("TLS handshake timeout"):
		return Temporary, notReached + ": TLS failed"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		said("server closed idle connection"), said("client conn could not be established"):
		return Temporary, "it ended the connection before its answer was complete"
	case said("response headers exceeded"), said("response header list larger"):
		return Invalid, "the headers of its answer are larger than " + strconv.Itoa(maxAnswerHeader>>10) + " KiB"
	case said("malformed HTTP"), op == nil && (said("transport connection broken") || said("readLoopPeekFailLocked")): // the latter: unasked
		return Invalid, "its answer is not HTTP"
	}
	return Temporary, "the connection to it failed"
}

func certificateError(err error) string {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		return notReached + ": its certificate is for another host name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return notReached + ": its certificate has expired, or is not valid yet"
	}
	return notReached + ": its certificate is not trusted"
}

// alertError says why a server ended TLS, by the names that crypto/tls gives to alerts (RFC 8446, 6.2).
func alertError(alert string) (Class, string) {
	switch {
	case strings.HasSuffix(alert, "certificate required"):
		return Denied, "it wants a client certificate: provider.tls.certificate"
	case strings.Contains(alert, "certificate"), strings.HasSuffix(alert, "access denied"):
		return Denied, "it does not accept the client certificate (" + alert + ")"
	}
	return Temporary, notReached + ": TLS failed (" + alert + ")"
}
