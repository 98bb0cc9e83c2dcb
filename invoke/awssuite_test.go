package invoke_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
)

const roleARN = "arn:aws:iam::123456789012:role/team/sender"

// awsKind is what is different from service to service in how events are sent.
type awsKind struct {
	name, settings string // of functions
	scope          string // what the signature says
	target, media  string // of the request; "": Lambda's
	took           string // the answer
	busy           string // its code of too many calls
	payload        func(body []byte) []byte
}

func awsKinds() []awsKind {
	record := func(at func(m map[string]any) any) func([]byte) []byte {
		return func(body []byte) []byte {
			var m map[string]any
			if json.Unmarshal(body, &m) != nil {
				return body
			}
			data, _ := base64.StdEncoding.DecodeString(fmt.Sprint(at(m)))
			return data
		}
	}
	return []awsKind{
		{name: "awslambda", settings: `"arn":"hello"`, scope: "lambda", took: `{"statusCode":200}`, busy: "TooManyRequestsException"},
		{
			name: "awskinesis", settings: `"streamName":"s"`, scope: "kinesis", target: "Kinesis_20131202.PutRecord", media: "application/x-amz-json-1.1",
			took: `{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898","ShardId":"shardId-000000000000"}`,
			busy: "ProvisionedThroughputExceededException", payload: record(func(m map[string]any) any { return m["Data"] }),
		},
		{
			name: "awsfirehose", settings: `"deliveryStreamName":"s"`, scope: "firehose", target: "Firehose_20150804.PutRecord", media: "application/x-amz-json-1.1",
			took: `{"Encrypted":false,"RecordId":"r1"}`, busy: "ServiceUnavailableException",
			payload: func(body []byte) []byte {
				data := record(func(m map[string]any) any { return m["Record"].(map[string]any)["Data"] })(body)
				return []byte(strings.TrimSuffix(string(data), "\n"))
			},
		},
		{
			name: "awssqs", settings: `"queueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/q"`, scope: "sqs", target: "AmazonSQS.SendMessage", media: "application/x-amz-json-1.0",
			took: `{"MessageId":"m1"}`, busy: "RequestThrottled",
			payload: func(body []byte) []byte {
				var m struct{ MessageBody string }
				_ = json.Unmarshal(body, &m)
				return []byte(m.MessageBody)
			},
		},
	}
}

// TestAWS runs the suite for each type on AWS, with a role that is assumed with keys of the function's own.
func TestAWS(t *testing.T) {
	for _, kind := range awsKinds() {
		t.Run(kind.name, func(t *testing.T) {
			typ := invoketest.Type{
				Name: kind.name, Start: kind.start,
				Secrets: []string{"AKIDOWN", "own/secret+key", "own+token", "ASIAROLE", "role/secret", "role+token"},
				Want:    map[invoketest.Behaviour]invoketest.Failure{},
			}
			if kind.target != "" {
				typ.Want[invoketest.Fail] = invoketest.Failure{Class: invoke.Temporary, Words: []string{"could not take the event (InternalFailure)"}}
				typ.Want[invoketest.Nonsense] = invoketest.Failure{Class: invoke.Invalid, Words: []string{"makes no sense"}}
			}
			typ.Want[invoketest.Deny] = invoketest.Failure{Class: invoke.Denied, Words: []string{"the call was denied (AccessDeniedException): its credentials need " + kind.scope + ":"}}
			invoketest.Run(t, typ)
		})
	}
}

func (k awsKind) start(t *testing.T) *invoketest.Backend {
	awsEnv(t, "http://127.0.0.1:1")
	newTokenService(t)
	b := &invoketest.Backend{Elsewhere: invoketest.At(`{` + k.settings + `,"region":"eu-west-1",` + ownKeys + `,"roleArn":"` + roleARN + `","endpoint":"http://%s"}`)}
	var refused atomic.Value
	b.Provider = b.Elsewhere(b.Serve(t, k.payload, func(w http.ResponseWriter, r *http.Request, body []byte, what invoketest.Behaviour) {
		k.check(t, r)
		if id := signedBy(r); what == invoketest.Expire && (refused.CompareAndSwap(nil, id) || refused.Load() == id) {
			k.refuse(w, r, http.StatusBadRequest, "ExpiredTokenException")
			return
		}
		k.answer(w, r, what)
	}).Listener.Addr().String())
	return b
}

// check looks at what every call has.
func (k awsKind) check(t *testing.T, r *http.Request) {
	scope := strings.Split(r.Header.Get("Authorization"), "/")
	if !strings.HasPrefix(signedBy(r), "ASIAROLE") || len(scope) < 4 || scope[2] != "eu-west-1" || scope[3] != k.scope || !strings.HasPrefix(r.Header.Get("X-Amz-Security-Token"), "role+token//==") {
		t.Errorf("signed by %s %q", r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token"))
	}
	if r.Method != http.MethodPost || r.Header.Get("X-Amz-Target") != k.target || k.media != "" && r.Header.Get("Content-Type") != k.media || r.ContentLength <= 0 {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
}

func (k awsKind) answer(w http.ResponseWriter, r *http.Request, what invoketest.Behaviour) {
	w.Header().Set("Content-Type", k.media)
	switch {
	case what == invoketest.Deny:
		k.refuse(w, r, http.StatusBadRequest, "AccessDeniedException")
	case what == invoketest.Throttle:
		w.Header().Set("Retry-After", "7")
		k.refuse(w, r, http.StatusBadRequest, k.busy)
	case what == invoketest.Fail && k.target == "":
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = io.WriteString(w, `{"errorType":"Error","errorMessage":"no"}`)
	case what == invoketest.Fail:
		k.refuse(w, r, http.StatusInternalServerError, "InternalFailure")
	case what == invoketest.Nonsense && k.target == "":
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	case what == invoketest.Nonsense:
		_, _ = io.WriteString(w, "<html>")
	default:
		_, _ = io.WriteString(w, k.took)
	}
}

// refuse answers with an error, which repeats what no answer of the gateway may have.
func (k awsKind) refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	if k.target == "" {
		w.Header().Set("X-Amzn-ErrorType", code)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": fmt.Sprint("own/secret+key AKIDOWN ", r.Header)})
}
