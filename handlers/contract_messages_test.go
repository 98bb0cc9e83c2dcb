package handlers_test

import (
	"strings"
	"testing"
)

// Section 2.3: validation messages, word by word.

const (
	methodTag  = `'eq=GET|eq=POST|eq=DELETE|eq=PUT|eq=PATCH|eq=HEAD|eq=OPTIONS' tag`
	onFunction = "Function doesn't validate. Validation error: "
	onSub      = "Subscription doesn't validate. Validation error: "
	onType     = "Event Type doesn't validate. Validation error: "
	onConflict = "Subscription path conflict: "
)

// failedOn is a message of the validator: a line a field, each as "Type.Field tag".
func failedOn(prefix string, fields ...string) string {
	lines := make([]string, len(fields))
	for i, f := range fields {
		name, tag, _ := strings.Cut(f, " ")
		_, field, _ := strings.Cut(name, ".")
		lines[i] = "Key: '" + name + "' Error:Field validation for '" + field + "' failed on the " + tag
	}
	return prefix + strings.Join(lines, "\n")
}

func TestContractMessages(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, compat bool) {
		g.bothShapes("http://localhost:1", "e", "http.request")
		g.configure(201, "POST", inCORS, `{"method":"GET","path":"/"}`)
		f := func(path, body, message string) {
			t.Helper()
			g.want(400, "POST", inDefault+"/"+path, body, message)
		}
		// prefixes, body {
		for path, prefix := range map[string]string{"functions": onFunction, "subscriptions": onSub, "eventtypes": onType, "cors": invalidCORS} {
			f(path, `{`, prefix+`unexpected EOF`)
			id := map[string]string{"functions": "f", "subscriptions": "x", "eventtypes": "e", "cors": "GET%2F"}[path]
			g.want(400, "PUT", inDefault+"/"+path+"/"+id, `{`, prefix+`unexpected EOF`)
		}
		// function
		f("functions", `{"type":"http","provider":{"url":"http://localhost:1"}}`, failedOn(onFunction, "Function.ID 'required' tag"))
		// subscription, seed
		f("subscriptions", `{}`, failedOn(onSub, "Subscription.Event 'required' tag", "Subscription.FunctionID 'required' tag"))
		f("subscriptions", `{"event":"e"}`, failedOn(onSub, "Subscription.FunctionID 'required' tag"))
		f("subscriptions", `{"event":"http","functionId":"f"}`, onSub+`Missing required fields (method, path) for HTTP event.`)
		f("subscriptions", `{"event":"http","functionId":"f","method":"TRACE","path":"/"}`, failedOn(onSub, "Subscription.Method "+methodTag))
		f("subscriptions", `{"event":"e","functionId":"f","method":"post"}`, failedOn(onSub, "Subscription.Method "+methodTag))
		// subscription, 0.9
		f("subscriptions", `{"type":""}`,
			failedOn(onSub, "Subscription.Type 'required' tag", "Subscription.EventType 'required' tag", "Subscription.FunctionID 'required' tag"))
		f("subscriptions", `{"eventType":"e"}`, failedOn(onSub, "Subscription.Type 'required' tag", "Subscription.FunctionID 'required' tag"))
		f("subscriptions", `{"type":"SYNC","eventType":"e/","functionId":"f","method":"trace"}`,
			failedOn(onSub, "Subscription.Type 'eq=async|eq=sync' tag", "Subscription.EventType 'eventType' tag", "Subscription.Method "+methodTag))
		// path conflict
		f("subscriptions", `{"type":"async","eventType":"e","functionId":"f","path":"/*a/b"}`, onConflict+`wildcard must be the last parameter`)
		f("subscriptions", `{"event":"e","functionId":"f","path":"/*a/b"}`, onConflict+`wildcard must be the last parameter`)
		// event type, CORS
		f("eventtypes", `{"name":""}`, failedOn(onType, "Type.Name 'required' tag"))
		f("cors", `{"method":"TRACE","path":"/"}`, failedOn(invalidCORS, "CORS.Method "+methodTag))
		f("cors", `{"method":"GET","path":""}`, failedOn(invalidCORS, "CORS.Path 'path' tag"))
		// space
		inSpace := func(path, prefix, kind, body string) {
			t.Helper()
			g.want(400, "POST", "/v1/spaces/a,b/"+path, body, failedOn(prefix, kind+".Space 'space' tag"))
			g.want(400, "POST", "/v1/spaces/ab/"+path, body, failedOn(prefix, kind+".Space 'min' tag"))
		}
		inSpace("functions", onFunction, "Function", `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`)
		inSpace("subscriptions", onSub, "Subscription", `{"event":"e","functionId":"f"}`)
		inSpace("eventtypes", onType, "Type", `{"name":"e"}`)
		inSpace("cors", invalidCORS, "CORS", `{"method":"GET","path":"/"}`)
		g.cloudEventMessages(t)
	})
}

