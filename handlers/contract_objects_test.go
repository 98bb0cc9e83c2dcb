package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

// Section 2.2: objects, field by field.

// TestContractProviders: what is required of each type, the order in which settings are read back, and that keys are not.
func TestContractProviders(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		const functions = inDefault + "/functions"
		const keys = `,"awsAccessKeyId":"AKIA","awsSecretAccessKey":"secret","awsSessionToken":"token"`
		f := func(kind, title string, required ...string) {
			t.Helper()
			g.want(400, "POST", functions, fmt.Sprintf(`{"functionId":"x","type":%q}`, kind), onFunction+`provider configuration not set`)
			for i := range required {
				rest := strings.Join(append(append([]string{}, required[:i]...), required[i+1:]...), ",")
				body := fmt.Sprintf(`{"functionId":"x","type":%q,"provider":{%s}}`, kind, rest)
				g.want(400, "POST", functions, body, onFunction+`missing required fields for `+title)
			}
			given, more := strings.Join(required, ","), keys
			if kind == "http" {
				more = ""
			}
			body := fmt.Sprintf(`"functionId":"my.%[1]s","type":%[1]q,"provider":{%s},"metadata":{"a":"b"}}`, kind, given+more)
			for _, secret := range []string{"AKIA", "secret", "token"} { // in 2018 they were echoed in clear
				body = strings.Replace(body, `"`+secret+`"`, `"****"`, 1)
			}
			sent := fmt.Sprintf(`{"metadata":{"a":"b"},"provider":{%s},"type":%q,"functionId":"my.%[2]s"}`, given+more, kind)
			g.want(201, "POST", functions, sent, `{"space":"default",`+body)
			// The shape of 0.6, and without what is optional.
			body = fmt.Sprintf(`"functionId":"old.%[1]s","provider":{"type":%[1]q,%s}}`, kind, given)
			g.want(201, "POST", functions, `{`+body, `{"space":"default",`+body)
		}
		f("http", "HTTP endpoint", `"url":"http://localhost:1"`)
		f("awslambda", "AWS Lambda function", `"arn":"hello"`, `"region":"us-east-1"`)
		f("awskinesis", "AWS Kinesis function", `"streamName":"s"`, `"region":"us-east-1"`)
		f("awsfirehose", "AWS Firehose function", `"deliveryStreamName":"s"`, `"region":"us-east-1"`)
		f("awssqs", "AWS SQS function", `"queueUrl":"https://q"`, `"region":"us-east-1"`)
		g.want(400, "POST", functions, `{"functionId":"x","type":"ftp","provider":{}}`, onFunction+`provider ftp not supported`)
	})
}

