package invoke_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store"
)

// awsRecord decodes a function of a type with these settings besides its region.
func awsRecord(t testing.TB, kind, settings string) *store.Function {
	t.Helper()
	body := fmt.Sprintf(`{"functionId":"f.1","type":%q,"provider":{"region":"eu-west-1",%s}}`, kind, settings)
	f, err := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil).DecodeFunction([]byte(body), "default", "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sent returns what a service is sent for an event, and the answer.
func sent(t testing.TB, kind, settings, took string, p invoke.Payload) (map[string]any, *invoke.Answer) {
	t.Helper()
	r := newRegion(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, took) })
	a, err := mustOpen(t, awsRecord(t, kind, settings))(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(r.bodies[0]), &m); err != nil {
		t.Fatal(err)
	}
	if a.Status != 200 || !a.Plain || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%+v", a)
	}
	return m, a
}

// with returns a payload of an event that change has changed.
func with(change func(*event.Event)) invoke.Payload {
	ev := invoketest.Event()
	change(ev)
	return invoke.Payload{Body: []byte(`{}`), Event: ev, Delivery: "d-1"}
}

func same(*event.Event) {}

func TestKinesis(t *testing.T) {
	f := func(settings string, p invoke.Payload, key string) {
		t.Helper()
		m, a := sent(t, "awskinesis", `"streamName":"s"`+settings, `{"SequenceNumber":"1","ShardId":"shardId-000000000000"}`, p)
		if m["PartitionKey"] != key || m["StreamName"] != "s" || m["Data"] != "e30=" || len(m) != 3 {
			t.Errorf("%s: %v, want the key %q", settings, m, key)
		}
		if string(a.Body) != `{"sequenceNumber":"1","shardId":"shardId-000000000000"}` {
			t.Errorf("%s", a.Body)
		}
	}
	long := func(n int) invoke.Payload {
		return with(func(e *event.Event) { e.Subject = strings.Repeat("ü", n) })
	}
	f("", with(same), "id-1")
	f(`,"partitionKey":"subject"`, with(same), "o/42")
	f(`,"partitionKey":"type"`, with(same), "order.paid")
	f(`,"partitionKey":"zone"`, with(func(e *event.Event) { e.Extensions = []event.Extension{{Name: "zone", Value: []byte(`"z 1"`)}} }), "z 1")
	f(`,"partitionKey":"zone"`, with(func(e *event.Event) { e.Extensions = []event.Extension{{Name: "zone", Value: []byte(`""`)}} }), "id-1")
	f(`,"partitionKey":"zone"`, with(same), "id-1")
	f(`,"partitionKey":"subject"`, long(256), strings.Repeat("ü", 256))
	f(`,"partitionKey":"subject"`, long(257), "2af8c99ccdd8c38da1e1920a94e600700a4457cba16aa693f5903d298726d699")
	f("", invoke.Payload{Body: []byte(`{}`), Delivery: "d-1"}, "d-1")
}

func TestFirehose(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		p := invoke.Payload{Body: []byte(body)}
		m, a := sent(t, "awsfirehose", `"deliveryStreamName":"s"`, `{"RecordId":"r1"}`, p)
		var data []byte
		raw, _ := json.Marshal(m["Record"].(map[string]any)["Data"])
		if err := json.Unmarshal(raw, &data); err != nil || string(data) != want || m["DeliveryStreamName"] != "s" || string(a.Body) != `{"recordId":"r1"}` {
			t.Errorf("%v, %v, %s", m, err, a.Body)
		}
		if string(p.Body) != body {
			t.Error("the payload was changed: other deliveries share it")
		}
	}
	f(`{"a":1}`, "{\"a\":1}\n")
	f("{\r\n \"a\":\"b\\n\"\n}", "{   \"a\":\"b\\n\" }\n")
}

