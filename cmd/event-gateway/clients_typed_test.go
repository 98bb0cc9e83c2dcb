package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestTypedClients runs the SDKs of late 2018: event types, sync and async subscriptions, metadata, CORS, CloudEvents 0.1.
// What -compat makes different here: the form of the events, and how a failure is told.
func TestTypedClients(t *testing.T) {
	t.Parallel()
	npmFolder(t)
	for _, args := range [][]string{{"-dev"}, {"-dev", "-compat"}} {
		for _, name := range []string{"sdk-0.10.2", "sdk-0.11.0"} {
			t.Run(fmt.Sprint(name, args), func(t *testing.T) {
				t.Parallel()
				s := &typed{
					T: t, name: name, compat: len(args) > 1, process: start(t, t.TempDir(), append(args, "-store=memory:")...),
					functions: newFunctions(t),
				}
				s.all()
			})
		}
	}
}

// typed is a client of late 2018 and what it works with.
type typed struct {
	*testing.T
	name      string
	compat    bool
	process   *process
	functions *functions
}

// step runs a part of the test that others do not need.
func (s *typed) step(name string, do func(s *typed, c *client)) {
	s.Run(name, func(t *testing.T) {
		part := *s
		part.T, s.process.t, s.functions.t = t, t, t
		defer func() { s.process.t, s.functions.t = s.T, s.T }()
		do(&part, newClient(t, s.process, s.name, "", ""))
		s.functions.rests()
	})
}

func (s *typed) all() {
	s.step("event types", (*typed).eventTypes)
	s.step("functions", (*typed).registers)
	s.step("subscriptions", (*typed).subscribes)
	s.step("requests", (*typed).answersRequests)
	s.step("CORS", (*typed).cors)
	s.step("events", (*typed).emits)
	s.step("sync events", (*typed).asks)
	s.step("authorizers", (*typed).authorizes)
	s.step("space", (*typed).space)
	s.step("removal", (*typed).removes)
}

func (s *typed) eventTypes(c *client) {
	request := `{"space":"default","name":"http.request"}`
	created := `{"space":"default","name":"user.created","metadata":{"service":"shop","stage":"dev"}}`
	prod := strings.Replace(created, "dev", "prod", 1)
	c.gets("[]", "listEventTypes")
	c.gets(request, "createEventType", `{"name":"http.request"}`)
	c.gets(created, "createEventType", `{"name":"user.created","metadata":{"service":"shop","stage":"dev"}}`)
	c.gets(`{"space":"default","name":"user.asked"}`, "createEventType", `{"name":"user.asked"}`)
	c.fails(`Failed to create user.created event type due the error: Event Type "user.created" already exists.`, "createEventType", `{"name":"user.created"}`)
	c.gets(`[`+created+`]`, "listEventTypes", `{"metadata.service":"shop","metadata.stage":"dev"}`)
	c.gets(`[]`, "listEventTypes", `{"metadata.service":"shop","metadata.stage":"prod"}`)
	c.gets(prod, "updateEventType", `{"name":"user.created","metadata":{"service":"shop","stage":"prod"}}`)
	c.gets(`[`+request+`,{"space":"default","name":"user.asked"},`+prod+`]`, "listEventTypes")
	if o := c.does("updateEventType", created); uncounted(string(o.Value)) != created {
		s.Errorf("%s%s", o.Value, o.Error)
	} else {
		c.gets(created, "updateEventType", string(o.Value)) // a whole object as it was read
	}
	c.fails(`Event Type "none" not found.`, "updateEventType", `{"name":"none"}`)
}

func (s *typed) registers(c *client) {
	f := func(name, service string) string {
		return fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":"%s/%[1]s"},"metadata":{"service":%[3]q}}`, name, s.functions.URL, service)
	}
	read := func(f string) string { return `{"space":"default",` + f[1:] }
	for _, name := range []string{"listUsers", "sendEmail", "fail"} {
		c.gets(read(f(name, "shop")), "createFunction", f(name, "shop"))
	}
	c.fails(`Failed to create the function sendEmail due the error: Function "sendEmail" already registered.`, "createFunction", f("sendEmail", "shop"))
	c.gets(read(f("sendEmail", "mail")), "updateFunction", f("sendEmail", "mail"))
	c.fails(`Failed to update the function none due the error: Function "none" not found.`, "updateFunction", f("none", "mail"))
	c.gets(`[`+read(f("sendEmail", "mail"))+`]`, "listFunctions", `{"metadata.service":"mail"}`)
	c.gets(`[`+read(f("fail", "shop"))+`,`+read(f("listUsers", "shop"))+`,`+read(f("sendEmail", "mail"))+`]`, "listFunctions")
}