// TestContractShapes: the defaults and ids of subscriptions, and the defaults of CORS.
func TestContractShapes(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		g.bothShapes("http://localhost:1", "e", "http.request")
		f := func(body, id, want string) {
			t.Helper()
			g.want(201, "POST", inDefault+"/subscriptions", body, fmt.Sprintf(`{"space":"default","subscriptionId":%q,%s}`, id, want))
		}
		// The path is "/" and begins with one, in either shape. ":" stays in an id, "*" and what is no ASCII does not.
		f(`{"event":"e","functionId":"f"}`, `e,f,%2F`, `"event":"e","functionId":"f","path":"/"`)
		f(`{"type":"async","eventType":"e","functionId":"f"}`, v09ID(`async,e,f,%2F,POST`), `"type":"async","eventType":"e","functionId":"f","path":"/","method":"POST"`)
		f(`{"event":"e","functionId":"f","path":"a/:b/*c"}`, `e,f,%2Fa%2F:b%2F%2Ac`, `"event":"e","functionId":"f","path":"/a/:b/*c"`)
		f(`{"type":"async","eventType":"e","functionId":"f","path":"a/:b/*c"}`, v09ID(`async,e,f,%2Fa%2F:b%2F%2Ac,POST`),
			`"type":"async","eventType":"e","functionId":"f","path":"/a/:b/*c","method":"POST"`)
		f(`{"event":"e","functionId":"f","path":"/é"}`, `e,f,%2F%C3%A9`, `"event":"e","functionId":"f","path":"/é"`)
		// The method of a plain request is upper-cased; without one the seed has none, and 0.9 has POST.
		f(`{"event":"http","functionId":"f","method":"get"}`, `http,GET,%2F`, `"event":"http","functionId":"f","method":"GET","path":"/"`)
		f(`{"type":"sync","eventType":"http.request","functionId":"f","method":"put"}`, v09ID(`sync,http.request,%2F,PUT`),
			`"type":"sync","eventType":"http.request","functionId":"f","path":"/","method":"PUT"`)
		f(`{"type":"sync","eventType":"e","functionId":"f"}`, v09ID(`sync,e,%2F,POST`), `"type":"sync","eventType":"e","functionId":"f","path":"/","method":"POST"`)
		// The method of a seed's custom event is kept if it is one.
		f(`{"event":"e","functionId":"f","path":"/m","method":"PUT"}`, `e,f,%2Fm`, `"event":"e","functionId":"f","method":"PUT","path":"/m"`)
		g.configure(400, "POST", inDefault+"/subscriptions", `{"event":"e","functionId":"f","path":"/n","method":"put"}`)
		// cors: all defaults for {}, and for what is left out.
		const seedCORS = `"cors":{"origins":["*"],"methods":["HEAD","GET","POST"],"headers":["Origin","Accept","Content-Type"],"allowCredentials":false}`
		f(`{"event":"http","functionId":"f","method":"GET","path":"/c","cors":{}}`, `http,GET,%2Fc`,
			`"event":"http","functionId":"f","method":"GET","path":"/c",`+seedCORS)
		f(`{"event":"http","functionId":"f","method":"GET","path":"/d","cors":{"methods":["PUT"]}}`, `http,GET,%2Fd`,
			`"event":"http","functionId":"f","method":"GET","path":"/d",`+strings.Replace(seedCORS, `"HEAD","GET","POST"`, `"PUT"`, 1))
		g.want(201, "POST", inCORS, `{"method":"get","path":"/c/:d/*e","allowedHeaders":["X-A"]}`,
			`{"space":"default","corsId":"GET%2Fc%2F:d%2F%2Ae","method":"GET","path":"/c/:d/*e",`+
				`"allowedOrigins":["*"],"allowedMethods":["HEAD","GET","POST"],"allowedHeaders":["X-A"],"allowCredentials":false}`)
	})
}

// TestContractIDs: which characters names have.
func TestContractIDs(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		g.bothShapes("http://localhost:1")
		post := func(path, body, tag string) {
			t.Helper()
			status := map[bool]int{true: 201, false: 400}[tag == ""]
			if a := g.configure(status, "POST", path, body); !strings.Contains(a.message(), tag) {
				t.Errorf("%s: %s, want %s", body, a.message(), tag)
			}
		}
		f := func(name string, ok bool) {
			t.Helper()
			tag := func(field, tag string) string {
				if ok {
					return ""
				}
				return fmt.Sprintf("'%s' failed on the '%s' tag", field, tag)
			}
			post(inDefault+"/functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":"http://localhost:1"}}`, name), tag("ID", "functionid"))
			post(inDefault+"/subscriptions", fmt.Sprintf(`{"event":%q,"functionId":"f"}`, name), tag("Event", "eventtype"))
			post(inDefault+"/eventtypes", fmt.Sprintf(`{"name":%q}`, name), tag("Name", "name")) // not checked in 2018
			if !ok {
				post(inDefault+"/subscriptions", fmt.Sprintf(`{"type":"async","eventType":%q,"functionId":"f"}`, name), tag("EventType", "eventType"))
			}
		}
		f("aZ09.-_", true)
		for _, bad := range []string{"a b", "a/b", "a,b", "a:b", "ä", "a*"} {
			f(bad, false)
		}
		for space, tag := range map[string]string{"aZ09.-_": "", "abc": "", "ab": "'min' tag", "a%20b": "'space' tag", "a,b": "'space' tag"} {
			post("/v1/spaces/"+space+"/functions", `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`, tag)
		}
	})
}
