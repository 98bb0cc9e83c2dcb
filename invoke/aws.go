package invoke

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
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

// Types without a file of their own can be registered; what calls them comes with a later release.

func awsKinesisType(hosted bool) store.FunctionType {
	return awsType("awskinesis", "AWS Kinesis function", "streamName", hosted)
}

func awsFirehoseType(hosted bool) store.FunctionType {
	return awsType("awsfirehose", "AWS Firehose function", "deliveryStreamName", hosted)
}

func awsSQSType(hosted bool) store.FunctionType {
	return awsType("awssqs", "AWS SQS function", "queueUrl", hosted)
}

// awsType returns a type whose functions have one field of their own, a region and credentials.
func awsType(name, title, field string, hosted bool) store.FunctionType {
	return store.FunctionType{
		Name: name, Title: title,
		Fields: []store.Field{
			{Name: field, Required: true},
			{Name: "region", Required: true},
			{Name: "awsAccessKeyId", Secret: true},
			{Name: "awsSecretAccessKey", Secret: true},
			{Name: "awsSessionToken", Secret: true},
		},
		Check: func(p store.Provider) error {
			if err := checkAWS(p); err != nil {
				return err
			}
			if hosted && !ownKeys(p) {
				return errNoKeys
			}
			return nil
		},
	}
}

var errNoKeys = errors.New("provider.awsAccessKeyId and provider.awsSecretAccessKey are required: this gateway calls nothing with AWS credentials of its own")

func ownKeys(p store.Provider) bool { return p.Text("awsAccessKeyId") != "" }

func checkAWS(p store.Provider) error {
	// The SDK makes a host name of the region and sends credentials there.
	r := p.Text("region")
	if ok, err := regexp.MatchString(`^[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}$`, r); !ok || err != nil {
		return errors.New("provider.region is not the name of an AWS region, such as us-east-1")
	}
	if arn := strings.Split(p.Text("arn"), ":"); len(arn) > 3 && arn[0] == "arn" && arn[3] != r {
		return fmt.Errorf("provider.region is %s, but provider.arn is in %.40q: they must be the same", r, arn[3])
	}
	if secret := p.Text("awsSecretAccessKey") != ""; ownKeys(p) != secret || p.Text("awsSessionToken") != "" && !secret {
		return errors.New("provider.awsAccessKeyId and provider.awsSecretAccessKey must both be there or neither, and provider.awsSessionToken only with them")
	}
	return nil
}

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

// awsConfig returns what a client for p is made of, and the way out for its calls. The credentials are p's own, else the gateway's.
func (e *Egress) awsConfig(p store.Provider) (aws.Config, *http.Transport, error) {
	own := ownKeys(p)
	if err := checkAWS(p); err != nil { // the store may hold anything, too
		return aws.Config{}, nil, err
	}
	if e.hosted && !own {
		return aws.Config{}, nil, &Error{Class: Denied, Message: errNoKeys.Error()}
	}
	e.aws.once.Do(func() { e.aws.load(e.hosted) })
	if e.aws.err != nil {
		return aws.Config{}, nil, &Error{Class: Invalid, Message: "the gateway's AWS settings (environment, shared files) cannot be read", Cause: e.aws.err}
	}
	c := e.aws.config
	c.Region = p.Text("region")
	if own {
		c.Credentials = credentials.NewStaticCredentialsProvider(p.Text("awsAccessKeyId"), p.Text("awsSecretAccessKey"), p.Text("awsSessionToken"))
	}
	return c, e.aws.transport.Load(), nil
}

func (s *awsSettings) load(hosted bool) {
	var authorities *tls.Config
	if hosted {
		s.config, authorities, s.err = loadWithoutCredentials()
	} else {
		s.config, authorities, s.err = loadAmbient()
	}
	s.config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	s.config.RetryMaxAttempts = 0
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
