package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestSeedClients runs the SDKs and the FDK of early 2018: events have names only, and there is invoke.
// What -compat makes different here: the form of the events, that invoke needs a subscription, and how a failure is told.
func TestSeedClients(t *testing.T) {
	t.Parallel()
	npmFolder(t)
	for _, args := range [][]string{{"-dev"}, {"-dev", "-compat"}} {
		for _, name := range []string{"sdk-0.2.0", "sdk-0.3.0", "@serverless/fdk"} {
			t.Run(fmt.Sprint(name, args), func(t *testing.T) {
				t.Parallel()
				s := &seed{
					T: t, name: name, compat: len(args) > 1, process: start(t, t.TempDir(), append(args, "-store=memory:")...),
					functions: newFunctions(t),
				}
				if name == "@serverless/fdk" {
					s.fdk()
				} else {
					s.sdk()
				}
			})
		}
	}
}

// seed is a client of early 2018 and what it works with.
type seed struct {
	*testing.T
	name      string
	compat    bool
	process   *process
	functions *functions
}

// pick returns what holds with -compat, or what holds without it.
func (s *seed) pick(compat, now string) string {
	if s.compat {
		return compat
	}
	return now
}

func (s *seed) sdk() {
	c := newClient(s.T, s.process, s.name, "", "")
	s.registers(c)
	s.subscribes(c)
	s.answersRequests()
	s.emits()
	s.invokes(c)
	s.invokesInSpace()
	s.removes(c)
	s.functions.rests()
}

func (s *seed) registers(c *client) {
	users := fmt.Sprintf(`{"functionId":"listUsers","type":"http","provider":{"url":"%s/listUsers"}}`, s.functions.URL)
	// The shape that this SDK was made for: the type is in the provider.
	email := fmt.Sprintf(`{"functionId":"sendEmail","provider":{"type":"http","url":"%s/sendEmail"}}`, s.functions.URL)
	c.gets(`{"space":"default",`+users[1:], "registerFunction", users)
	c.gets(`{"space":"default",`+email[1:], "registerFunction", email)
	c.fails(`Failed to register the function listUsers due the error: Function "listUsers" already registered.`, "registerFunction", users)
	c.fails(`missing required fields for HTTP endpoint`, "registerFunction", `{"functionId":"x","type":"http","provider":{}}`)
	c.gets(`[{"space":"default",`+users[1:]+`,{"space":"default",`+email[1:]+`]`, "listFunctions")
}

func (s *seed) subscribes(c *client) {
	get := `{"space":"default","subscriptionId":"http,GET,%2Fusers","event":"http","functionId":"listUsers","method":"GET","path":"/users"}`
	created := `{"space":"default","subscriptionId":"user.created,sendEmail,%2Fmyteam","event":"user.created","functionId":"sendEmail","path":"/myteam"}`
	asked := `{"event":"http","functionId":"listUsers","method":"GET","path":"/users"}`
	c.gets(get, "subscribe", asked)
	c.gets(created, "subscribe", `{"event":"user.created","functionId":"sendEmail","path":"/myteam"}`)
	c.fails(`Failed to subscribe the event http to the function listUsers due the error: Subscription "http,GET,%2Fusers" already exists.`,
		"subscribe", asked)
	c.fails(`Function "none" not found.`, "subscribe", `{"event":"user.created","functionId":"none"}`)
	c.fails(`Missing required fields (method, path) for HTTP event.`, "subscribe", `{"event":"http","functionId":"listUsers"}`)
	c.gets("["+get+","+created+"]", "listSubscriptions")
	s.crosses(c)
	c.fails(`Function cannot be deleted because it's subscribed to a least one event.`, "deleteFunction", `{"functionId":"sendEmail"}`)
}

// crosses: CORS is part of a subscription.
func (s *seed) crosses(c *client) {
	c.gets(`{"space":"default","subscriptionId":"http,POST,%2Fusers","event":"http","functionId":"listUsers","method":"POST","path":"/users",`+
		`"cors":{"origins":["http://shop.example"],"methods":["HEAD","GET","POST"],"headers":["Origin","Accept","Content-Type"],"allowCredentials":false}}`,
		"subscribe", `{"event":"http","functionId":"listUsers","method":"POST","path":"/users","cors":{"origins":["http://shop.example"]}}`)
	s.process.preflight("POST", "/users", "http://shop.example", "http://shop.example")
	s.process.preflight("POST", "/users", "http://other.example", "")
	c.gets("", "unsubscribe", `{"subscriptionId":"http,POST,%2Fusers"}`)
}

// answersRequests: what a client subscribed to "http" is an endpoint for everybody.
func (s *seed) answersRequests() {
	if a := s.process.send(200, "GET", s.process.events+"/users?a=1", ""); a != `["Max"]` {
		s.Error(a)
	}
	data := fmt.Sprintf(`{"headers":"*","query":{"a":["1"]},"body":"","host":%q,"path":"/users","method":"GET","params":{}}`,
		strings.TrimPrefix(s.process.events, "http://"))
	s.functions.wants("listUsers", s.pick(
		`{"event":"http","id":"*","receivedAt":"*","data":`+data+`,"dataType":"application/octet-stream"}`,
		`{"specversion":"1.0","type":"http.request","source":"/users","id":"*","time":"*","datacontenttype":"application/json","data":`+data+`}`))
}

func (s *seed) emits() {
	c := newClient(s.T, s.process, s.name, "/myteam", "")
	c.gets(accepted, "emit", `{"event":"user.created","data":{"name":"Max"}}`)
	s.functions.wants("sendEmail", s.pick(
		`{"event":"user.created","id":"*","receivedAt":"*","data":{"name":"Max"},"dataType":"application/json"}`,
		`{"specversion":"1.0","type":"user.created","source":"/myteam","id":"*","time":"*","datacontenttype":"application/json","data":{"name":"Max"}}`))
	c.gets(accepted, "emit", `{"event":"user.created","data":"hi","dataType":"text/plain"}`)
	s.functions.wants("sendEmail", s.pick(
		`{"event":"user.created","id":"*","receivedAt":"*","data":"aGk=","dataType":"text/plain"}`,
		`{"specversion":"1.0","type":"user.created","source":"/myteam","id":"*","time":"*","datacontenttype":"text/plain","data":"hi"}`))
	c.gets(accepted, "emit", `{"event":"nobody.listens","data":{}}`)
	c.fails("Failed to emit the event user.created", "emit", `{"event":"user.created","data":"{","dataType":"application/json"}`)
}

func (s *seed) invokes(c *client) {
	order := `{"functionId":"sendEmail","data":{"name":"Max"}}`
	got := s.pick(
		`{"event":"invoke","id":"*","receivedAt":"*","data":{"name":"Max"},"dataType":"application/json"}`,
		`{"specversion":"1.0","type":"invoke","source":"/","id":"*","time":"*","datacontenttype":"application/json","data":{"name":"Max"}}`)
	answer := func() {
		s.Helper()
		if o := c.does("invoke", order); !alike(s.T, string(o.Value), fmt.Sprintf(`{"status":200,"type":"*","body":%q}`, users)) {
			s.Errorf("%s %s", o.Value, o.Error)
		}
		s.functions.wants("sendEmail", got)
	}
	if s.compat { // -dev alone opens invoke for every function
		c.fails("function or subscription not found", "invoke", order)
	} else {
		answer()
	}
	c.does("subscribe", `{"event":"invoke","functionId":"sendEmail","path":"/"}`)
	answer()
	c.fails("Failed to invoke function none due the error: ", "invoke", `{"functionId":"none","data":{}}`)
	c.does("registerFunction", fmt.Sprintf(`{"functionId":"fail","type":"http","provider":{"url":"%s/fail"}}`, s.functions.URL))
	c.does("subscribe", `{"event":"invoke","functionId":"fail","path":"/"}`)
	c.fails("Failed to invoke function fail due the error: "+s.pick("Function call failed. Please check logs.", ""), "invoke", `{"functionId":"fail","data":{}}`)
	s.functions.wants("fail", s.pick(
		`{"event":"invoke","id":"*","receivedAt":"*","data":{},"dataType":"application/json"}`,
		`{"specversion":"1.0","type":"invoke","source":"/","id":"*","time":"*","datacontenttype":"application/json","data":{}}`))
}

