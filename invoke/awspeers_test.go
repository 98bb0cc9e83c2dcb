package invoke_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// peer is an emulator that the function is on, and the test's own client of it.
type peer struct {
	url    string
	config aws.Config
	caller *invoketest.Caller
}

func newPeer(t *testing.T, url string) *peer {
	awsEnv(t, "http://127.0.0.1:1")
	return &peer{url, aws.Config{
		Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret", ""),
	}, invoketest.NewCaller(t, invoke.EgressOptions{})}
}

// call sends an event to a function there and returns the answer.
func (p *peer) call(t *testing.T, kind, settings string, ev *event.Event) map[string]string {
	t.Helper()
	f := p.caller.Function(kind, fmt.Sprintf(`{"region":"eu-west-1","endpoint":%q,%s,%s}`, p.url, ownKeys, settings))
	r, err := p.caller.Respond(t.Context(), f, ev)
	if err != nil {
		t.Fatal(err)
	}
	answer := map[string]string{}
	if err := json.Unmarshal(r.Body, &answer); err != nil || r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	return answer
}

func (p *peer) refuses(t *testing.T, kind, settings, message string) {
	t.Helper()
	f := p.caller.Function(kind, fmt.Sprintf(`{"region":"eu-west-1","endpoint":%q,%s,%s}`, p.url, ownKeys, settings))
	_, err := p.caller.Respond(t.Context(), f, invoketest.Event())
	wantError(t, err, invoke.Invalid, message)
}

func encoded(ev *event.Event) string {
	return string(ev.Append(nil, event.CloudEvents, event.Params{}))
}

// TestMoto sends to AWS's emulator.
func TestMoto(t *testing.T) {
	moto := servers.Moto(t)
	t.Run("Kinesis", func(t *testing.T) { newPeer(t, moto).kinesis(t) })
	t.Run("Firehose", func(t *testing.T) { newPeer(t, moto).firehose(t) })
	t.Run("SQS", func(t *testing.T) { newPeer(t, moto).sqs(t) })
	t.Run("role", func(t *testing.T) { newPeer(t, moto).role(t) })
}

// TestKinesalite, TestFauxqs: the same with other people's ideas of the services.
func TestKinesalite(t *testing.T) {
	newPeer(t, servers.Node(t, "testdata/awspeers", "serve.mjs", "kinesalite")).kinesis(t)
}

func TestFauxqs(t *testing.T) {
	newPeer(t, servers.Node(t, "testdata/awspeers", "serve.mjs", "fauxqs")).sqs(t)
}

