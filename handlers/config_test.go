package handlers_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// The tables follow section 2 of the contract: what clients of 2018 send, and the statuses, messages and bodies that they know.

// want makes a Config API request, and wants the given error message or, if it goes well, body.
func (g *gateway) want(status int, method, path, body, want string) {
	g.t.Helper()
	a := g.configure(status, method, path, body)
	got := a.message()
	if status < 400 {
		got = strings.TrimSpace(a.body)
	}
	if got != want {
		g.t.Errorf("%s %s %s\ngot  %s\nwant %s", method, path, body, got, want)
	}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	g := start(t)
	const functions = inDefault + "/functions"
	f := g.want
	const invalid = "Function doesn't validate. Validation error: "
	f(200, "GET", functions, "", `{"functions":[]}`)
	f(201, "POST", functions, `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`,
		`{"space":"default","functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`)
	f(201, "POST", functions, `{"functionId":"l","type":"awslambda","provider":{"region":"us-east-1","arn":"arn:aws:lambda:us-east-1:377024778620:function:hello"},"metadata":{"stage":"dev","service":"a"}}`,
		`{"space":"default","functionId":"l","type":"awslambda","provider":{"arn":"arn:aws:lambda:us-east-1:377024778620:function:hello","region":"us-east-1"},"metadata":{"service":"a","stage":"dev"}}`)
	f(201, "POST", functions, `{"functionId":"k","type":"awskinesis","provider":{"streamName":"s","region":"eu-west-1"}}`,
		`{"space":"default","functionId":"k","type":"awskinesis","provider":{"streamName":"s","region":"eu-west-1"}}`)
	f(201, "POST", functions, `{"functionId":"h","type":"awsfirehose","provider":{"deliveryStreamName":"s","region":"eu-west-1"}}`,
		`{"space":"default","functionId":"h","type":"awsfirehose","provider":{"deliveryStreamName":"s","region":"eu-west-1"}}`)
	f(201, "POST", functions, `{"functionId":"q","type":"awssqs","provider":{"queueUrl":"https://q","region":"eu-west-1"}}`,
		`{"space":"default","functionId":"q","type":"awssqs","provider":{"queueUrl":"https://q","region":"eu-west-1"}}`)
	f(201, "POST", functions, `{"functionId":"n","type":"http","provider":{"url":"http://localhost:1"},"eventFormat":"native","response":"passthrough"}`,
		`{"space":"default","functionId":"n","type":"http","provider":{"url":"http://localhost:1"},"eventFormat":"native","response":"passthrough"}`)
	for _, mode := range []string{"structured", "binary"} {
		body := fmt.Sprintf(`"functionId":%q,"type":"http","provider":{"url":"http://localhost:1"},"eventFormat":"cloudevents","mode":%[1]q}`, mode)
		f(201, "POST", functions, "{"+body, `{"space":"default",`+body)
	}
	f(200, "PUT", functions+"/binary", `{"type":"http","provider":{"url":"http://localhost:1"},"mode":"binary"}`,
		`{"space":"default","functionId":"binary","type":"http","provider":{"url":"http://localhost:1"},"mode":"binary"}`)
	f(200, "PUT", functions+"/binary", `{"type":"http","provider":{"url":"http://localhost:1"}}`,
		`{"space":"default","functionId":"binary","type":"http","provider":{"url":"http://localhost:1"}}`)
	f(200, "PUT", functions+"/structured", `{"type":"http","provider":{"url":"http://localhost:1"},"eventFormat":"native","mode":"structured"}`,
		`{"space":"default","functionId":"structured","type":"http","provider":{"url":"http://localhost:1"},"eventFormat":"native","mode":"structured"}`)
	// The shape of release 0.6 has the type among the settings, and is read back so.
	f(201, "POST", functions, `{"functionId":"old","provider":{"type":"http","url":"http://localhost:1"}}`,
		`{"space":"default","functionId":"old","provider":{"type":"http","url":"http://localhost:1"}}`)
	f(200, "GET", functions+"?metadata.stage=dev&metadata.service=a&x=y", "",
		`{"functions":[{"space":"default","functionId":"l","type":"awslambda","provider":{"arn":"arn:aws:lambda:us-east-1:377024778620:function:hello","region":"us-east-1"},"metadata":{"service":"a","stage":"dev"}}]}`)
	f(200, "GET", functions+"?metadata.stage=dev&metadata.service=b", "", `{"functions":[]}`)
	f(200, "GET", functions+"/f", "", `{"space":"default","functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`)
	f(200, "GET", "/v1/spaces/def%61ult/functions/%66", "", `{"space":"default","functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`)
	f(404, "GET", functions+"/x", "", `Function "x" not found.`)
	f(404, "GET", "/v1/spaces/other/functions/f", "", `Function "f" not found.`)
	f(409, "POST", functions, `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`, `Function "f" already registered.`)
	// The URL's space and id win over the body's.
	f(200, "PUT", functions+"/f", `{"space":"other","functionId":"g","type":"http","provider":{"url":"http://localhost:2"},"metadata":{"a":"b"}}`,
		`{"space":"default","functionId":"f","type":"http","provider":{"url":"http://localhost:2"},"metadata":{"a":"b"}}`)
	f(200, "PUT", functions+"/f", `{"type":"http","provider":{"url":"http://localhost:2"}}`,
		`{"space":"default","functionId":"f","type":"http","provider":{"url":"http://localhost:2"}}`)
	f(404, "PUT", functions+"/x", `{"type":"http","provider":{"url":"http://localhost:2"}}`, `Function "x" not found.`)

	f(400, "POST", functions, `{`, invalid+`unexpected EOF`)
	f(400, "POST", functions, `[]`, invalid+`the body must be a JSON object`)
	f(400, "POST", functions, `{"functionId":"y","functionId":"y","type":"http","provider":{"url":"http://localhost:1"}}`,
		invalid+`the body is not valid JSON: duplicate object member name at byte 18`)
	f(400, "POST", functions, `{"functionId":"y","kind":"http","provider":{"url":"http://localhost:1"}}`, invalid+`unknown member "kind"`)
	f(400, "POST", functions, `{"FunctionId":"y","type":"http","provider":{"url":"http://localhost:1"}}`, invalid+`unknown member "FunctionId"`)
	f(400, "POST", functions, `{"functionId":7,"type":"http","provider":{"url":"http://localhost:1"}}`, invalid+`functionId must be a string`)
	f(400, "POST", functions, `{"functionId":"y","type":"http","provider":{"url":7}}`, invalid+`provider.url must be a string`)
	f(400, "POST", functions, `{"functionId":"y","type":"http","provider":{"url":"http://localhost:1","x":"y"}}`, invalid+`unknown member "x" of the provider of type http`)
	f(400, "POST", functions, `{"functionId":"y","type":"http"}`, invalid+`provider configuration not set`)
	f(400, "POST", functions, `{"functionId":"y","type":"ftp","provider":{"url":"x"}}`, invalid+`provider ftp not supported`)
	f(400, "POST", functions, `{"functionId":"y","type":"http","provider":{}}`, invalid+`missing required fields for HTTP endpoint`)
	f(400, "POST", functions, `{"functionId":"y","type":"awslambda","provider":{"arn":"a"}}`, invalid+`missing required fields for AWS Lambda function`)
	f(400, "POST", functions, `{"functionId":"y","type":"awskinesis","provider":{"region":"a"}}`, invalid+`missing required fields for AWS Kinesis function`)
	f(400, "POST", functions, `{"functionId":"y","type":"awsfirehose","provider":{"region":"a"}}`, invalid+`missing required fields for AWS Firehose function`)
	f(400, "POST", functions, `{"functionId":"y","type":"awssqs","provider":{"region":"a"}}`, invalid+`missing required fields for AWS SQS function`)
	f(400, "POST", functions, `{"functionId":"y","type":"http","provider":{"url":"file:///etc/passwd"}}`, invalid+`provider.url must be an absolute URL that begins with http:// or https://`)
	f(400, "POST", functions, `{"type":"http","provider":{"url":"http://localhost:1"}}`,
		invalid+`Key: 'Function.ID' Error:Field validation for 'ID' failed on the 'required' tag`)
	f(400, "POST", functions, `{"functionId":"a/b","type":"http","provider":{"url":"http://localhost:1"}}`,
		invalid+`Key: 'Function.ID' Error:Field validation for 'ID' failed on the 'functionid' tag`)
	f(400, "POST", "/v1/spaces/a_b!/functions", `{"functionId":"y","type":"http","provider":{"url":"http://localhost:1"}}`,
		invalid+`Key: 'Function.Space' Error:Field validation for 'Space' failed on the 'space' tag`)
	f(400, "POST", "/v1/spaces/ab/functions", `{"functionId":"y","type":"http","provider":{"url":"http://localhost:1"}}`,
		invalid+`Key: 'Function.Space' Error:Field validation for 'Space' failed on the 'min' tag`)
	f(400, "POST", functions, `{"functionId":"y","type":"http","provider":{"url":"http://localhost:1"},"eventFormat":"xml"}`,
		invalid+`eventFormat is "xml", it can be cloudevents, cloudevents-0.1 or native`)
	f(400, "POST", functions, `{"functionId":"y","type":"http","provider":{"url":"http://localhost:1"},"mode":"Binary"}`,
		invalid+`mode is "Binary", it can be structured or binary`)
	f(400, "POST", functions, `{"functionId":"y","type":"awssqs","provider":{"queueUrl":"https://q","region":"eu-west-1"},"mode":"structured"}`,
		invalid+`functions of type awssqs have no mode: leave it out`)
	f(400, "PUT", functions+"/n", `{"type":"http","provider":{"url":"http://localhost:1"},"eventFormat":"native","mode":"binary"}`,
		invalid+`mode is binary, which events of the eventFormat native cannot be sent in: leave one of them out`)

	g.subscribe("default", `{"functionId":"f","event":"a"}`)
	f(400, "DELETE", functions+"/f", "", `Function cannot be deleted because it's subscribed to a least one event.`)
	f(204, "DELETE", functions+"/k", "", "")
	f(404, "DELETE", functions+"/k", "", `Function "k" not found.`)
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", "http://localhost:1")
	for _, name := range []string{"user.created", "http.request", "invoke"} {
		g.configure(201, "POST", inDefault+"/eventtypes", fmt.Sprintf(`{"name":%q}`, name))
	}
	const subscriptions = inDefault + "/subscriptions"
	f := g.want
	const invalid = "Subscription doesn't validate. Validation error: "
	// The seed's shape.
	f(201, "POST", subscriptions, `{"functionId":"f","event":"user.created","path":"/myteam"}`,
		`{"space":"default","subscriptionId":"user.created,f,%2Fmyteam","event":"user.created","functionId":"f","path":"/myteam"}`)
	f(201, "POST", subscriptions, `{"functionId":"f","event":"user.created"}`,
		`{"space":"default","subscriptionId":"user.created,f,%2F","event":"user.created","functionId":"f","path":"/"}`)
	f(201, "POST", subscriptions, `{"functionId":"f","event":"http","method":"get","path":"users"}`,
		`{"space":"default","subscriptionId":"http,GET,%2Fusers","event":"http","functionId":"f","method":"GET","path":"/users"}`)
	f(201, "POST", subscriptions, `{"functionId":"f","event":"http","method":"GET","path":"/a/:id/*rest","cors":{}}`,
		`{"space":"default","subscriptionId":"http,GET,%2Fa%2F:id%2F%2Arest","event":"http","functionId":"f","method":"GET","path":"/a/:id/*rest","cors":{"origins":["*"],"methods":["HEAD","GET","POST"],"headers":["Origin","Accept","Content-Type"],"allowCredentials":false}}`)
	f(201, "POST", subscriptions, `{"functionId":"f","event":"x","method":"GET"}`,
		`{"space":"default","subscriptionId":"x,f,%2F","event":"x","functionId":"f","method":"GET","path":"/"}`)
	f(400, "POST", subscriptions, `{"functionId":"f","event":"y","method":"get"}`,
		invalid+`Key: 'Subscription.Method' Error:Field validation for 'Method' failed on the 'eq=GET|eq=POST|eq=DELETE|eq=PUT|eq=PATCH|eq=HEAD|eq=OPTIONS' tag`)
	f(400, "POST", subscriptions, `{"functionId":"f","event":"http","path":"/x"}`, invalid+`Missing required fields (method, path) for HTTP event.`)
	f(400, "POST", subscriptions, `{}`, invalid+`Key: 'Subscription.Event' Error:Field validation for 'Event' failed on the 'required' tag`+"\n"+
		`Key: 'Subscription.FunctionID' Error:Field validation for 'FunctionID' failed on the 'required' tag`)
	f(400, "POST", subscriptions, `{"functionId":"f","event":"a b"}`, invalid+`Key: 'Subscription.Event' Error:Field validation for 'Event' failed on the 'eventtype' tag`)
	f(400, "POST", subscriptions, `{"functionId":"nobody","event":"y"}`, `Function "nobody" not found.`)
	f(400, "POST", subscriptions, `{"functionId":"f","event":"y","cors":{"allowCredentials":true}}`,
		invalid+`cors.allowCredentials needs cors.origins that are named: credentials cannot be allowed to every origin`)
	f(400, "POST", subscriptions, `{"functionId":"f","event":"y","cors":{"origin":["http://a.com"]}}`, invalid+`unknown member "origin"`)
	f(409, "POST", subscriptions, `{"functionId":"f","event":"user.created","path":"/myteam"}`, `Subscription "user.created,f,%2Fmyteam" already exists.`)
	// The shape of release 0.9.
	f(201, "POST", subscriptions, `{"type":"async","eventType":"user.created","functionId":"f","path":"/myteam","metadata":{"a":"b"}}`,
		`{"space":"default","subscriptionId":"YXN5bmMsdXNlci5jcmVhdGVkLGYsJTJGbXl0ZWFtLFBPU1Q","type":"async","eventType":"user.created","functionId":"f","path":"/myteam","method":"POST","metadata":{"a":"b"}}`)
	f(201, "POST", subscriptions, `{"type":"sync","eventType":"http.request","functionId":"f","path":"/b/:id","method":"put"}`,
		`{"space":"default","subscriptionId":"c3luYyxodHRwLnJlcXVlc3QsJTJGYiUyRjppZCxQVVQ","type":"sync","eventType":"http.request","functionId":"f","path":"/b/:id","method":"PUT"}`)
	f(400, "POST", subscriptions, `{"type":"","eventType":""}`, invalid+`Key: 'Subscription.Type' Error:Field validation for 'Type' failed on the 'required' tag`+"\n"+
		`Key: 'Subscription.EventType' Error:Field validation for 'EventType' failed on the 'required' tag`+"\n"+
		`Key: 'Subscription.FunctionID' Error:Field validation for 'FunctionID' failed on the 'required' tag`)
	f(400, "POST", subscriptions, `{"type":"later","eventType":"user.created","functionId":"f"}`,
		invalid+`Key: 'Subscription.Type' Error:Field validation for 'Type' failed on the 'eq=async|eq=sync' tag`)
	f(400, "POST", subscriptions, `{"type":"sync","eventType":"a b","functionId":"f"}`,
		invalid+`Key: 'Subscription.EventType' Error:Field validation for 'EventType' failed on the 'eventType' tag`)
	f(400, "POST", subscriptions, `{"type":"sync","eventType":"nothing","functionId":"nobody"}`, `Event Type "nothing" not found.`)
	f(400, "POST", subscriptions, `{"type":"sync","eventType":"user.created","functionId":"nobody"}`, `Function "nobody" not found.`)
	f(400, "POST", subscriptions, `{"type":"sync","eventType":"user.created","functionId":"f","cors":{}}`,
		invalid+`event and cors do not go with type and eventType: a subscription has one shape or the other`)
	f(400, "POST", subscriptions, `{"type":"sync","event":"user.created","functionId":"f"}`,
		invalid+`event and cors do not go with type and eventType: a subscription has one shape or the other`)
	f(400, "POST", subscriptions, `{"event":"user.created","functionId":"f","metadata":{}}`,
		invalid+`metadata goes with type and eventType only: a subscription with event has none`)
	// Routes conflict only if they match the same requests, whatever their dialect.
	const conflict = "Subscription path conflict: "
	f(409, "POST", subscriptions, `{"type":"sync","eventType":"http.request","functionId":"f","path":"/users","method":"GET"}`, conflict+`route /users conflicts with existing route`)
	f(409, "POST", subscriptions, `{"functionId":"f","event":"http","method":"PUT","path":"/b/:name"}`, conflict+`parameter with different name ("id") already defined: for route: /b/:name`)
	f(409, "POST", subscriptions, `{"functionId":"f","event":"http","method":"GET","path":"/a/:id/*others"}`, conflict+`wildcard with different name ("rest") already defined: for route: /a/:id/*others`)
	f(400, "POST", subscriptions, `{"functionId":"f","event":"http","method":"GET","path":"/*a/b"}`, conflict+`wildcard must be the last parameter`)
	f(400, "POST", subscriptions, `{"functionId":"f","event":"http","method":"GET","path":"/a/../b"}`, invalid+`path has a ".." segment`)
	f(400, "POST", subscriptions, `{"functionId":"f","event":"http","method":"GET","path":"/a?b=c"}`, invalid+`path has a "?": a query is no part of it`)
	f(201, "POST", subscriptions, `{"functionId":"f","event":"http","method":"PUT","path":"/b/me"}`,
		`{"space":"default","subscriptionId":"http,PUT,%2Fb%2Fme","event":"http","functionId":"f","method":"PUT","path":"/b/me"}`)
	// Updates.
	const users = subscriptions + "/http,GET,%2Fusers"
	f(200, "PUT", users, `{"functionId":"f","event":"http","method":"GET","path":"/users","cors":{"origins":["http://a.com"]}}`,
		`{"space":"default","subscriptionId":"http,GET,%2Fusers","event":"http","functionId":"f","method":"GET","path":"/users","cors":{"origins":["http://a.com"],"methods":["HEAD","GET","POST"],"headers":["Origin","Accept","Content-Type"],"allowCredentials":false}}`)
	f(400, "PUT", users, `{"functionId":"g","event":"http","method":"GET","path":"/users"}`, `Invalid update. 'FunctionID' of existing subscription cannot be updated.`)
	f(400, "PUT", users, `{"functionId":"g","event":"http","method":"PUT","path":"/user"}`, `Invalid update. 'FunctionID' of existing subscription cannot be updated.`)
	f(400, "PUT", users, `{"functionId":"f","event":"http","method":"PUT","path":"/user"}`, `Invalid update. 'Path' of existing subscription cannot be updated.`)
	f(400, "PUT", users, `{"functionId":"f","event":"x"}`, `Invalid update. 'Event' of existing subscription cannot be updated.`)
	f(404, "PUT", subscriptions+"/x", `{"functionId":"f","event":"x"}`, `Subscription "x" not found.`)
	const v09 = subscriptions + "/YXN5bmMsdXNlci5jcmVhdGVkLGYsJTJGbXl0ZWFtLFBPU1Q"
	f(200, "PUT", v09, `{"space":"default","subscriptionId":"x","type":"async","eventType":"user.created","functionId":"f","path":"/myteam","method":"POST"}`,
		`{"space":"default","subscriptionId":"YXN5bmMsdXNlci5jcmVhdGVkLGYsJTJGbXl0ZWFtLFBPU1Q","type":"async","eventType":"user.created","functionId":"f","path":"/myteam","method":"POST"}`)
	f(400, "PUT", v09, `{"type":"sync","eventType":"user.created","functionId":"g"}`, `Invalid update. 'Type' of existing subscription cannot be updated.`)
	f(400, "PUT", v09, `{"type":"async","eventType":"http.request","functionId":"f"}`, `Invalid update. 'EventType' of existing subscription cannot be updated.`)
	// Ids come raw, or encoded once more.
	for _, id := range []string{"user.created,f,%2Fmyteam", "user.created%2Cf%2C%252Fmyteam"} {
		f(200, "GET", subscriptions+"/"+id, "", `{"space":"default","subscriptionId":"user.created,f,%2Fmyteam","event":"user.created","functionId":"f","path":"/myteam"}`)
	}
	f(404, "GET", subscriptions+"/nothing", "", `Subscription "nothing" not found.`)
	f(204, "DELETE", subscriptions+"/user.created,f,%2Fmyteam", "", "")
	f(404, "DELETE", subscriptions+"/user.created,f,%2Fmyteam", "", `Subscription "user.created,f,%2Fmyteam" not found.`)
	if a := g.configure(200, "GET", subscriptions+"?metadata.a=b&", ""); a.body != "{\"subscriptions\":[]}\n" {
		t.Error("the update did not take the metadata away:", a.body)
	}
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", "http://localhost:1")
	const types = inDefault + "/eventtypes"
	f := g.want
	const invalid = "Event Type doesn't validate. Validation error: "
	f(200, "GET", types, "", `{"eventTypes":[]}`)
	f(201, "POST", types, `{"name":"user.created","metadata":{"a":"b"}}`, `{"space":"default","name":"user.created","metadata":{"a":"b"},"subscriptions":0}`)
	f(409, "POST", types, `{"name":"user.created"}`, `Event Type "user.created" already exists.`)
	f(400, "POST", types, `{}`, invalid+`Key: 'Type.Name' Error:Field validation for 'Name' failed on the 'required' tag`)
	f(400, "POST", types, `{"name":"pay/anything"}`, invalid+`Key: 'Type.Name' Error:Field validation for 'Name' failed on the 'name' tag`)
	f(400, "POST", types, `{"name":"`+strings.Repeat("x", 129)+`"}`, invalid+`Key: 'Type.Name' Error:Field validation for 'Name' failed on the 'max' tag`)
	f(400, "POST", types, `{`, invalid+`unexpected EOF`)
	f(200, "GET", types+"?metadata.a=b", "", `{"eventTypes":[{"space":"default","name":"user.created","metadata":{"a":"b"},"subscriptions":0}]}`)
	f(200, "GET", types+"?metadata.a=c", "", `{"eventTypes":[]}`)
	f(200, "PUT", types+"/user.created", `{"name":"other"}`, `{"space":"default","name":"user.created","subscriptions":0}`)
	f(200, "GET", types+"/user.created", "", `{"space":"default","name":"user.created","subscriptions":0}`)
	f(404, "PUT", types+"/x", `{}`, `Event Type "x" not found.`)
	f(404, "GET", types+"/x", "", `Event Type "x" not found.`)
	g.subscribe("default", `{"type":"async","eventType":"user.created","functionId":"f"}`)
	f(400, "DELETE", types+"/user.created", "", `Event type cannot be deleted because there are subscriptions using it.`)
	f(404, "DELETE", types+"/x", "", `Event Type "x" not found.`)
}

