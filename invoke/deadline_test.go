package invoke

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// TestDeadlines: how long each type gives a call.
func TestDeadlines(t *testing.T) {
	const aws = `"region":"eu-west-1","awsAccessKeyId":"AKID","awsSecretAccessKey":"s","endpoint":"http://127.0.0.1:1"`
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_CA_BUNDLE", "")
	tested := map[string]bool{}
	f := func(kind, provider string, want time.Duration) {
		t.Helper()
		tested[kind] = true
		e := NewEgress(EgressOptions{})
		defer e.Close()
		var left time.Duration
		e.transport.Proxy = func(r *http.Request) (*url.URL, error) {
			deadline, ok := r.Context().Deadline()
			if left = time.Until(deadline); !ok {
				left = 0
			}
			return nil, errors.New("seen")
		}
		types := Types(GatewayCredentials)
		record, err := store.NewRules(FunctionTypes(GatewayCredentials), false, nil).DecodeFunction(fmt.Appendf(nil, `{"functionId":"f","type":%q,"provider":%s}`, kind, provider), "default", "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := record.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range types {
			if typ.Name != kind {
				continue
			}
			call, err := typ.Open(s, e)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := call(t.Context(), Payload{Body: []byte(`{}`), Delivery: "d"}); err == nil || left > want || left < want-time.Second {
				t.Errorf("%s: %v are left, want %v; %v", kind, left, want, err)
			}
		}
	}
	f("http", `{"url":"http://127.0.0.1:1"}`, 5*time.Second)
	f("http", `{"url":"http://127.0.0.1:1","timeout":"2.5s"}`, 2500*time.Millisecond)
	f("http", `{"url":"http://127.0.0.1:1","timeout":"50s"}`, 50*time.Second)
	f("awslambda", `{"arn":"hello",`+aws+`}`, 50*time.Second)
	f("awskinesis", `{"streamName":"s",`+aws+`}`, 10*time.Second)
	f("awsfirehose", `{"deliveryStreamName":"s",`+aws+`}`, 10*time.Second)
	f("awssqs", `{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/q",`+aws+`}`, 10*time.Second)
	f("gcloudfunction", `{"url":"https://127.0.0.1:1"}`, 50*time.Second)
	f("azurefunction", `{"url":"https://127.0.0.1:1"}`, 50*time.Second)
	f("openwhisk", `{"apiHost":"127.0.0.1:1","action":"a","auth":"uuid:key"}`, 50*time.Second)
	for _, typ := range Types(GatewayCredentials) {
		if !tested[typ.Name] {
			t.Errorf("%s is not in the table", typ.Name)
		}
	}
}
