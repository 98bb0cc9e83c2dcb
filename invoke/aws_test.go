package invoke_test

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store"
)

// TestAWSSettings: what may be registered. R: a region never becomes another host.
func TestAWSSettings(t *testing.T) {
	t.Parallel()
	f := func(lent invoke.Credentials, provider, want string) {
		t.Helper()
		rules := store.NewRules(invoke.FunctionTypes(lent), false, nil)
		_, err := rules.DecodeFunction([]byte(`{"functionId":"f","type":"awslambda","provider":{"arn":"hello",`+provider+`}}`), "default", "")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", provider, err)
		} else if err != nil && strings.Contains(err.Error(), "AKID") {
			t.Error(err)
		}
	}
	const pair = "awsAccessKeyId and provider.awsSecretAccessKey must both be there or neither"
	f(invoke.GatewayCredentials, `"region":"us-east-1"`, "")
	f(invoke.GatewayCredentials, `"region":"us-gov-west-1",`+ownKeys, "")
	f(invoke.GatewayCredentials, `"region":"us-east-1","awsAccessKeyId":"AKID"`, pair)
	f(invoke.GatewayCredentials, `"region":"us-east-1","awsSecretAccessKey":"AKID"`, pair)
	f(invoke.GatewayCredentials, `"region":"us-east-1","awsSessionToken":"AKID"`, pair)
	f(invoke.GatewayCredentials, `"region":"us-east-1","awsAccessKeyId":"AKID","awsSessionToken":"AKID"`, pair)
	f(invoke.GatewayCredentials, `"region":"us-east-1","awsAccessKeyId":"AKID","awsSecretAccessKey":"AKID"`, "")
	f(invoke.GatewayCredentials, `"region":"x@evil.example/#"`, "provider.region")
	f(invoke.GatewayCredentials, `"region":"us-east-1.evil.example"`, "provider.region")
	f(invoke.GatewayCredentials, `"region":"us-east-1\n"`, "provider.region")
	f(invoke.OwnCredentials, `"region":"us-east-1",`+ownKeys, "")
	f(invoke.OwnCredentials, `"region":"us-east-1"`, "provider.awsAccessKeyId and provider.awsSecretAccessKey are required")
	f(invoke.OwnCredentials, `"region":"us-east-1","awsSessionToken":"AKID"`, pair)
	f(invoke.OwnCredentials, `"region":"x@evil.example/#",`+ownKeys, "provider.region")
}