// TestEventTypeRegistry: who reads an event type sees how many subscriptions of its space use it, in either shape, and can send back what was read.
func TestEventTypeRegistry(t *testing.T) {
	t.Parallel()
	g := start(t)
	const types = inDefault + "/eventtypes"
	const invalid = "Event Type doesn't validate. Validation error: "
	f := g.want
	for _, space := range []string{"default", "other"} {
		g.function(space, "f", "http://localhost:1")
		g.configure(201, "POST", "/v1/spaces/"+space+"/eventtypes", `{"name":"a"}`)
	}
	g.subscribe("default", `{"functionId":"f","event":"a"}`)
	g.subscribe("default", `{"functionId":"f","event":"a","path":"/x"}`)
	g.subscribe("default", `{"type":"async","eventType":"a","functionId":"f"}`)
	g.subscribe("default", `{"type":"sync","eventType":"a","functionId":"f"}`)
	g.subscribe("default", `{"functionId":"f","event":"late"}`)
	g.subscribe("other", `{"type":"sync","eventType":"a","functionId":"f","path":"/other"}`)
	f(201, "POST", types, `{"name":"late","subscriptions":7}`, `{"space":"default","name":"late","subscriptions":1}`)
	f(200, "GET", types, "", `{"eventTypes":[{"space":"default","name":"a","subscriptions":4},{"space":"default","name":"late","subscriptions":1}]}`)
	f(200, "GET", types+"/a", "", `{"space":"default","name":"a","subscriptions":4}`)
	f(200, "PUT", types+"/a", `{"space":"default","name":"a","metadata":{"k":"v"},"subscriptions":4}`, `{"space":"default","name":"a","metadata":{"k":"v"},"subscriptions":4}`)
	f(200, "PUT", types+"/a", g.configure(200, "GET", types+"/a", "").body, `{"space":"default","name":"a","metadata":{"k":"v"},"subscriptions":4}`)
	f(200, "GET", "/v1/spaces/other/eventtypes", "", `{"eventTypes":[{"space":"other","name":"a","subscriptions":1}]}`)
	g.configure(204, "DELETE", inDefault+"/subscriptions/a,f,%2Fx", "")
	f(200, "GET", types+"/a", "", `{"space":"default","name":"a","metadata":{"k":"v"},"subscriptions":3}`)
	for _, bad := range []string{`"4"`, `null`, `[4]`, `{}`, `true`} {
		f(400, "PUT", types+"/a", `{"subscriptions":`+bad+`}`, invalid+`subscriptions must be a number`)
	}
	f(400, "PUT", types+"/a", `{"subscription":4}`, invalid+`unknown member "subscription"`)

	// In 2018 there was no such member.
	old := start(t, "-compat")
	old.function("default", "f", "http://localhost:1")
	old.want(201, "POST", types, `{"name":"a"}`, `{"space":"default","name":"a"}`)
	old.subscribe("default", `{"type":"async","eventType":"a","functionId":"f"}`)
	old.want(200, "GET", types+"/a", "", `{"space":"default","name":"a"}`)
	old.want(200, "GET", types, "", `{"eventTypes":[{"space":"default","name":"a"}]}`)
	old.want(200, "PUT", types+"/a", `{"metadata":{"k":"v"},"subscriptions":1}`, `{"space":"default","name":"a","metadata":{"k":"v"}}`)
}