func TestSQS(t *testing.T) {
	f := func(url, settings string, p invoke.Payload, group, duplicate string) {
		t.Helper()
		m, a := sent(t, "awssqs", `"queueUrl":"`+url+`"`+settings, `{"MessageId":"m1","SequenceNumber":"18"}`, p)
		if m["QueueUrl"] != url || m["MessageBody"] != "{}" || fmt.Sprint(m["MessageGroupId"]) != group || fmt.Sprint(m["MessageDeduplicationId"]) != duplicate {
			t.Errorf("%s: %v, want %s %s", settings, m, group, duplicate)
		}
		if string(a.Body) != `{"messageId":"m1","sequenceNumber":"18"}` {
			t.Errorf("%s", a.Body)
		}
	}
	const standard, fifo = "http://other.example/1/q", "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"
	subject := func(s string) invoke.Payload { return with(func(e *event.Event) { e.Subject = s }) }
	f(standard, "", with(same), "<nil>", "<nil>")
	f(fifo, "", with(same), "f.1", "d-1")
	f(fifo, `,"messageGroupId":"subject","deduplicationId":"id"`, with(same), "o/42", "id-1")
	f(fifo, `,"messageGroupId":"zone","deduplicationId":"zone"`, with(same), "f.1", "d-1")
	f(fifo, `,"messageGroupId":"subject"`, subject(strings.Repeat("x", 128)), strings.Repeat("x", 128), "d-1")
	f(fifo, `,"messageGroupId":"subject"`, subject(strings.Repeat("x", 129)), "0ec9eb33e74510bcdd1f2ea55206e82f21649c5c2becbf2b433eb475b34c01bd", "d-1")
	f(fifo, `,"messageGroupId":"subject"`, subject("a b"), "c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65", "d-1")
	f(fifo, `,"messageGroupId":"subject"`, subject("ü"), "607474ca475a9724d7360aba71a56d5df77e61350e3f724cfa1f46e857e2d85f", "d-1")
	// Without an id of its own each delivery has a new one.
	first, _ := sent(t, "awssqs", `"queueUrl":"`+fifo+`"`, `{"MessageId":"m1"}`, invoke.Payload{Body: []byte(`{}`)})
	second, a := sent(t, "awssqs", `"queueUrl":"`+fifo+`"`, `{"MessageId":"m1"}`, invoke.Payload{Body: []byte(`{}`)})
	if id := fmt.Sprint(first["MessageDeduplicationId"]); len(id) != 36 || second["MessageDeduplicationId"] == id || string(a.Body) != `{"messageId":"m1"}` {
		t.Errorf("%v %v %s", first, second, a.Body)
	}
}

// TestSQSAttributes: ten at most, and only what SQS takes.
func TestSQSAttributes(t *testing.T) {
	f := func(change func(*event.Event), want ...string) {
		t.Helper()
		m, _ := sent(t, "awssqs", `"queueUrl":"https://a/1/q"`, `{"MessageId":"m1"}`, with(change))
		got := map[string]any{}
		if all, ok := m["MessageAttributes"]; ok {
			got = all.(map[string]any)
		}
		wanted := map[string]any{}
		for _, w := range want {
			name, value, _ := strings.Cut(w, "=")
			wanted["ce-"+name] = map[string]any{"DataType": "String", "StringValue": value}
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("got  %v\nwant %v", got, wanted)
		}
	}
	core := []string{"specversion=1.0", "id=id-1", "source=/shop", "type=order.paid", "time=2026-03-04T05:06:07Z", "subject=o/42", "datacontenttype=application/json"}
	f(same, core...)
	f(func(e *event.Event) {
		e.Schema = "x:y"
		for _, name := range []string{"zone", "cost", "area"} {
			e.Extensions = append(e.Extensions, event.Extension{Name: name, Value: []byte("12")})
		}
	}, append(core, "dataschema=x:y", "area=12", "cost=12")...)
	f(func(e *event.Event) {
		e.Extensions = []event.Extension{{Name: "a", Value: []byte(`""`)}, {Name: "b", Value: []byte(`"\uffff"`)}, {Name: "c", Value: []byte(`"ü 😀"`)}}
	}, append(core, "c=ü 😀")...)
}