// invokesInSpace: 0.3.0 names its space when it invokes, 0.2.0 does not, which is then the space "default".
func (s *seed) invokesInSpace() {
	c := newClient(s.T, s.process, s.name, "", "team1")
	c.gets("[]", "listFunctions")
	f := fmt.Sprintf(`{"functionId":"teams","type":"http","provider":{"url":"%s/teams"}}`, s.functions.URL)
	c.gets(`{"space":"team1",`+f[1:], "registerFunction", f)
	c.gets(`{"space":"team1","subscriptionId":"invoke,teams,%2F","event":"invoke","functionId":"teams","path":"/"}`,
		"subscribe", `{"event":"invoke","functionId":"teams"}`)
	if s.name == "sdk-0.2.0" {
		c.fails("Failed to invoke function teams due the error: ", "invoke", `{"functionId":"teams","data":{}}`)
		return
	}
	if o := c.does("invoke", `{"functionId":"teams","data":{}}`); !alike(s.T, string(o.Value), fmt.Sprintf(`{"status":200,"type":"*","body":%q}`, users)) {
		s.Errorf("%s %s", o.Value, o.Error)
	}
	if d := <-s.functions.got; d.name != "teams" {
		s.Error(d)
	}
}

// removes: the clients put the ids into the path as they are.
func (s *seed) removes(c *client) {
	for _, id := range []string{"http,GET,%2Fusers", "user.created,sendEmail,%2Fmyteam", "invoke,sendEmail,%2F", "invoke,fail,%2F"} {
		c.gets("", "unsubscribe", fmt.Sprintf(`{"subscriptionId":%q}`, id))
	}
	c.gets("[]", "listSubscriptions")
	c.fails(`Failed to unsubscribe the subscription http,GET,%2Fusers due the error: Subscription "http,GET,%2Fusers" not found.`,
		"unsubscribe", `{"subscriptionId":"http,GET,%2Fusers"}`)
	for _, id := range []string{"listUsers", "sendEmail", "fail"} {
		c.gets("", "deleteFunction", fmt.Sprintf(`{"functionId":%q}`, id))
	}
	c.gets("[]", "listFunctions")
	c.fails(`Failed to delete the function fail due the error: Function "fail" not found.`, "deleteFunction", `{"functionId":"fail"}`)
	s.process.send(404, "GET", s.process.events+"/users", "")
}

// fdk: it asks for configuration at addresses that were given up before the first release. Events go where they always went.
func (s *seed) fdk() {
	c := newClient(s.T, s.process, s.name, "", "")
	c.fails("couldn't parse error body", "registerFunction", `{"functionId":"f"}`)
	c.fails("couldn't parse error body", "listSubscriptions")
	s.process.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":"sendEmail","type":"http","provider":{"url":"%s/sendEmail"}}`, s.functions.URL))
	s.process.configure(201, "POST", "subscriptions", `{"functionId":"sendEmail","event":"user.created","path":"/myteam"}`)
	s.emits()
	s.fdkInvokes(c)
	s.functions.rests()
}

func (s *seed) fdkInvokes(c *client) {
	s.process.configure(201, "POST", "subscriptions", `{"functionId":"sendEmail","event":"invoke"}`)
	if o := c.does("invoke", `{"functionId":"sendEmail","data":1}`); !alike(s.T, string(o.Value), fmt.Sprintf(`{"status":200,"type":"*","body":%q}`, users)) {
		s.Errorf("%s %s", o.Value, o.Error)
	}
	s.functions.wants("sendEmail", s.pick(
		`{"event":"invoke","id":"*","receivedAt":"*","data":1,"dataType":"application/json"}`,
		`{"specversion":"1.0","type":"invoke","source":"/","id":"*","time":"*","datacontenttype":"application/json","data":1}`))
	c.fails(`Failed to invoke function none due the error: {"errors":[{"message":"`, "invoke", `{"functionId":"none","data":1}`)
}