func TestAuthorizers(t *testing.T) {
	t.Parallel()
	g := start(t)
	const types = inDefault + "/eventtypes"
	f := g.want
	g.function("default", "auth", "http://localhost:1")
	g.function("default", "f", "http://localhost:1")
	g.function("other", "elsewhere", "http://localhost:1")
	const missing = `Authorizer function doesn't exists.`
	f(400, "POST", types, `{"name":"a","authorizerId":"nobody"}`, missing)
	f(400, "POST", types, `{"name":"a","authorizerId":"elsewhere"}`, missing)
	f(201, "POST", types, `{"name":"a","authorizerId":"auth"}`, `{"space":"default","name":"a","authorizerId":"auth","subscriptions":0}`)
	f(409, "POST", types, `{"name":"a","authorizerId":"nobody"}`, `Event Type "a" already exists.`)
	f(400, "PUT", types+"/a", `{"authorizerId":"nobody"}`, missing)
	f(404, "PUT", types+"/b", `{"authorizerId":"nobody"}`, `Event Type "b" not found.`)
	f(200, "PUT", types+"/a", `{"space":"default","name":"a","authorizerId":"auth","subscriptions":0}`, `{"space":"default","name":"a","authorizerId":"auth","subscriptions":0}`)

	const functions = inDefault + "/functions"
	f(400, "DELETE", functions+"/auth", "", `Function auth cannot be deleted because is used as an authorizer for a event type.`)
	g.subscribe("default", `{"type":"async","eventType":"a","functionId":"auth"}`)
	f(400, "DELETE", functions+"/auth", "", `Function cannot be deleted because it's subscribed to a least one event.`)
	g.configure(204, "DELETE", inDefault+"/subscriptions/"+base64.RawURLEncoding.EncodeToString([]byte("async,a,auth,%2F,POST")), "")
	f(204, "DELETE", functions+"/f", "", "")
	f(200, "PUT", types+"/a", `{}`, `{"space":"default","name":"a","subscriptions":0}`)
	f(204, "DELETE", functions+"/auth", "", "")
}

