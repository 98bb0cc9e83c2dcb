package invoke

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/event-gateway/event-gateway/store"
)

// awsSettings is what the environment says about calls of AWS, for all functions.
type awsSettings struct {
	once      sync.Once
	config    aws.Config
	err       error
	transport atomic.Pointer[http.Transport]
}

func (s *awsSettings) close() {
	if t := s.transport.Load(); t != nil {
		t.CloseIdleConnections()
	}
}

// awsFunction returns how calls of a function on AWS are signed and sent, and what the SDK's client for them is made of. That has no
// credentials: each call brings its own.
func (e *Egress) awsFunction(s store.Settings, service awsService) (aws.Config, *awsFunction, error) {
	if err := checkAWS(s.Provider); err != nil { // the store may hold anything, too
		return aws.Config{}, nil, err
	}
	if err := e.credentials.checkAWS(s.Provider); err != nil {
		return aws.Config{}, nil, &Error{Class: Denied, Message: err.Error()}
	}
	e.aws.once.Do(func() { e.aws.load(e.credentials == OwnCredentials) })
	if e.aws.err != nil {
		return aws.Config{}, nil, &Error{Class: Invalid, Message: "the gateway's AWS settings (environment, shared files) cannot be read", Cause: e.aws.err}
	}
	c := e.aws.config
	f := &awsFunction{service: service, source: c.Credentials, transport: e.aws.transport.Load()}
	c.Region, c.Credentials = s.Text("region"), nil
	f.service.needs = "the gateway needs " + service.needs
	if ownKeys(s.Provider) || s.Text("roleArn") != "" {
		f.service.needs = "its credentials need " + service.needs
	}
	if ownKeys(s.Provider) {
		own := credentials.NewStaticCredentialsProvider(s.Text("awsAccessKeyId"), s.Text("awsSecretAccessKey"), s.Text("awsSessionToken"))
		f.source, f.own = own, &own.Value
	}
	if s.Text("roleArn") != "" {
		f.assume(c, s, e.hosted)
	}
	if endpoint := s.Text("endpoint"); endpoint != "" {
		f.transport = e.transport
		c.BaseEndpoint, c.ConfigSources = &endpoint, nil // there the environment has an endpoint, which would win
	}
	return c, f, nil
}

func (s *awsSettings) load(without bool) {
	var authorities *tls.Config
	if without {
		s.config, authorities, s.err = loadWithoutCredentials()
	} else {
		s.config, authorities, s.err = loadAmbient()
	}
	s.config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	s.config.RetryMaxAttempts = 0
	s.config.APIOptions = append(s.config.APIOptions, keepStream)
	s.config.HTTPClient = smithyhttp.NopClient{} // each call brings its own
	// No guard: the hosts are made of a checked region, or named by the operator.
	t := newTransport(&net.Dialer{Timeout: dialTimeout})
	t.Proxy = http.ProxyFromEnvironment
	t.TLSClientConfig = authorities
	s.transport.Store(t)
}

// loadAmbient reads what any program on AWS reads. It asks for no credentials yet.
func loadAmbient() (aws.Config, *tls.Config, error) {
	c, err := config.LoadDefaultConfig(context.Background(), config.WithLogger(logging.Nop{}))
	if client, ok := c.HTTPClient.(*awshttp.BuildableClient); ok { // made for AWS_CA_BUNDLE
		return c, client.GetTransport().TLSClientConfig, err
	}
	return c, nil, err
}

// loadWithoutCredentials reads only those settings of the environment that are no credentials.
func loadWithoutCredentials() (aws.Config, *tls.Config, error) {
	env, err := config.NewEnvConfig()
	if err != nil {
		return aws.Config{}, nil, err
	}
	env.Credentials = aws.Credentials{}
	c := aws.Config{Logger: logging.Nop{}, Credentials: aws.AnonymousCredentials{}, ConfigSources: []any{env}}
	if env.BaseEndpoint != "" {
		c.BaseEndpoint = &env.BaseEndpoint
	}
	if env.CustomCABundle == "" {
		return c, nil, nil
	}
	pem, err := os.ReadFile(env.CustomCABundle)
	authorities := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if err == nil && !authorities.RootCAs.AppendCertsFromPEM(pem) {
		err = errors.New("AWS_CA_BUNDLE has no certificates")
	}
	return c, authorities, err
}