// The ids are base64url of sync,http.request,%2Fusers,GET and the like.
const (
	usersID = "c3luYyxodHRwLnJlcXVlc3QsJTJGdXNlcnMsR0VU"
	teamID  = "YXN5bmMsdXNlci5jcmVhdGVkLHNlbmRFbWFpbCwlMkZteXRlYW0sUE9TVA"
	askID   = "c3luYyx1c2VyLmFza2VkLCUyRmFzayxQT1NU"
)

func (s *typed) subscribes(c *client) {
	f := func(id, given string) string {
		c.gets(`{"space":"default","subscriptionId":"`+id+`",`+given[1:], "subscribe", given)
		c.fails(`due the error: Subscription "`+id+`" already exists.`, "subscribe", given)
		return `{"space":"default","subscriptionId":"` + id + `",` + given[1:]
	}
	users := f(usersID, `{"type":"sync","eventType":"http.request","functionId":"listUsers","path":"/users","method":"GET","metadata":{"service":"shop"}}`)
	team := f(teamID, `{"type":"async","eventType":"user.created","functionId":"sendEmail","path":"/myteam","method":"POST","metadata":{"service":"mail"}}`)
	ask := f(askID, `{"type":"sync","eventType":"user.asked","functionId":"listUsers","path":"/ask","method":"POST"}`)
	c.fails(`Failed to subscribe the event none to the function sendEmail due the error: Event Type "none" not found.`,
		"subscribe", `{"type":"async","eventType":"none","functionId":"sendEmail","path":"/","method":"POST"}`)
	c.fails(`Function "none" not found.`, "subscribe", `{"type":"async","eventType":"user.created","functionId":"none"}`)
	c.gets(`[`+users+`]`, "listSubscriptions", `{"metadata.service":"shop"}`)
	for _, one := range []string{users, team, ask} {
		if o := c.does("listSubscriptions"); !strings.Contains(string(o.Value), one) || strings.Count(string(o.Value), "subscriptionId") != 3 {
			s.Errorf("%s %s", o.Value, o.Error)
		}
	}
	// No SDK updates a subscription, but what it has read can be sent back.
	s.process.configure(200, "PUT", "subscriptions/"+teamID, strings.Replace(team, `"mail"`, `"post"`, 1))
	c.gets(`[`+strings.Replace(team, `"mail"`, `"post"`, 1)+`]`, "listSubscriptions", `{"metadata.service":"post"}`)
}

// form is how a function gets an event.
func (s *typed) form(compat, now string) string { return form(s.compat, compat, now) }

func (s *typed) answersRequests(*client) {
	if a := s.process.send(200, "GET", s.process.events+"/users?a=1", ""); a != `["Max"]` {
		s.Error(a)
	}
	data := fmt.Sprintf(`"data":{"headers":"*","query":{"a":["1"]},"body":"","host":%q,"path":"/users","method":"GET","params":{}}`,
		strings.TrimPrefix(s.process.events, "http://"))
	s.functions.wants("listUsers", s.form(
		`"eventType":"http.request","source":"*","eventID":"*","eventTime":"*","contentType":"application/json",`+data,
		`"type":"http.request","source":"/users","id":"*","time":"*","datacontenttype":"application/json",`+data))
}

func (s *typed) cors(c *client) {
	record := `{"space":"default","corsId":"GET%2Fusers","method":"GET","path":"/users","allowedOrigins":["http://shop.example"],` +
		`"allowedMethods":["HEAD","GET","POST"],"allowedHeaders":["Origin","Accept","Content-Type"],"allowCredentials":false,"metadata":{"service":"shop"}}`
	given := `{"method":"GET","path":"/users","allowedOrigins":["http://shop.example"],"metadata":{"service":"shop"}}`
	c.gets("[]", "listCORS")
	c.gets(record, "createCORS", given)
	c.fails(`Failed to create CORS configuration due the error: CORS configuration "GET%2Fusers" already exists.`, "createCORS", given)
	c.gets("["+record+"]", "listCORS")
	c.gets("["+record+"]", "listCORS", `{"metadata.service":"shop"}`)
	c.gets("[]", "listCORS", `{"metadata.service":"mail"}`)
	s.process.preflight("GET", "/users", "http://shop.example", "http://shop.example")
	s.process.preflight("GET", "/users", "http://other.example", "")
	other := strings.Replace(record, "shop.example", "other.example", 1)
	c.gets(other, "updateCORS", other) // the id goes into the path as it is
	s.process.preflight("GET", "/users", "http://other.example", "http://other.example")
	s.process.preflight("GET", "/users", "http://shop.example", "")
	c.fails(`Invalid update. 'Method' of existing CORS configuration cannot be updated.`, "updateCORS", strings.Replace(record, `"GET"`, `"POST"`, 1))
	c.gets("", "deleteCORS", `{"corsId":"GET%2Fusers"}`)
	c.fails(`CORS configuration "GET%2Fusers" not found.`, "deleteCORS", `{"corsId":"GET%2Fusers"}`)
	c.gets("[]", "listCORS")
}

