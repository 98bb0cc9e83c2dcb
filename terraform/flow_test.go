package terraform_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// flow configures the gateway, sends events through it, and sees that the roles may do what is needed for that, and no more.
func flow(e *emulator, program string) {
	t := e.t
	t.Helper()
	d := deploy(e, program)
	got := make(chan string, 10)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/refuses":
			w.WriteHeader(http.StatusForbidden)
		case strings.Contains(string(b), `"sync"`):
			_, _ = io.WriteString(w, `{"body":"hello"}`)
		default:
			got <- string(b)
		}
	}))
	t.Cleanup(target.Close)

	page(d, target.URL)
	d.poll()
	if len(got) != 1 || !strings.Contains(<-got, `"Ann"`) {
		t.Errorf("after the page's commands there are %d deliveries more than one", len(got))
	}
	d.configure("DELETE", "/subscriptions/user.created,hello,%2F", "", 204)
	d.configure("DELETE", "/functions/hello", "", 204)

	for _, id := range []string{"hello", "refuses", "unused"} {
		d.configure("POST", "/functions", `{"functionId":"`+id+`","type":"http","provider":{"url":"`+target.URL+"/"+id+`"}}`, 201)
	}
	d.configure("POST", "/subscriptions", `{"functionId":"hello","event":"http","method":"POST","path":"/hello"}`, 201)
	d.configure("POST", "/subscriptions", `{"functionId":"hello","event":"user.created","path":"/"}`, 201)
	d.configure("POST", "/subscriptions", `{"functionId":"refuses","event":"user.created","path":"/"}`, 201)
	d.configure("DELETE", "/functions/unused", "", 204)

	if status, body := d.send("gateway-events", "POST", "/hello", `"sync"`); status != 200 || body != "hello" {
		t.Errorf("a sync event: %d %s", status, body)
	}
	if status, body := d.send("gateway-events", "POST", "/", `{"name":"Ann"}`, "event: user.created"); status != 202 {
		t.Errorf("an async event: %d %s", status, body)
	}
	holds := func(queue, want string) {
		t.Helper()
		a := e.attributes(queue)
		if a["ApproximateNumberOfMessages"] != want || a["ApproximateNumberOfMessagesNotVisible"] != "0" || a["ApproximateNumberOfMessagesDelayed"] != "0" {
			t.Errorf("%s has other messages than %s: %v", queue, want, a)
		}
	}
	if holds("gateway", "1"); len(got) != 0 {
		t.Errorf("%d deliveries were made before the queue was polled", len(got))
	}
	d.poll()
	if len(got) != 1 {
		t.Fatalf("there are %d deliveries after the queue was polled, want 1", len(got))
	}
	if event := <-got; !strings.Contains(event, `"Ann"`) {
		t.Errorf("what was delivered is %s", event)
	}
	holds("gateway", "0")
	holds("gateway-dead-letters", "1") // that of the function which refused it
	d.denials()
	for _, role := range []string{"gateway-events-eu-west-1", "gateway-config-eu-west-1"} {
		// Lambda itself writes the logs.
		may := slices.DeleteFunc(d.p.granted(role), func(action string) bool { return strings.HasPrefix(action, "logs:") })
		if used := d.p.actions(role); !slices.Equal(used, may) {
			t.Errorf("%s made use of %v, and may do %v", role, used, may)
		}
	}
}

// denials: with the role of events nobody can change the configuration, by way of the gateway or past it.
func (d *deployed) denials() {
	t := d.e.t
	t.Helper()
	if status, body := d.request("gateway-config", "GET", "/v1/spaces/default/functions", "", nil, map[string]any{}); status != 401 {
		t.Errorf("a request of nobody to the Config API: %d %s, want 401", status, body)
	}
	if status, body := d.send("intruder", "POST", "/v1/spaces/default/functions", `{"functionId":"x","type":"http","provider":{"url":"http://192.0.2.1"}}`); status != 503 {
		t.Errorf("a Config API with the role of events: %d %s, want 503", status, body)
	}
	const why = "not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/gateway"
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(d.Log("intruder"), why); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) { // a log comes by another way than answers
			t.Errorf("a Config API with the role of events says %s", d.Log("intruder"))
			break
		}
	}
	client := dynamodb.NewFromConfig(d.as("gateway-events"))
	item := map[string]types.AttributeValue{"realm": &types.AttributeValueMemberS{Value: "_"}, "key": &types.AttributeValueMemberS{Value: "v1/head"}}
	if _, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("gateway"), Key: item}); err != nil {
		t.Errorf("a read with the role of events: %v", err)
	}
	_, put := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("gateway"), Item: item})
	_, remove := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("gateway"), Key: item})
	_, drop := client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String("gateway")})
	_, other := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("other"), Key: item})
	for what, err := range map[string]error{"PutItem": put, "DeleteItem": remove, "DeleteTable": drop, "GetItem of another table": other} {
		if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
			t.Errorf("%s with the role of events: %v", what, err)
		}
	}
}