// TestAWSMoreSettings: those of roles, endpoints and single types.
func TestAWSMoreSettings(t *testing.T) {
	t.Parallel()
	f := func(kind, provider, want string) {
		t.Helper()
		_, err := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil).DecodeFunction([]byte(`{"functionId":"f","type":"`+kind+`","provider":{`+provider+`}}`), "default", "")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", provider, err)
		}
	}
	const in = `"streamName":"s","region":"eu-west-1",`
	f("awskinesis", in+withRole, "")
	f("awskinesis", in+`"roleArn":"arn:aws:iam::123456789012:role/a+b=c,d.e@f-g","externalId":"a:b/c"`, "")
	f("awskinesis", `"streamName":"s","region":"cn-north-1","roleArn":"arn:aws-cn:iam::123456789012:role/r"`, "")
	f("awskinesis", `"streamName":"s","region":"us-gov-west-1","roleArn":"arn:aws-us-gov:iam::123456789012:role/r"`, "")
	f("awskinesis", `"streamName":"s","region":"us-gov-west-1",`+withRole, `provider.roleArn is in the partition "aws", but provider.region in "aws-us-gov"`)
	f("awskinesis", in+`"roleArn":"arn:aws-cn:iam::123456789012:role/r"`, "the partition")
	for _, role := range []string{"sender", "arn:aws:iam::1:role/r", "arn:aws:iam::123456789012:user/r", "arn:aws:iam::123456789012:role/", "arn:aws:iam::123456789012:role/a b", "arn:aws:iam::123456789012:role/r\\n"} {
		f("awskinesis", in+`"roleArn":"`+role+`"`, "provider.roleArn is not the ARN of a role")
	}
	f("awskinesis", in+`"externalId":"x"`, "provider.externalId is for provider.roleArn")
	f("awskinesis", in+withRole+`,"externalId":"a b"`, "provider.externalId has letters")
	f("awskinesis", in+withRole+`,"externalId":"`+strings.Repeat("x", 1001)+`"`, "at most 1000")
	f("awskinesis", in+ownKeys+`,"endpoint":"https://vpce-1.kinesis.eu-west-1.vpce.amazonaws.com"`, "")
	f("awskinesis", in+withRole+`,"endpoint":"http://localhost:4566/base"`, "")
	f("awskinesis", in+`"endpoint":"http://localhost:4566"`, "provider.endpoint needs provider.awsAccessKeyId and provider.awsSecretAccessKey, or provider.roleArn")
	for _, endpoint := range []string{"localhost", "//localhost", "ftp://localhost", "http://", "http://a/?b", "http://a/#b"} {
		f("awskinesis", in+ownKeys+`,"endpoint":"`+endpoint+`"`, "provider.endpoint must be an absolute URL")
	}
	f("awskinesis", in+ownKeys+`,"endpoint":"http://a:70000"`, "provider.endpoint has a port that is none")
	f("awskinesis", in+ownKeys+`,"endpoint":"http://u:p@a"`, "provider.endpoint must not contain a user")
	f("awskinesis", `"streamName":"s","region":"eusc-de-east-1","roleArn":"arn:aws-eusc:iam::123456789012:role/r"`, "")
	f("awskinesis", `"streamName":"s","region":"eusc-de-east-1",`+withRole, `but provider.region in "aws-eusc"`)
	for _, name := range []string{"a b", "a/b", "arn:aws:kinesis:eu-west-1:123456789012:stream/s", strings.Repeat("s", 129), "ä"} {
		f("awskinesis", `"streamName":"`+name+`","region":"eu-west-1"`, "provider.streamName is the name of a stream, no ARN")
		f("awsfirehose", `"deliveryStreamName":"`+name+`","region":"eu-west-1"`, "provider.deliveryStreamName is the name of a stream, no ARN")
	}
	f("awskinesis", `"region":"eu-west-1","streamName":"`+strings.Repeat("s", 124)+`_.-9"`, "")
	f("awsfirehose", `"region":"eu-west-1","deliveryStreamName":"`+strings.Repeat("s", 60)+`_.-9"`, "")
	f("awsfirehose", `"region":"eu-west-1","deliveryStreamName":"`+strings.Repeat("s", 65)+`"`, "at most 64")
	f("awskinesis", in+`"partitionKey":"subject"`, "")
	f("awskinesis", in+`"partitionKey":"Subject"`, "provider.partitionKey is the name of an attribute")
	f("awskinesis", in+`"partitionKey":"data"`, "provider.partitionKey is the name of an attribute")
	f("awskinesis", `"region":"eu-west-1"`, "missing required fields for AWS Kinesis function")
	f("awsfirehose", `"deliveryStreamName":"s","region":"eu-west-1",`+withRole, "")
	f("awsfirehose", `"region":"eu-west-1"`, "missing required fields for AWS Firehose function")
	f("awslambda", `"arn":"hello","region":"eu-west-1","async":true`, "")
	f("awslambda", `"arn":"hello","region":"eu-west-1","async":"yes"`, "provider.async must be true or false")
	queue := func(url, more string) string { return `"queueUrl":"` + url + `","region":"eu-west-1"` + more }
	for _, host := range []string{
		"https://sqs.eu-west-1.amazonaws.com", "https://eu-west-1.queue.amazonaws.com", "https://SQS.EU-WEST-1.amazonaws.com:443", "https://sqs-fips.eu-west-1.amazonaws.com",
		"https://sqs.eu-west-1.api.aws", "https://vpce-1-2.sqs.eu-west-1.vpce.amazonaws.com", "http://localhost:4566", "http://sqs:9324",
	} {
		f("awssqs", queue(host+"/123456789012/q", ""), "")
	}
	for _, host := range []string{"https://sqs.us-east-1.amazonaws.com", "https://queue.amazonaws.com", "https://us-east-1.queue.amazonaws.com", "https://sqs.cn-north-1.amazonaws.com.cn", "https://sqs.us-east-1.api.aws"} {
		f("awssqs", queue(host+"/123456789012/q", ""), "provider.region is eu-west-1, but provider.queueUrl is in another")
	}
	f("awssqs", `"queueUrl":"https://queue.amazonaws.com/123456789012/q","region":"us-east-1"`, "")
	for _, url := range []string{"q", "/1/q", "https://a/1/q?b", "ftp://a/1/q", "arn:aws:sqs:eu-west-1:123456789012:q"} {
		f("awssqs", queue(url, ""), "provider.queueUrl is not the URL of a queue")
	}
	f("awssqs", queue("https://u:p@a/1/q", ""), "provider.queueUrl must not contain a user")
	f("awssqs", queue("https://a/1/q.fifo", `,"messageGroupId":"subject","deduplicationId":"id"`), "")
	f("awssqs", queue("https://a/1/q", `,"messageGroupId":"subject"`), "are for FIFO queues")
	f("awssqs", queue("https://a/1/q", `,"deduplicationId":"id"`), "are for FIFO queues")
	f("awssqs", queue("https://a/1/q.fifo", `,"messageGroupId":"a b"`), "provider.messageGroupId is the name of an attribute")
	f("awssqs", queue("https://a/1/q.fifo", `,"deduplicationId":"A"`), "provider.deduplicationId is the name of an attribute")
}

