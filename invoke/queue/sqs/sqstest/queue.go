// Package sqstest makes queues of emulators of SQS for tests, behind a proxy that a test can listen at, and cut.
package sqstest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/uuid"
)

// Region is where the queues are.
const Region = "eu-west-1"

// Queue is a new queue with its dead-letter queue.
type Queue struct {
	t               *testing.T
	Client          *sqs.Client // past the proxy
	Name            string
	URL, DeadLetter string
	Endpoint        string // the proxy
	proxy           *httptest.Server
	listener        atomic.Pointer[Listener]
	away            atomic.Bool
}

// Listener is told of requests: when one comes, and when its answer is about to go back. Of requests for messages it is told only of answers that have some.
type Listener func(operation, body string, answered bool)

// New makes a queue on the emulator at endpoint.
func New(t *testing.T, endpoint string) *Queue {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	q := &Queue{t: t, Name: "events-" + uuid.NewString(), Client: sqs.New(sqs.Options{
		Region: Region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret", ""),
		HTTPClient: &http.Client{Transport: transport},
	})}
	q.URL, q.DeadLetter = q.create(q.Name), q.create(q.Name+"-dead")
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	forward.Transport = transport
	forward.ModifyResponse = q.tell
	q.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q.away.Load() {
			panic(http.ErrAbortHandler)
		}
		if l := q.listener.Load(); l != nil {
			body, _ := io.ReadAll(r.Body) // what lacks its end is refused
			r.Body = io.NopCloser(bytes.NewReader(body))
			r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, string(body)))
			if operation(r) != receive {
				(*l)(operation(r), string(body), false)
			}
		}
		forward.ServeHTTP(w, r)
	}))
	q.Endpoint = q.proxy.URL
	t.Cleanup(func() { q.proxy.CloseClientConnections(); q.proxy.Close() })
	return q
}

const receive = "ReceiveMessage"

// bodyKey is where the context of a request has its body.
type bodyKey struct{}

func operation(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
}

// tell tells the listener of an answer.
func (q *Queue) tell(response *http.Response) error {
	l := q.listener.Load()
	if l == nil {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if what := operation(response.Request); what != receive || bytes.Contains(body, []byte(`"MessageId"`)) {
		sent, _ := response.Request.Context().Value(bodyKey{}).(string)
		(*l)(what, sent, true)
	}
	return nil
}

// Listen has l told of all requests from now on.
func (q *Queue) Listen(l Listener) { q.listener.Store(&l) }

// Away cuts all connections, and takes no new ones. One that comes at that very moment is cut with its first request.
func (q *Queue) Away() {
	q.away.Store(true)
	_ = q.proxy.Listener.Close()
	q.proxy.CloseClientConnections()
}

// Option returns the value of the option -queue, with more parameters.
func (q *Queue) Option(parameters string) string {
	return "sqs://" + q.URL + "?dead-letter=" + q.Name + "-dead&region=" + Region + "&endpoint=" + q.Endpoint + parameters
}

func (q *Queue) create(name string) string {
	q.t.Helper()
	out, err := q.Client.CreateQueue(q.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{
		"VisibilityTimeout": "2", // what Take took comes again soon if the answer is lost; the gateway says what it wants
	}})
	if err != nil {
		q.t.Fatal(err)
	}
	return *out.QueueUrl
}

// Left returns how many messages the queue holds, also those that are held back or in hand.
func (q *Queue) Left() (n int) {
	q.t.Helper()
	names := []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}
	out, err := q.Client.GetQueueAttributes(q.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.URL, AttributeNames: names})
	if err != nil {
		q.t.Fatal(err)
	}
	for _, value := range out.Attributes {
		i, err := strconv.Atoi(value)
		if err != nil {
			q.t.Fatal(err)
		}
		n += i
	}
	return n
}

// Put adds a message.
func (q *Queue) Put(text string) {
	q.t.Helper()
	if _, err := q.Client.SendMessage(q.t.Context(), &sqs.SendMessageInput{QueueUrl: &q.URL, MessageBody: &text}); err != nil {
		q.t.Fatal(err)
	}
}

// Take takes the messages that the queue of a URL has now.
func (q *Queue) Take(queue string) (texts []string) {
	q.t.Helper()
	for {
		out, err := q.Client.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
		if err != nil {
			q.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return texts
		}
		for _, m := range out.Messages {
			texts = append(texts, *m.Body)
			if _, err := q.Client.DeleteMessage(q.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				q.t.Fatal(err)
			}
		}
	}
}
