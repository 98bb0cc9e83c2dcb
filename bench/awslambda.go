package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/event-gateway/event-gateway/invoke"
)

const (
	callTurns = 20
	callsEach = 1_000 // one after another
)

// measureAWSLambda compares what a call of a function of type awslambda costs with what the bare SDK's costs.
func measureAWSLambda(ctx context.Context) ([]row, error) {
	server, err := start(ctx, "aws")
	if err != nil {
		return nil, err
	}
	defer server.stop()
	gateway, err := start(ctx, "awslambda", server.hello)
	if err != nil {
		return nil, err
	}
	defer gateway.stop()
	sdk, err := start(ctx, "sdk", server.hello)
	if err != nil {
		return nil, err
	}
	defer sdk.stop()
	var ours, theirs, ratios []float64
	for i := range callTurns + 1 {
		g, err := callCost(gateway)
		if err != nil {
			return nil, err
		}
		s, err := callCost(sdk)
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first is to warm up
			ours, theirs, ratios = append(ours, g), append(theirs, s), append(ratios, g/s)
		}
	}
	return []row{{
		name: "awslambda function, CPU of a call against the bare SDK", measured: median(ratios), limit: 1.25, unit: "x",
		note: fmt.Sprintf("%.1f us against %.1f us; %d calls each; slices from %.2fx to %.2fx",
			median(ours)/1e3, median(theirs)/1e3, callTurns*callsEach, quantile(ratios, 0), quantile(ratios, 1)),
	}}, nil
}

// callCost returns the CPU time, in nanoseconds, that a call takes of the process that makes it.
func callCost(p *process) (float64, error) {
	before, err := p.number("cpu")
	if err != nil {
		return 0, err
	}
	if said, err := p.ask("calls"); err != nil || said != "done" {
		return 0, errors.Join(errors.New(said), err)
	}
	after, err := p.number("cpu")
	return (after - before) / callsEach, err
}

// caller returns what a process answers that makes calls, by a func that returns what the function said.
func caller(call func(context.Context) ([]byte, error)) func(string) string {
	return func(string) string {
		for range callsEach {
			if got, err := call(context.Background()); err != nil || string(got) != string(answer) {
				return fmt.Sprintf("the answer is wrong: %v: %s", err, got)
			}
		}
		return "done"
	}
}

// playAWS is a server in place of AWS Lambda's Invoke.
func playAWS([]string) (string, func(string) string, error) {
	url, err := serve(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Amzn-Requestid", "4f5a8f26-3f1c-4d1e-9d2b-6a1c0e8b7d90")
		h.Set("X-Amz-Executed-Version", "$LATEST")
		_, _ = w.Write(answer)
	})
	return url, nil, err
}

// The function that both sides call.
const (
	lambdaName   = "hello"
	lambdaRegion = "eu-west-1"
	keyID        = "AKIDEXAMPLE"
	secretKey    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// playAWSLambda calls it as the gateway does.
func playAWSLambda(args []string) (string, func(string) string, error) {
	// What this machine has set for AWS is not part of it.
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_LAMBDA": args[0], "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_PROFILE": "", "AWS_CA_BUNDLE": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			return "", nil, err
		}
	}
	f, err := newRules().DecodeFunction(fmt.Appendf(nil,
		`{"functionId":"f","type":"awslambda","provider":{"arn":%q,"region":%q,"awsAccessKeyId":%q,"awsSecretAccessKey":%q}}`,
		lambdaName, lambdaRegion, keyID, secretKey), "default", "")
	if err != nil {
		return "", nil, err
	}
	for _, t := range invoke.Types(false) {
		if t.Name != f.Kind() {
			continue
		}
		settings, err := f.Open(nil)
		if err != nil {
			return "", nil, err
		}
		call, err := t.Open(settings, invoke.NewEgress(invoke.EgressOptions{}))
		return "ready", caller(func(ctx context.Context) ([]byte, error) {
			a, err := call(ctx, invoke.Payload{Body: []byte(kilobyte)})
			if err != nil {
				return nil, err
			}
			return a.Body, nil
		}), err
	}
	return "", nil, errors.New("there is no type awslambda")
}

// transport is an HTTP client as the gateway's is: without what http.Client does besides.
type transport struct{ *http.Transport }

func (t transport) Do(r *http.Request) (*http.Response, error) { return t.RoundTrip(r) }

// playSDK calls it as the SDK does, with as little as it can be told to do.
func playSDK(args []string) (string, func(string) string, error) {
	c := lambda.New(lambda.Options{
		Region: lambdaRegion, BaseEndpoint: &args[0], Credentials: credentials.NewStaticCredentialsProvider(keyID, secretKey, ""),
		Retryer: aws.NopRetryer{},
		HTTPClient: transport{&http.Transport{ // as the gateway's
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 10_000, MaxIdleConnsPerHost: 256,
			IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
		}},
	})
	return "ready", caller(func(ctx context.Context) ([]byte, error) {
		input := &lambda.InvokeInput{FunctionName: aws.String(lambdaName), Payload: []byte(kilobyte)}
		out, err := c.Invoke(ctx, input)
		if err != nil { // net/http drops a connection whose answer came before it saw the end of the SDK's reader
			out, err = c.Invoke(ctx, input)
		}
		if err != nil {
			return nil, err
		}
		return out.Payload, nil
	}), nil
}
