package dynamodb

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"
)

// dial returns the client. It is made at the first call, since that reads files, which may come and be put right later.
func (s *Store) dial(ctx context.Context) (*dynamodb.Client, error) {
	s.dialing.Lock()
	defer s.dialing.Unlock()
	if c := s.client.Load(); c != nil {
		return c, nil
	}
	c, err := config.LoadDefaultConfig(ctx, s.sources()...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSettings, err)
	}
	if c.Region == "" {
		return nil, fmt.Errorf("%w: no region is given: add ?region=... to the store's URL, or set AWS_REGION", errSettings)
	}
	var authorities *tls.Config
	if client, ok := c.HTTPClient.(*awshttp.BuildableClient); ok { // made for AWS_CA_BUNDLE
		authorities = client.GetTransport().TLSClientConfig
	}
	s.transport = newTransport(s.ctx, authorities)
	c.RetryMaxAttempts = 0
	client := dynamodb.NewFromConfig(c, func(o *dynamodb.Options) {
		o.HTTPClient = sender{s.transport}
		o.Retryer = newRetryer()
		if s.options.Endpoint != "" {
			o.BaseEndpoint = &s.options.Endpoint
		}
	})
	s.client.Store(client)
	return client, nil
}

// sources are what the options say instead of the environment and the shared files.
func (s *Store) sources() []func(*config.LoadOptions) error {
	o := s.options
	sources := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if o.Region != "" {
		sources = append(sources, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		sources = append(sources, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Username != "" {
		sources = append(sources, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.Username, o.Password, "")))
	}
	return sources
}

// newTransport returns the way to the database, which dials no more once ctx has ended. How long a request takes is bounded by its own ctx.
func newTransport(ctx context.Context, authorities *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 3 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(dialing context.Context, network, addr string) (net.Conn, error) {
			dialing, cancel := context.WithCancel(dialing)
			defer cancel()
			defer context.AfterFunc(ctx, cancel)()
			return dialer.DialContext(dialing, network, addr)
		},
		TLSClientConfig:        authorities,
		TLSHandshakeTimeout:    3 * time.Second,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// largestAnswer is how many bytes of an answer are read: DynamoDB sends 16 MB of items at most, a third more as base64.
const largestAnswer = 32 << 20

// sender sends the SDK's requests.
type sender struct{ transport *http.Transport }

// Do implements dynamodb.HTTPClient. The bytes of the body take the place of the SDK's reader of them: net/http would send that in a packet
// of its own, and close the connection if the answer came before it saw the end, with the answer half read if it is long.
func (s sender) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	response, err := s.transport.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, largestAnswer)
	}
	return response, err
}

// newRetryer returns what the SDK tries reads again by: twice, after pauses that leave room for it in the timeout of a request.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 3
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			pause := firstPause << min(attempt, 4)
			return pause/2 + rand.N(pause), nil
		})
	})
}

// once is the option of requests that must not be tried again behind their caller's back.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }
