package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlugin deploys a service with the Serverless Framework and its Event Gateway plugin, as it was done in 2018. AWS is an emulator; the
// Lambda functions are a server of the test. -compat makes only the form of the events different here.
func TestPlugin(t *testing.T) {
	for _, args := range [][]string{{"-dev"}, {"-dev", "-compat"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			s := newService(t, args...)
			s.sls("deploy")
			s.deployed()
			s.works()
			s.sls("deploy")
			s.redeployed()
			s.use("changed.yml")
			s.sls("deploy")
			s.changed()
			s.authorizes()
			s.sls("remove")
			s.removed()
		})
	}
}

const metadata = `"metadata":{"service":"shop","stage":"dev"}}`

func lambdaFunction(name string) string {
	return fmt.Sprintf(`{"space":"default","functionId":"shop-dev-%s","type":"awslambda","provider":{`+
		`"arn":"arn:aws:lambda:us-east-1:123456789012:function:shop-dev-%[1]s","region":"us-east-1",`+
		`"awsAccessKeyId":"****","awsSecretAccessKey":"****"},`+metadata, name)
}

func (s *service) deployed() {
	s.has("eventtypes", "eventTypes",
		`{"space":"default","name":"http.request",`+metadata, `{"space":"default","name":"user.created",`+metadata,
		`{"space":"default","name":"user.deleted",`+metadata, `{"space":"default","name":"mail.wanted",`+metadata)
	s.has("functions", "functions", lambdaFunction("hello"), lambdaFunction("mail"), lambdaFunction("old"),
		`{"space":"default","functionId":"shop-dev-queue","type":"awssqs","provider":{"queueUrl":"https://sqs.us-east-1.amazonaws.com/`)
	s.has("subscriptions", "subscriptions",
		`"type":"sync","eventType":"http.request","functionId":"shop-dev-hello","path":"/default/hello","method":"GET",`+metadata,
		`"type":"async","eventType":"user.created","functionId":"shop-dev-mail","path":"/default/myteam","method":"POST",`+metadata,
		`"type":"sync","eventType":"http.request","functionId":"shop-dev-old","path":"/default/old","method":"POST",`+metadata,
		`"type":"async","eventType":"user.deleted","functionId":"shop-dev-old","path":"/default/myteam","method":"POST",`+metadata,
		`"type":"async","eventType":"mail.wanted","functionId":"shop-dev-queue","path":"/default/mails","method":"POST",`+metadata)
	s.has("cors", "cors",
		`"corsId":"GET%2Fdefault%2Fhello","method":"GET","path":"/default/hello","allowedOrigins":["*"],"allowedMethods":["HEAD","GET","POST"],`+
			`"allowedHeaders":["Origin","Accept","Content-Type"],"allowCredentials":false,`+metadata,
		`"corsId":"POST%2Fdefault%2Fold","method":"POST","path":"/default/old","allowedOrigins":["http://shop.example"],"allowedMethods":["HEAD","GET","POST"],`+
			`"allowedHeaders":["Authorization"],"allowCredentials":true,`+metadata)
	s.called("POST eventtypes 201", "POST eventtypes 201", "POST eventtypes 201", "POST eventtypes 201",
		"POST functions 201", "POST functions 201", "POST functions 201", "POST functions 201",
		"POST subscriptions 201", "POST subscriptions 201", "POST subscriptions 201", "POST subscriptions 201", "POST subscriptions 201",
		"POST cors 201", "POST cors 201")
}

// works: requests and events reach the functions that were deployed, with the keys that the stack made for it.
func (s *service) works() {
	s.answers("/default/hello")
	s.emits()
	const same = `"source":"https://github.com/serverless/serverless-event-gateway-plugin","data":{"name":"Max"},`
	s.lambda.wants("shop-dev-mail", form(s.compat,
		same+`"eventType":"user.created","eventID":"*","contentType":"application/json"`,
		same+`"type":"user.created","id":"*","datacontenttype":"application/json"`))
	if out := s.sls("gateway", "dashboard"); strings.Count(out, "shop-dev-") < 9 {
		s.t.Error(out)
	}
}

// answers: the function hello answers at this path.
func (s *service) answers(path string) {
	s.t.Helper()
	if a := s.gateway.send(200, "GET", s.gateway.events+path, ""); a != "shop-dev-hello" {
		s.t.Error(a)
	}
	s.lambda.wants("shop-dev-hello", form(s.compat,
		`"eventType":"http.request","source":"*","eventID":"*","eventTime":"*","contentType":"application/json","data":"*"`,
		`"type":"http.request","source":"*","id":"*","time":"*","datacontenttype":"application/json","data":"*"`))
}

func (s *service) emits() {
	s.t.Helper()
	if out := s.sls("gateway", "emit", "-e", "user.created", "-d", `{"name":"Max"}`); !strings.Contains(out, "Event emitted: user.created") {
		s.t.Error(out)
	}
}

// authorizes: hello is asked about events of its type. What it answers is no authorization, so nobody gets the event. In 2018 the sender was not told.
func (s *service) authorizes() {
	if s.compat {
		s.emits()
	} else if out := s.slsFails("gateway", "emit", "-e", "user.created", "-d", `{"name":"Max"}`); !strings.Contains(out, "The event was not authorized.") {
		s.t.Error(out)
	}
	s.lambda.wants("shop-dev-hello", `{"event":"*","request":"*"}`)
	s.lambda.rests()
}

// redeployed: the plugin compares the functions with its own. The gateway does not tell keys, so it writes each again, with the same content.
// It writes what CORS there is, and then deletes it: that is how the plugin is.
func (s *service) redeployed() {
	s.called("PUT functions/shop-dev-hello 200", "PUT functions/shop-dev-mail 200",
		"PUT functions/shop-dev-old 200", "PUT functions/shop-dev-queue 200",
		"POST eventtypes 409", "POST eventtypes 409", // those that subscriptions use and no section defines: "already exists" is expected
		"PUT cors/GET%2Fdefault%2Fhello 200", "PUT cors/POST%2Fdefault%2Fold 200",
		"DELETE cors/GET%2Fdefault%2Fhello 204", "DELETE cors/POST%2Fdefault%2Fold 204")
	s.has("functions", "functions", lambdaFunction("hello"), lambdaFunction("mail"), lambdaFunction("old"), `"functionId":"shop-dev-queue"`)
	s.has("cors", "cors")
	s.answers("/default/hello")
}

// changed: hello has another path and authorizes, mail is as before, old and queue are gone, post is new.
func (s *service) changed() {
	s.has("eventtypes", "eventTypes",
		`{"space":"default","name":"http.request",`+metadata, `{"space":"default","name":"user.created","authorizerId":"shop-dev-hello",`+metadata,
		`{"space":"default","name":"user.asked",`+metadata)
	s.has("functions", "functions", lambdaFunction("hello"), lambdaFunction("mail"), lambdaFunction("post"))
	s.has("subscriptions", "subscriptions",
		`"type":"sync","eventType":"http.request","functionId":"shop-dev-hello","path":"/default/hello/:name","method":"GET",`+metadata,
		`"type":"async","eventType":"user.created","functionId":"shop-dev-mail","path":"/default/myteam","method":"POST",`+metadata,
		`"type":"sync","eventType":"user.asked","functionId":"shop-dev-post","path":"/default/ask","method":"POST",`+metadata)
	s.has("cors", "cors",
		`"corsId":"GET%2Fdefault%2Fhello%2F:name","method":"GET","path":"/default/hello/:name","allowedOrigins":["http://shop.example"],`)
	s.gateway.send(404, "GET", s.gateway.events+"/default/hello", "")
	s.answers("/default/hello/max")
}

// removed: the plugin leaves the CORS configurations where they are.
func (s *service) removed() {
	s.has("eventtypes", "eventTypes")
	s.has("functions", "functions")
	s.has("subscriptions", "subscriptions")
	s.has("cors", "cors", `"corsId":"GET%2Fdefault%2Fhello%2F:name"`)
	s.gateway.send(404, "GET", s.gateway.events+"/default/hello/max", "")
}
