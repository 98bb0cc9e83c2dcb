//go:build unix

package invoke_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// The two are to be compared: an Invoker may cost 1.25 times the CPU of the bare SDK, the server included in both.

func BenchmarkLambdaInvoke(b *testing.B) {
	benchmarkLambda(b, func(*region) func(context.Context, []byte) error {
		call := mustOpen(b, function(b, arn, ownKeys))
		return func(ctx context.Context, body []byte) error {
			_, err := call(ctx, payload(string(body)))
			return err
		}
	})
}

func BenchmarkLambdaSDK(b *testing.B) {
	benchmarkLambda(b, func(r *region) func(context.Context, []byte) error {
		transport := &http.Transport{
			DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment,
			MaxIdleConns: 10_000, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 5 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
		}
		b.Cleanup(transport.CloseIdleConnections)
		client := lambda.New(lambda.Options{
			Region: "eu-west-1", BaseEndpoint: &r.URL, Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: transport},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDOWN", "own/secret+key", "own+token//=="),
		})
		return func(ctx context.Context, body []byte) error {
			// Now and then it fails, in the way that the Invoker avoids.
			_, _ = client.Invoke(ctx, &lambda.InvokeInput{
				FunctionName: aws.String(arn), InvocationType: types.InvocationTypeRequestResponse, Payload: []byte(string(body)),
			})
			return nil
		}
	})
}

func benchmarkLambda(b *testing.B, open func(*region) func(context.Context, []byte) error) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			body := `{"body":"` + strings.Repeat("x", size) + `"}`
			r := newRegion(b, nil)
			r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { // keeps nothing
				_, _ = io.Copy(io.Discard, req.Body)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, body)
			})
			call := open(r)
			before := cpu(b)
			for b.Loop() {
				if err := call(b.Context(), []byte(body)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
			b.ReportAllocs()
		})
	}
}

// cpu returns how much CPU time this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Skip(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