// TestX1: the authorizer of a system event once ended the process. There is none, with -compat neither.
func TestX1(t *testing.T) {
	t.Parallel()
	const types = inDefault + "/eventtypes"
	for _, args := range [][]string{nil, {"-compat"}} {
		g := start(t, args...)
		g.function("default", "auth", "http://localhost:1")
		for _, name := range []string{"eventgateway.function.invoked", "gateway.event.received", "EventGateway.x", "GATEWAY."} {
			refused := fmt.Sprintf("Event Type doesn't validate. Validation error: %q is reserved for system events, which are never authorized: leave authorizerId out", name)
			g.want(400, "POST", types, fmt.Sprintf(`{"name":%q,"authorizerId":"auth"}`, name), refused)
			g.configure(201, "POST", types, fmt.Sprintf(`{"name":%q}`, name))
			g.want(400, "PUT", types+"/"+name, `{"authorizerId":"auth"}`, refused)
		}
		g.configure(201, "POST", types, `{"name":"gateways","authorizerId":"auth"}`)
	}
}

// TestSystemEventNames: nobody waits for an event that does not exist. In 2018, and so with -compat, one could.
func TestSystemEventNames(t *testing.T) {
	t.Parallel()
	g, old := start(t), start(t, "-compat")
	const subscriptions = inDefault + "/subscriptions"
	for _, g := range []*gateway{g, old} {
		g.function("default", "f", "http://localhost:1")
		for _, name := range []string{"eventgateway.function.invoked", "gateway.function.invoked", "eventgateway.nothing", "EventGateway.function.invoked"} {
			g.configure(201, "POST", inDefault+"/eventtypes", fmt.Sprintf(`{"name":%q}`, name))
		}
	}
	refused := func(body, why string) {
		t.Helper()
		g.want(400, "POST", subscriptions, body, "Subscription doesn't validate. Validation error: "+why)
		old.configure(201, "POST", subscriptions, body)
	}
	const (
		isNone   = `such names are reserved for system events, which are `
		seedList = `gateway.event.received, gateway.function.invoking, gateway.function.invoked, gateway.function.invocationFailed, gateway.event.dropped`
		v09List  = `eventgateway.event.received, eventgateway.function.invoking, eventgateway.function.invoked, eventgateway.function.invocationFailed, eventgateway.event.dropped`
	)
	refused(`{"functionId":"f","event":"gateway.nothing"}`, `event is "gateway.nothing": `+isNone+seedList)
	refused(`{"functionId":"f","event":"eventgateway.function.invoked"}`, `event is "eventgateway.function.invoked": `+isNone+seedList)
	refused(`{"functionId":"f","event":"Gateway.function.invoked"}`, `event is "Gateway.function.invoked": `+isNone+seedList)
	refused(`{"type":"async","functionId":"f","eventType":"eventgateway.nothing"}`, `eventType is "eventgateway.nothing": `+isNone+v09List)
	refused(`{"type":"async","functionId":"f","eventType":"gateway.function.invoked"}`, `eventType is "gateway.function.invoked": `+isNone+v09List)
	refused(`{"type":"async","functionId":"f","eventType":"EventGateway.function.invoked"}`, `eventType is "EventGateway.function.invoked": `+isNone+v09List)
	refused(`{"type":"sync","functionId":"f","eventType":"eventgateway.function.invoked"}`, `nobody waits for the answer to a system event: type must be async`)
	const elsewhere = `system events go out with POST on the path /: no other subscription gets them`
	refused(`{"functionId":"f","event":"gateway.function.invoked","path":"/elsewhere"}`, elsewhere)
	refused(`{"type":"async","functionId":"f","eventType":"eventgateway.function.invoked","method":"GET"}`, elsewhere)
	for _, name := range []string{"event.received", "function.invoking", "function.invoked", "function.invocationFailed", "event.dropped"} {
		if name != "function.invoked" {
			g.configure(201, "POST", inDefault+"/eventtypes", fmt.Sprintf(`{"name":"eventgateway.%s"}`, name))
		}
		g.subscribe("default", fmt.Sprintf(`{"functionId":"f","event":"gateway.%s"}`, name))
		g.subscribe("default", fmt.Sprintf(`{"type":"async","functionId":"f","eventType":"eventgateway.%s"}`, name))
	}
	g.subscribe("default", `{"functionId":"f","event":"gatewaynothing"}`)
}