func (p *peer) kinesis(t *testing.T) {
	c := kinesis.NewFromConfig(p.config)
	if _, err := c.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("orders"), ShardCount: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	if err := kinesis.NewStreamExistsWaiter(c, func(o *kinesis.StreamExistsWaiterOptions) { o.MinDelay = 50 * time.Millisecond }).
		Wait(t.Context(), &kinesis.DescribeStreamInput{StreamName: aws.String("orders")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	answer := p.call(t, "awskinesis", `"streamName":"orders","partitionKey":"subject"`, invoketest.Event())
	at, err := c.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{
		StreamName: aws.String("orders"), ShardId: aws.String(answer["shardId"]), ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: at.ShardIterator})
	if err != nil || len(got.Records) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if r := got.Records[0]; string(r.Data) != encoded(invoketest.Event()) || *r.PartitionKey != "o/42" || *r.SequenceNumber != answer["sequenceNumber"] {
		t.Errorf("%s %s %s, the answer was %v", r.Data, *r.PartitionKey, *r.SequenceNumber, answer)
	}
	p.refuses(t, "awskinesis", `"streamName":"missing"`, "AWS Kinesis has no such stream in its region (ResourceNotFoundException)")
}

// firehose: records land in S3, where they are lines of one object.
func (p *peer) firehose(t *testing.T) {
	p.s3(t, http.MethodPut, "/landed")
	_, err := firehose.NewFromConfig(p.config).CreateDeliveryStream(t.Context(), &firehose.CreateDeliveryStreamInput{
		DeliveryStreamName: aws.String("orders"),
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::landed"), RoleARN: aws.String("arn:aws:iam::123456789012:role/firehose"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for n := range 3 {
		ev := invoketest.Event()
		ev.Data.Raw = fmt.Appendf(nil, "{\"n\":\n%d}", n)
		want = append(want, strings.ReplaceAll(encoded(ev), "\n", " ")+"\n")
		if answer := p.call(t, "awsfirehose", `"deliveryStreamName":"orders"`, ev); answer["recordId"] == "" {
			t.Error(answer)
		}
	}
	var list struct {
		Contents []struct{ Key string }
	}
	if err := xml.Unmarshal(p.s3(t, http.MethodGet, "/landed?list-type=2"), &list); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, object := range list.Contents {
		got += string(p.s3(t, http.MethodGet, "/landed/"+object.Key))
	}
	lines := slices.Sorted(strings.Lines(got)) // the emulator makes an object of each record, with names in any order
	if !slices.Equal(lines, want) {
		t.Errorf("S3 has in %d objects\n%q, want\n%q", len(list.Contents), lines, want)
	}
	p.refuses(t, "awsfirehose", `"deliveryStreamName":"missing"`, "AWS Firehose has no such delivery stream in its region (ResourceNotFoundException)")
}

// s3 makes a request that the emulator does not want to have signed.
func (p *peer) s3(t *testing.T, method, path string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s %s: %s %s", method, path, resp.Status, body)
	}
	return body
}

func (p *peer) sqs(t *testing.T) {
	c := sqs.NewFromConfig(p.config)
	create := func(name string, attributes map[string]string) string {
		t.Helper()
		q, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		return *q.QueueUrl
	}
	standard, fifo := create("orders", nil), create("orders.fifo", map[string]string{"FifoQueue": "true"})
	receive := func(queue string, want ...*event.Event) (attributes []map[string]string) {
		t.Helper()
		for _, ev := range want {
			m, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"}})
			if err != nil || len(m.Messages) != 1 {
				t.Fatalf("%+v, %v", m, err)
			}
			got := m.Messages[0]
			all := map[string]string{}
			for name, value := range got.MessageAttributes {
				all[name] = *value.StringValue
			}
			wanted := map[string]string{}
			for name, value := range ev.Attributes() {
				wanted["ce-"+name] = value
			}
			if *got.Body != encoded(ev) || !reflect.DeepEqual(all, wanted) {
				t.Errorf("%s %v", *got.Body, all)
			}
			attributes = append(attributes, got.Attributes)
			if _, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: got.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
		return attributes
	}
	ev, strange := invoketest.Event(), invoketest.Event()
	strange.Subject, strange.Data = "ü ☃", event.Data{Kind: event.Text, Raw: []byte("\u0000 <&> \x7f")}
	for _, e := range []*event.Event{ev, strange} {
		if answer := p.call(t, "awssqs", fmt.Sprintf(`"queueUrl":%q`, standard), e); answer["messageId"] == "" || answer["sequenceNumber"] != "" {
			t.Error(answer)
		}
		receive(standard, e)
	}
	// The same event twice: two deliveries, unless its id is the deduplication id.
	f := func(settings, group string, deliveries int) {
		t.Helper()
		for range 2 {
			if answer := p.call(t, "awssqs", fmt.Sprintf(`"queueUrl":%q`, fifo)+settings, ev); answer["sequenceNumber"] == "" {
				t.Error(answer)
			}
		}
		for _, a := range receive(fifo, []*event.Event{ev, ev}[:deliveries]...) {
			if a["MessageGroupId"] != group {
				t.Errorf("%s: %v", settings, a)
			}
		}
		if more, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &fifo}); err != nil || len(more.Messages) > 0 {
			t.Errorf("%s: there are more than %d: %+v, %v", settings, deliveries, more, err)
		}
	}
	f("", "f", 2)
	f(`,"messageGroupId":"subject"`, "o/42", 2)
	f(`,"deduplicationId":"id"`, "f", 1)
	p.refuses(t, "awssqs", fmt.Sprintf(`"queueUrl":%q`, standard+"-missing"), "AWS SQS has no such queue in its region")
}

// role: what STS hands out is what the call is signed with.
func (p *peer) role(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_STS", p.url)
	to, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var keys []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		keys = append(keys, signedBy(r))
		mu.Unlock()
		httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	c := kinesis.NewFromConfig(p.config)
	if _, err := c.CreateStream(context.Background(), &kinesis.CreateStreamInput{StreamName: aws.String("role"), ShardCount: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	f := p.caller.Function("awskinesis", fmt.Sprintf(`{"streamName":"role","region":"eu-west-1","endpoint":%q,%s,"externalId":"x"}`, proxy.URL, withRole))
	for range 2 {
		if _, err := p.caller.Call(t.Context(), f, invoketest.Event()); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != 2 || keys[0] != keys[1] || !strings.HasPrefix(keys[0], "ASIA") {
		t.Errorf("signed by %v", keys)
	}
}