// emit sends an event to a path: 0.11.0 names the path with the event, 0.10.2 has it in its URL.
func (s *typed) emit(path, event string) outcome {
	s.Helper()
	if s.name == "sdk-0.11.0" {
		return newClient(s.T, s.process, s.name, "", "").does("emit", event, fmt.Sprintf(`{"path":%q,"headers":{"X-Custom":"1"}}`, path))
	}
	return newClient(s.T, s.process, s.name, path, "").does("emit", event)
}

const accepted = `{"status":202,"type":null,"body":""}`

func (s *typed) emits(*client) {
	f := func(path, event, want string) {
		s.Helper()
		if o := s.emit(path, event); string(o.Value) != accepted {
			s.Errorf("%s: %s%s", event, o.Value, o.Error)
		} else if want != "" {
			s.functions.wants("sendEmail", want)
		}
	}
	const (
		body = `"source":"/shop","eventID":"1","contentType":"application/json",`
		head = `{"cloudEventsVersion":"0.1",` + body
		now  = `"source":"/shop","id":"1","datacontenttype":"application/json","type":"user.created",`
		rest = `"eventType":"user.created","eventTypeVersion":"2","eventTime":"2018-09-01T10:00:00Z","schemaURL":"http://shop.example/s",` +
			`"extensions":{"team":"a"},"data":[1]`
	)
	for range 2 { // the same id again is another event
		f("/myteam", head+`"eventType":"user.created","data":{"name":"Max"}}`, s.form(
			body+`"eventType":"user.created","data":{"name":"Max"}`, now+`"data":{"name":"Max"}`))
	}
	f("/myteam", head+rest+`}`, s.form(body+rest,
		now+`"eventtypeversion":"2","time":"2018-09-01T10:00:00Z","dataschema":"http://shop.example/s","team":"a","data":[1]`))
	f("/myteam", head+`"eventType":"nobody.listens","data":1}`, "")
	f("/elsewhere", head+`"eventType":"user.created","data":1}`, "")
	o := s.emit("/myteam", `{"eventType":"user.created","source":"/shop","eventID":"1"}`)
	if !strings.HasPrefix(o.Error, "Failed to emit the event user.created due the error: CloudEvent doesn't validate: ") {
		s.Errorf("without a version: %s%s", o.Value, o.Error)
	}
}

// asks: a sync subscription on a custom event answers the client that emits.
func (s *typed) asks(c *client) {
	const event = `{"cloudEventsVersion":"0.1","source":"/shop","eventID":"1","eventType":"user.asked","contentType":"text/plain","data":"who?"}`
	if o := s.emit("/ask", event); string(o.Value) != `{"status":200,"type":"application/json","body":"[\"Max\"]"}` {
		s.Errorf("%s%s", o.Value, o.Error)
		return
	}
	s.functions.wants("listUsers", s.form(
		`"eventType":"user.asked","source":"/shop","eventID":"1","contentType":"text/plain","data":"who?"`,
		`"type":"user.asked","source":"/shop","id":"1","datacontenttype":"text/plain","data":"who?"`))
	c.does("subscribe", `{"type":"sync","eventType":"user.asked","functionId":"fail","path":"/fail","method":"POST"}`)
	told := "Failed to emit the event user.asked due the error: "
	if s.compat {
		told += "Function call failed. Please check logs."
	}
	if o := s.emit("/fail", event); !strings.HasPrefix(o.Error, told) {
		s.Errorf("%s%s, want %s", o.Value, o.Error, told)
	}
	s.functions.wants("fail", s.form(
		`"eventType":"user.asked","source":"/shop","eventID":"1","contentType":"text/plain","data":"who?"`,
		`"type":"user.asked","source":"/shop","id":"1","datacontenttype":"text/plain","data":"who?"`))
	c.gets("", "unsubscribe", `{"subscriptionId":"c3luYyx1c2VyLmFza2VkLCUyRmZhaWwsUE9TVA"}`)
}