// TestChangesAreLogged: who looks after the gateway can read what was changed.
func TestChangesAreLogged(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", "http://localhost:1")
	g.configure(204, "DELETE", inDefault+"/functions/f", "")
	g.configure(404, "DELETE", inDefault+"/functions/f", "")
	for _, want := range []string{
		`the configuration was changed" operation=create resource=function space=default id=f etag="\"1\"" revision=1 caller=local`,
		`the configuration was changed" operation=delete resource=function space=default id=f etag="" revision=2 caller=local`,
	} {
		if strings.Count(g.log.String(), want) != 1 {
			t.Errorf("no %s in\n%s", want, g.log.String())
		}
	}
}

func TestUnknownRoutesOfTheConfigAPI(t *testing.T) {
	t.Parallel()
	g := start(t)
	if a := g.configure(404, "GET", "/v1/nothing", ""); a.message() != "resource not found" {
		t.Error(a.body)
	}
	if a := g.configure(405, "PATCH", inDefault+"/functions", ""); a.message() != "method not allowed" {
		t.Error(a.body)
	}
	for _, path := range []string{"/v1/status", "/healthz", "/readyz"} {
		if a := g.configure(200, "GET", path, ""); a.body != "" {
			t.Errorf("%s: %q", path, a.body)
		}
	}
	for _, path := range []string{"/metrics", "/v1/metrics"} {
		if a := g.configure(200, "GET", path, ""); !strings.Contains(a.body, "eventgateway_snapshot_revision 0") {
			t.Error(path, a.body)
		}
	}
}

