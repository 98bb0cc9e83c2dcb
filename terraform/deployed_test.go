package terraform_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
)

// deployed is the gateway as the module set it up: its functions run in processes of this machine, with the environment that they have in
// the emulator, and the credentials of their roles.
type deployed struct {
	*lambdatest.Host
	e *emulator
	p *permits
}

func deploy(e *emulator, program string) *deployed {
	e.t.Helper()
	d := &deployed{e: e, p: startPermits(e.t, e.url)}
	functions := make(map[string]lambdatest.Function)
	for _, name := range []string{"gateway-events", "gateway-config"} {
		functions[name] = d.function(program, name, name)
	}
	// A Config API that has the role of events.
	functions["intruder"] = d.function(program, "gateway-config", "gateway-events")
	host, err := lambdatest.Start(functions)
	if err != nil {
		e.t.Fatal(err)
	}
	d.Host = host
	e.t.Cleanup(func() {
		host.Close()
		if e.t.Failed() {
			for name := range functions {
				e.t.Logf("%s:\n%s", name, host.Log(name))
			}
		}
	})
	return d
}

// function returns how a function is started: with its own environment, and the role of another one or of itself.
func (d *deployed) function(program, name, roleOf string) lambdatest.Function {
	d.e.t.Helper()
	user := ""
	if name != roleOf {
		user = name + " with another role"
	}
	credentials := d.credentials(roleOf, user)
	settings := d.e.settings(name)
	env := []string{
		"AWS_REGION=" + region, "AWS_ENDPOINT_URL=" + d.p.URL, "AWS_ACCESS_KEY_ID=" + credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + credentials.SecretAccessKey, "AWS_SESSION_TOKEN=" + credentials.SessionToken,
	}
	for variable, value := range settings.Environment.Variables {
		env = append(env, variable+"="+value)
	}
	return lambdatest.Function{Command: []string{program}, Env: env, Timeout: time.Duration(*settings.Timeout) * time.Second}
}

// poll does what the event source mapping has AWS do, with the role of the function: it takes what is in the queue, calls the alias, and
// deletes what did not fail.
func (d *deployed) poll() {
	t := d.e.t
	t.Helper()
	client, url := sqs.NewFromConfig(d.as("gateway-events")), d.e.url+"/"+account+"/gateway"
	if _, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url}); err != nil {
		t.Fatal(err)
	}
	batch, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	var event events.SQSEvent
	for _, m := range batch.Messages {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:gateway", AWSRegion: region,
		})
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	result, err := d.Invoke(t.Context(), "gateway-events:live", payload)
	var answer events.SQSEventResponse
	if err != nil || result.FunctionError != "" || json.Unmarshal(result.Payload, &answer) != nil || len(answer.BatchItemFailures) != 0 {
		t.Fatalf("%d messages: %s %s %v", len(event.Records), result.FunctionError, result.Payload, err)
	}
	for _, m := range batch.Messages {
		if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
	}
}

// as returns the settings of a client that acts with the role of a function.
func (d *deployed) as(function string) aws.Config {
	d.e.t.Helper()
	credentials := d.credentials(function, "")
	c := d.e.aws.Copy()
	c.BaseEndpoint, c.RetryMaxAttempts = &d.p.URL, 1
	c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
	return c
}

// credentials returns those of the role of a function. What is done with them counts for whoever uses them, which is the role itself if that is "".
func (d *deployed) credentials(function, user string) aws.Credentials {
	d.e.t.Helper()
	arn := *d.e.settings(function).Role
	role := arn[strings.LastIndex(arn, "/")+1:]
	credentials := d.e.assume(arn)
	if err := d.p.grant(credentials.AccessKeyID, cmp.Or(user, role), d.e.policy(role)); err != nil {
		d.e.t.Fatal(err)
	}
	return credentials
}

// configure makes a request to the Config API.
func (d *deployed) configure(method, path, body string, want int) {
	d.e.t.Helper()
	if status, answer := d.send("gateway-config", method, "/v1/spaces/default"+path, body); status != want {
		d.e.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, status, answer, want)
	}
}

// send sends a request as an HTTP API does, with the identity of an operator that IAM knows. headers are "name: value".
func (d *deployed) send(function, method, path, body string, headers ...string) (status int, answer string) {
	d.e.t.Helper()
	return d.request(function, method, path, body, headers, operator())
}

// operator is how an event names one.
func operator() map[string]any {
	return map[string]any{"iam": map[string]string{
		"accountId": account, "accessKey": "AKIAEXAMPLE", "callerId": "AIDAEXAMPLE", "userId": "AIDAEXAMPLE", "userArn": "arn:aws:iam::" + account + ":user/operator",
	}}
}

func (d *deployed) request(function, method, path, body string, headers []string, authorizer map[string]any) (status int, answer string) {
	t := d.e.t
	t.Helper()
	named := map[string]string{"content-type": "application/json"}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		named[name] = value
	}
	event := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "headers": named, "body": body,
		"requestContext": map[string]any{
			"accountId": account, "stage": "$default", "domainName": "gateway.test", "authorizer": authorizer,
			"http": map[string]any{"method": method, "path": path, "sourceIp": "192.0.2.1"},
		},
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	result, err := d.Invoke(t.Context(), function+":live", payload)
	if err != nil || result.FunctionError != "" {
		t.Fatalf("%s %s: %s %s %v", method, path, result.FunctionError, result.Payload, err)
	}
	var a struct {
		Status int    `json:"statusCode"`
		Body   string `json:"body"`
		Base64 bool   `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(result.Payload, &a); err != nil {
		t.Fatalf("%s: %v", result.Payload, err)
	}
	if a.Base64 {
		b, err := base64.StdEncoding.DecodeString(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		a.Body = string(b)
	}
	return a.Status, a.Body
}