// TestAWSRefused: what the services answer (the common errors and those of each in its API reference).
func TestAWSRefused(t *testing.T) {
	var status int
	var code, query string
	newRegion(t, func(w http.ResponseWriter, _ *http.Request) {
		if query != "" {
			w.Header().Set("X-Amzn-Query-Error", query+";Sender")
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws#%s","message":"You are AKIDOWN own/secret+key"}`, code)
	})
	open := map[string]invoke.Invoker{}
	for _, kind := range awsKinds() {
		open[kind.scope] = mustOpen(t, awsRecord(t, kind.name, kind.settings+","+ownKeys))
	}
	f := func(scope string, s int, c string, class invoke.Class, words ...string) {
		t.Helper()
		status = s
		code, query, _ = strings.Cut(c, " ")
		_, err := open[scope](t.Context(), payload(`{}`))
		e := wantError(t, err, class, words...)
		if want := strings.TrimSpace(query); want != "" && e.Code != want || want == "" && e.Code != code {
			t.Errorf("the code is %q", e.Code)
		}
		if wait := e.RetryAfter.Seconds(); class == invoke.Throttled && wait != 1 || class != invoke.Throttled && wait != 0 {
			t.Errorf("%s: after %v s", c, wait)
		}
	}
	for scope, needs := range map[string]string{
		"lambda": "lambda:InvokeFunction on it", "kinesis": "kinesis:PutRecord on the stream", "firehose": "firehose:PutRecord on the stream", "sqs": "sqs:SendMessage on the queue",
	} {
		f(scope, 400, "AccessDeniedException", invoke.Denied, "the call was denied (AccessDeniedException): its credentials need "+needs)
		f(scope, 403, "AccessDenied", invoke.Denied, "its credentials need "+needs)
		f(scope, 400, "NotAuthorized", invoke.Denied, "its credentials need "+needs)
		f(scope, 400, "ExpiredTokenException", invoke.Denied, "the AWS credentials have expired")
		f(scope, 403, "ExpiredToken", invoke.Denied, "the AWS credentials have expired")
		f(scope, 400, "UnrecognizedClientException", invoke.Denied, "the AWS credentials are not valid")
		f(scope, 403, "InvalidClientTokenId", invoke.Denied, "the AWS credentials are not valid")
		f(scope, 403, "SignatureDoesNotMatch", invoke.Denied, "the AWS credentials are not valid")
		f(scope, 400, "InvalidSignatureException", invoke.Denied, "the AWS credentials are not valid")
		f(scope, 400, "MissingAuthenticationToken", invoke.Denied, "no AWS credentials have arrived")
		f(scope, 400, "RequestExpired", invoke.Denied, "the gateway's clock is wrong")
		f(scope, 400, "ThrottlingException", invoke.Throttled, "for now (ThrottlingException)")
		f(scope, 500, "InternalFailure", invoke.Temporary, "(InternalFailure)")
		f(scope, 400, "Whatever", invoke.Invalid, "refused the call (Whatever)")
	}
	f("kinesis", 400, "ProvisionedThroughputExceededException", invoke.Throttled, "AWS Kinesis takes no more events of the stream for now")
	f("kinesis", 400, "LimitExceededException", invoke.Throttled, "for now")
	f("kinesis", 400, "ResourceNotFoundException", invoke.Invalid, "AWS Kinesis has no such stream in its region")
	f("kinesis", 400, "InvalidArgumentException", invoke.Invalid, "AWS Kinesis refused the call (InvalidArgumentException): a setting of the function, or the size of the event")
	f("kinesis", 400, "ValidationException", invoke.Invalid, "the size of the event")
	f("kinesis", 400, "KMSAccessDeniedException", invoke.Denied, "the call was denied (KMSAccessDeniedException)", "key")
	f("kinesis", 400, "KMSThrottlingException", invoke.Throttled, "key")
	for _, kms := range []string{"KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException", "KMSOptInRequired"} {
		f("kinesis", 400, kms, invoke.Invalid, "AWS Kinesis could not take the event ("+kms+"): the key that it is encrypted with cannot be used")
	}
	f("kinesis", 503, "ServiceUnavailableException", invoke.Temporary, "could not take the event")
	f("firehose", 503, "ServiceUnavailableException", invoke.Throttled, "AWS Firehose takes no more events of the stream for now")
	f("firehose", 400, "InvalidKMSResourceException", invoke.Invalid, "the key that it is encrypted with cannot be used")
	f("firehose", 400, "ResourceNotFoundException", invoke.Invalid, "no such delivery stream in its region")
	f("firehose", 400, "InvalidArgumentException", invoke.Invalid, "the size of the event")
	f("sqs", 400, "QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue", invoke.Invalid, "AWS SQS has no such queue in its region (AWS.SimpleQueueService.NonExistentQueue)")
	f("sqs", 400, "QueueDoesNotExist", invoke.Invalid, "AWS SQS has no such queue in its region (QueueDoesNotExist)")
	f("sqs", 403, "RequestThrottled", invoke.Throttled, "AWS SQS takes no more events for the queue for now")
	f("sqs", 403, "OverLimit", invoke.Throttled, "for now")
	f("sqs", 400, "InvalidMessageContents", invoke.Invalid, "the event has characters that no message can have")
	f("sqs", 400, "AWS.SimpleQueueService.InvalidMessageContents", invoke.Invalid, "the event has characters that no message can have")
	f("sqs", 400, "InvalidParameterValue", invoke.Invalid, "the size of the event")
	f("sqs", 400, "KmsAccessDenied KMS.AccessDeniedException", invoke.Denied, "the call was denied (KMS.AccessDeniedException)", "key")
	f("sqs", 400, "KmsThrottled KMS.ThrottlingException", invoke.Throttled, "key")
	f("sqs", 400, "KmsDisabled KMS.DisabledException", invoke.Invalid, "the key that it is encrypted with cannot be used")
}

// TestAWSNonsense: an answer that says nothing is no success.
func TestAWSNonsense(t *testing.T) {
	for _, kind := range awsKinds()[1:] {
		for _, answer := range []string{"", "{}", `{"SequenceNumber":"","RecordId":"","MessageId":""}`, `{"MessageId":"m","MD5OfMessageBody":"x"}`, "[", "null"} {
			newRegion(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
			_, err := mustOpen(t, awsRecord(t, kind.name, kind.settings))(t.Context(), payload(`{}`))
			wantError(t, err, invoke.Invalid, "gave an answer that makes no sense")
		}
	}
}

// TestLambdaAsync: AWS Lambda takes the event, and nobody waits for the function.
func TestLambdaAsync(t *testing.T) {
	r := newRegion(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	a, err := mustOpen(t, function(t, arn, `"async":true`))(t.Context(), payload(`{"a":1}`))
	if err != nil || a.Status != 202 || !a.Plain || len(a.Body) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	if how := r.got[0].Header.Get("X-Amz-Invocation-Type"); how != "Event" || r.bodies[0] != `{"a":1}` {
		t.Error(how, r.bodies)
	}
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := c.Function("awslambda", `{"arn":"hello","region":"eu-west-1","async":true}`)
	invoked, err := c.Call(t.Context(), f, invoketest.Event())
	if err != nil || invoked.Status != 202 || len(invoked.Body) != 0 {
		t.Errorf("invoked: %+v, %v", invoked, err)
	}
	responded, err := c.Respond(t.Context(), f, invoketest.Event())
	if err != nil || responded.Status != 202 || len(responded.Body) != 0 {
		t.Errorf("sync: %+v, %v", responded, err)
	}
}

// TestAWSResponds: a sender of a sync event, and one that invokes, get what the service said.
func TestAWSResponds(t *testing.T) {
	newRegion(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"MessageId":"m1"}`) })
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	f := c.Function("awssqs", `{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/q","region":"eu-west-1"}`)
	for _, call := range []func() (*invoke.Response, error){
		func() (*invoke.Response, error) { return c.Call(t.Context(), f, invoketest.Event()) },
		func() (*invoke.Response, error) { return c.Respond(t.Context(), f, invoketest.Event()) },
	} {
		if r, err := call(); err != nil || r.Status != 200 || string(r.Body) != `{"messageId":"m1"}` || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%+v, %v", r, err)
		}
	}
}