// TestW: a change that was made to something else than what the writer saw is refused, and none is lost.
func TestW(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", "http://localhost:1")
	const f = inDefault + "/functions/f"
	body := func(n int) string { return fmt.Sprintf(`{"type":"http","provider":{"url":"http://localhost:%d"}}`, n) }
	tag := g.configure(200, "GET", f, "").header.Get("ETag")
	next := g.configure(200, "PUT", f, body(2), "If-Match: "+tag).header.Get("ETag")
	if next == tag || next == "" {
		t.Errorf("the ETag was %s and is %s", tag, next)
	}
	a := g.configure(412, "PUT", f, body(3), "If-Match: "+tag)
	if want := `Function "f" was changed meanwhile: read it again before you change it.`; a.message() != want {
		t.Error(a.body)
	}
	g.configure(412, "DELETE", f, "", "If-Match: "+tag)
	g.configure(400, "DELETE", f, "", "If-Match: "+strings.Trim(next, `"`))
	g.configure(200, "PUT", f, body(3), `If-Match: "9999", `+next)
	g.configure(200, "PUT", f, body(4), "If-Match: *")

	// Of those who saw the same, one wins.
	tag = g.configure(200, "GET", f, "").header.Get("ETag")
	var wg sync.WaitGroup
	statuses := make([]int, 20)
	for i := range statuses {
		wg.Go(func() {
			statuses[i] = send(t, "PUT", g.config+f, body(100+i), "If-Match: "+tag, "Content-Type: application/json").status
		})
	}
	wg.Wait()
	count := map[int]int{}
	for _, s := range statuses {
		count[s]++
	}
	if count[http.StatusOK] != 1 || count[http.StatusPreconditionFailed] != 19 {
		t.Error("20 PUTs with one ETag:", count)
	}

	// A PUT does not bring back what a DELETE took away.
	for range 20 {
		g.configure(200, "PUT", f, body(5))
		var put, del int
		wg.Go(func() { put = send(t, "PUT", g.config+f, body(6), "Content-Type: application/json").status })
		wg.Go(func() { del = send(t, "DELETE", g.config+f, "").status })
		wg.Wait()
		if del != 204 || put != 200 && put != 404 {
			t.Fatal("PUT and DELETE:", put, del)
		}
		g.configure(404, "GET", f, "")
		g.function("default", "f", "http://localhost:1")
	}
}

// TestFiftyWriters: many clients at once are folded into few commits, and all are answered.
func TestFiftyWriters(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", "http://localhost:1")
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 4 {
				a := send(t, "POST", g.config+inDefault+"/subscriptions", fmt.Sprintf(`{"functionId":"f","event":"e%d.%d"}`, i, j), "Content-Type: application/json")
				if a.status != 201 {
					t.Error(a.status, a.body)
				}
			}
		})
	}
	wg.Wait()
	if n := strings.Count(g.configure(200, "GET", inDefault+"/subscriptions", "").body, "subscriptionId"); n != 200 {
		t.Errorf("there are %d subscriptions, want 200", n)
	}
}