// TestAWSStored: a record that nobody checked is checked when it is opened.
func TestAWSStored(t *testing.T) {
	awsEnv(t, "http://127.0.0.1:1")
	types := invoke.FunctionTypes(invoke.GatewayCredentials)
	for i := range types {
		types[i].Check = nil
	}
	f := func(provider, want string) {
		t.Helper()
		body := `{"functionId":"f","type":"awslambda","provider":{"arn":"hello",` + provider + `}}`
		record, err := store.NewRules(types, false, nil).DecodeFunction([]byte(body), "default", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, invoke.EgressOptions{}, record); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", provider, err)
		}
	}
	f(`"region":"x@evil.example/#"`, "provider.region")
	f(`"region":"us-east-1","awsAccessKeyId":"AKID"`, "must both be there or neither")
}

func empty(http.ResponseWriter, *http.Request) {}

// TestAWSCredentials: who signs a call, and for which region.
func TestAWSCredentials(t *testing.T) {
	f := func(name, settings, key, token string) {
		t.Run(name, func(t *testing.T) {
			r := newRegion(t, empty)
			if _, err := mustOpen(t, function(t, arn, settings))(t.Context(), payload(`{}`)); err != nil {
				t.Fatal(err)
			}
			h := r.got[0].Header
			scope := strings.Split(strings.TrimPrefix(h.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="), "/")
			if len(scope) < 5 || scope[0] != key || scope[2] != "eu-west-1" || scope[3] != "lambda" || h.Get("X-Amz-Security-Token") != token {
				t.Errorf("%v", h)
			}
		})
	}
	f("own", ownKeys, "AKIDOWN", "own+token//==")
	f("own, without a token", `"awsAccessKeyId":"AKIDOWN","awsSecretAccessKey":"own/secret+key"`, "AKIDOWN", "")
	f("the gateway's", "", "AKIDGATEWAY", "gateway+token//==")
}

// TestAWSWhoNeeds: a denied call says whose credentials lack something.
func TestAWSWhoNeeds(t *testing.T) {
	newRegion(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
		w.WriteHeader(403)
	})
	newTokenService(t)
	f := func(settings, want string) {
		t.Helper()
		_, err := mustOpen(t, function(t, arn, settings))(t.Context(), payload(`{}`))
		wantError(t, err, invoke.Denied, want+" lambda:InvokeFunction on it")
	}
	f("", "the gateway needs")
	f(ownKeys, "its credentials need")
	f(withRole, "its credentials need")
	f(withRole+","+ownKeys, "its credentials need")
}

// TestAWSNotMade: what the SDK refuses before it calls is no failure of the function, however often it happens.
func TestAWSNotMade(t *testing.T) {
	r := newRegion(t, empty)
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := function(t, arn, "")
	for range 20 {
		_, err := c.Call(t.Context(), f, invoketest.Event())
		wantFailure(t, err, invoke.Invalid, "the request could not be made", "AWS_USE_FIPS_ENDPOINT")
	}
	if r.calls() != 0 {
		t.Error("something was sent")
	}
}

// TestAWSEndpoint: the variable for all services works as well as that of Lambda.
func TestAWSEndpoint(t *testing.T) {
	for _, hosted := range []bool{false, true} {
		r := newRegion(t, empty)
		t.Setenv("AWS_ENDPOINT_URL_LAMBDA", "")
		os.Unsetenv("AWS_ENDPOINT_URL_LAMBDA") // t.Setenv puts it back
		t.Setenv("AWS_ENDPOINT_URL", r.URL)
		call, err := open(t, invoke.EgressOptions{Hosted: hosted}, function(t, arn, ownKeys))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call(t.Context(), payload(`{}`)); err != nil || r.calls() != 1 {
			t.Errorf("%d calls, %v", r.calls(), err)
		}
	}
}

// TestS: a function without keys of its own never uses those of a hosted gateway, wherever it could find some.
func TestS(t *testing.T) {
	r := newRegion(t, empty)
	metadata := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL) }))
	t.Cleanup(metadata.Close)
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL, "AWS_DEFAULTS_MODE": "auto",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": metadata.URL, "AWS_SHARED_CREDENTIALS_FILE": file, "AWS_CONFIG_FILE": file, "AWS_PROFILE": "missing",
	} {
		t.Setenv(name, value)
	}
	hosted := invoke.EgressOptions{Hosted: true}
	_, err := open(t, hosted, function(t, arn, ""))
	e := wantDenied(t, err)
	if !strings.Contains(e.Message, "awsAccessKeyId and provider.awsSecretAccessKey are required") {
		t.Error(e)
	}
	call, err := open(t, hosted, function(t, arn, ownKeys))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call(t.Context(), payload(`{}`)); err != nil || r.calls() != 1 || !strings.Contains(r.got[0].Header.Get("Authorization"), "AKIDOWN/") {
		t.Errorf("%v, %d calls", err, r.calls())
	}
}