// cloudEventMessages: what is required of CloudEvents 0.1, as in 2018; what else is wrong is told by the attribute's name.
func (g *gateway) cloudEventMessages(t *testing.T) {
	failed := func(field, tag string) string {
		return "Key: 'Event." + field + "' Error:Field validation for '" + field + "' failed on the '" + tag + "' tag"
	}
	for body, why := range map[string]string{
		`{"eventType":"e","source":"","eventID":""}`:                              failed("CloudEventsVersion", "required") + "\n" + failed("Source", "uri") + "\n" + failed("EventID", "required"),
		`{"cloudEventsVersion":"0.1","eventType":"e","eventID":"1"}`:              failed("Source", "uri"),
		`{"cloudEventsVersion":"0.1","eventType":"e","eventID":"1","source":" "}`: `attribute "source" must be a URI-reference`,
		`{"cloudEventsVersion":"0.1","eventType":"e","source":"/s"}`:              failed("EventID", "required"),
	} {
		if a := send(t, "POST", g.events+"/", body, structuredType); a.status != 400 || a.message() != "CloudEvent doesn't validate: "+why {
			t.Errorf("%s: %v", body, a)
		}
	}
}

// TestContractOrder: each of these has more than one fault; the first one of the order is told.
func TestContractOrder(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		g.bothShapes("http://localhost:1", "e", "http.request")
		g.subscribe("default", `{"event":"http","method":"GET","path":"/seed/:id","functionId":"f"}`)
		g.subscribe("default", `{"type":"sync","eventType":"http.request","method":"GET","path":"/v09/:id","functionId":"f"}`)
		g.subscribe("default", `{"type":"sync","eventType":"e","path":"/v09/:id","functionId":"f"}`)
		f := func(status int, body, message string) {
			t.Helper()
			g.want(status, "POST", inDefault+"/subscriptions", body, message)
		}
		const onParameter = onConflict + `parameter with different name ("id") already defined: for route: `
		// Seed: validation, already exists, path conflict, function.
		f(400, `{"event":"http","method":"GET","path":"/seed/:id","functionId":""}`, failedOn(onSub, "Subscription.FunctionID 'required' tag"))
		f(409, `{"event":"http","method":"GET","path":"/seed/:id","functionId":"nobody"}`, `Subscription "http,GET,%2Fseed%2F:id" already exists.`)
		f(409, `{"event":"http","method":"GET","path":"/seed/:x","functionId":"nobody"}`, onParameter+`/seed/:x`)
		f(409, `{"event":"http","method":"GET","path":"/v09/:id","functionId":"nobody"}`, onConflict+`route /v09/:id conflicts with existing route`)
		f(400, `{"event":"http","method":"GET","path":"/seed","functionId":"nobody"}`, `Function "nobody" not found.`)
		f(400, `{"event":"none","functionId":"nobody"}`, `Function "nobody" not found.`) // the seed's need no event type
		// 0.9: validation, exists, conflict, event type, function.
		f(400, `{"type":"sync","eventType":"e","path":"/v09/:id","method":"x","functionId":"nobody"}`, failedOn(onSub, "Subscription.Method "+methodTag))
		f(409, `{"type":"sync","eventType":"e","path":"/v09/:id","functionId":"nobody"}`, `Subscription "`+v09ID("sync,e,%2Fv09%2F:id,POST")+`" already exists.`)
		f(409, `{"type":"sync","eventType":"e","path":"/v09/:x","functionId":"nobody"}`, onParameter+`/v09/:x`)
		f(409, `{"type":"sync","eventType":"http.request","method":"GET","path":"/seed/:x","functionId":"nobody"}`, onParameter+`/seed/:x`)
		f(400, `{"type":"sync","eventType":"none","path":"/v09","functionId":"nobody"}`, `Event Type "none" not found.`)
		f(400, `{"type":"sync","eventType":"e","path":"/v09","functionId":"nobody"}`, `Function "nobody" not found.`)
		// A conflict is told before a missing event type, also of the other shape's route.
		g.configure(204, "DELETE", inDefault+"/subscriptions/"+v09ID("sync,http.request,%2Fv09%2F:id,GET"), "")
		g.configure(204, "DELETE", inDefault+"/eventtypes/http.request", "")
		f(409, `{"type":"sync","eventType":"http.request","method":"GET","path":"/seed/:x","functionId":"nobody"}`, onParameter+`/seed/:x`)
		// The other resources: validation, exists, the rest.
		g.want(400, "POST", inDefault+"/functions", `{"functionId":"f","type":"http","provider":{}}`, onFunction+`missing required fields for HTTP endpoint`)
		g.want(409, "POST", inDefault+"/functions", `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`, `Function "f" already registered.`)
		g.want(409, "POST", inDefault+"/eventtypes", `{"name":"e","authorizerId":"nobody"}`, `Event Type "e" already exists.`)
	})
}