// authorizes: a function is asked before an event of its type goes anywhere.
func (s *typed) authorizes(c *client) {
	for _, name := range []string{"allow", "deny"} {
		c.does("createFunction", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":"%s/%[1]s"}}`, name, s.functions.URL))
	}
	c.fails("Failed to update user.asked event type due the error: Authorizer function doesn't exists.",
		"updateEventType", `{"name":"user.asked","authorizerId":"none"}`)
	c.gets(`{"space":"default","name":"user.asked","authorizerId":"allow"}`, "updateEventType", `{"name":"user.asked","authorizerId":"allow"}`)
	c.fails("Function allow cannot be deleted because is used as an authorizer for user.asked event type.", "deleteFunction", `{"functionId":"allow"}`)
	const event = `{"cloudEventsVersion":"0.1","source":"/shop","eventID":"1","eventType":"user.asked","contentType":"text/plain","data":"who?"}`
	if o := s.emit("/ask", event); string(o.Value) != `{"status":200,"type":"application/json","body":"[\"Max\"]"}` {
		s.Fatalf("allowed: %s%s", o.Value, o.Error)
	}
	s.functions.wants("allow", `{"event":"*","request":"*"}`)
	s.functions.wants("listUsers", s.form(
		`"eventType":"user.asked","source":"/shop","eventID":"1","contentType":"text/plain","data":"who?",`+
			`"extensions":{"eventgateway":{"authorization":{"principalId":"max","context":{"role":"admin"}}}}`,
		`"type":"user.asked","source":"/shop","id":"1","datacontenttype":"text/plain","data":"who?","eventgateway":"*"`))
	c.does("updateEventType", `{"name":"user.asked","authorizerId":"deny"}`)
	if o := s.emit("/ask", event); o.Error == "" {
		s.Errorf("denied: %s", o.Value)
	}
	s.functions.wants("deny", `{"event":"*","request":"*"}`)
	c.gets(`{"space":"default","name":"user.asked"}`, "updateEventType", `{"name":"user.asked"}`)
	for _, name := range []string{"allow", "deny"} {
		c.gets("", "deleteFunction", fmt.Sprintf(`{"functionId":%q}`, name))
	}
}

// space: a client for another space sees nothing of this one.
func (s *typed) space(*client) {
	c := newClient(s.T, s.process, s.name, "", "team1")
	for _, list := range []string{"listEventTypes", "listFunctions", "listSubscriptions"} {
		c.gets("[]", list)
	}
	c.gets(`{"space":"team1","name":"user.created"}`, "createEventType", `{"name":"user.created"}`)
	c.gets("", "deleteEventType", `{"name":"user.created"}`)
}

func (s *typed) removes(c *client) {
	c.fails("Event type cannot be deleted because there are subscriptions using it.", "deleteEventType", `{"name":"user.created"}`)
	c.fails("Function cannot be deleted because it's subscribed to a least one event.", "deleteFunction", `{"functionId":"sendEmail"}`)
	for _, id := range []string{usersID, teamID, askID} {
		c.gets("", "unsubscribe", fmt.Sprintf(`{"subscriptionId":%q}`, id))
	}
	c.fails(`Subscription "`+usersID+`" not found.`, "unsubscribe", fmt.Sprintf(`{"subscriptionId":%q}`, usersID))
	for _, id := range []string{"listUsers", "sendEmail", "fail"} {
		c.gets("", "deleteFunction", fmt.Sprintf(`{"functionId":%q}`, id))
	}
	c.fails(`Function "fail" not found.`, "deleteFunction", `{"functionId":"fail"}`)
	for _, name := range []string{"http.request", "user.created", "user.asked"} {
		c.gets("", "deleteEventType", fmt.Sprintf(`{"name":%q}`, name))
	}
	c.fails(`Event Type "http.request" not found.`, "deleteEventType", `{"name":"http.request"}`)
	for _, list := range []string{"listEventTypes", "listFunctions", "listSubscriptions"} {
		c.gets("[]", list)
	}
}