// wantDenied wants an *Error of class Denied. Its message may name settings, whose names have "secret" in them.
func wantDenied(t *testing.T, err error) *invoke.Error {
	t.Helper()
	e, ok := err.(*invoke.Error)
	if !ok || e.Class != invoke.Denied || strings.Contains(fmt.Sprint(e), "AKID") {
		t.Fatalf("%v", err)
	}
	return e
}

// TestAWSNone: a gateway without credentials says so, and a broken environment is one clear message.
func TestAWSNone(t *testing.T) {
	r := newRegion(t, empty)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	_, err := mustOpen(t, function(t, arn, ""))(t.Context(), payload(`{}`))
	if e := wantDenied(t, err); !strings.Contains(e.Message, "could not get AWS credentials of its own") {
		t.Error(e)
	}
	f := func(name, value, want string) {
		t.Helper()
		t.Setenv(name, value)
		_, err := open(t, invoke.EgressOptions{}, function(t, arn, ""))
		if e := wantError(t, err, invoke.Invalid, "the gateway's AWS settings"); e != nil && !strings.Contains(fmt.Sprint(e.Cause), want) {
			t.Error(e)
		}
		t.Setenv(name, "")
	}
	f("AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "none"), "none")
	f("AWS_PROFILE", "missing", "missing")
	if r.calls() != 0 {
		t.Error("something was sent")
	}
}

// TestAWSAuthorities: the certificates that AWS_CA_BUNDLE names are trusted, in each mode.
func TestAWSAuthorities(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(empty))
	t.Cleanup(s.Close)
	for _, o := range []invoke.EgressOptions{{}, {Hosted: true}} {
		awsEnv(t, s.URL)
		f := func() error {
			call, err := open(t, o, function(t, arn, ownKeys))
			if err == nil {
				_, err = call(t.Context(), payload(`{}`))
			}
			return err
		}
		wantError(t, f(), invoke.Temporary, "it could not be reached")
		t.Setenv("AWS_CA_BUNDLE", certificate(t, s))
		if err := f(); err != nil {
			t.Error(err)
		}
	}
}

// certificate writes the certificate of s to a file.
func certificate(t *testing.T, s *httptest.Server) string {
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
