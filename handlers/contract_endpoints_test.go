package handlers_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// Section 2.1: the Configuration API, endpoint by endpoint.

// v09ID returns the id of a 0.9-shaped subscription.
func v09ID(parts string) string { return base64.RawURLEncoding.EncodeToString([]byte(parts)) }

func TestContractEndpoints(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, compat bool) {
		g.systemEndpoints()
		g.functionEndpoints()
		g.subscriptionEndpoints()
		g.subscriptionUpdates()
		g.eventTypeEndpoints(compat)
		g.corsEndpoints()
		g.deletions()
	})
}

func (g *gateway) systemEndpoints() {
	g.want(200, "GET", "/v1/status", "", ``)
	for _, path := range []string{"/metrics", "/v1/metrics"} { // the names are those of 0.9 at both
		if a := g.configure(200, "GET", path, ""); !strings.Contains(a.body, "\neventgateway_") {
			g.t.Errorf("%s: %s", path, a.body)
		}
	}
	g.want(404, "GET", "/v1/spaces/default/nothing", "", `resource not found`)
	g.want(405, "DELETE", inDefault+"/functions", "", `method not allowed`)
	for path, member := range map[string]string{"functions": "functions", "subscriptions": "subscriptions", "eventtypes": "eventTypes", "cors": "cors"} {
		for _, query := range []string{"", "?", "?x=y", "?metadata.a=b"} {
			g.want(200, "GET", inDefault+"/"+path+query, "", `{"`+member+`":[]}`)
		}
	}
}

const (
	seedFunction = `{"space":"default","functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`
	v09Function  = `{"space":"default","functionId":"g","type":"http","provider":{"url":"http://localhost:1"},"metadata":{"service":"a","stage":"dev"}}`
	oldFunction  = `{"space":"default","functionId":"old","provider":{"type":"http","url":"http://localhost:1"}}`
)

func (g *gateway) functionEndpoints() {
	f := g.want
	const functions = inDefault + "/functions"
	// POST: a whole object as it was read may be sent. Duplicates are 409 in both dialects.
	for _, body := range []string{seedFunction, v09Function, oldFunction} {
		f(201, "POST", functions, body, body)
	}
	f(409, "POST", functions, seedFunction, `Function "f" already registered.`)
	f(409, "POST", functions, oldFunction, `Function "old" already registered.`)
	// GET: metadata filters are ANDed, other parameters ignored.
	f(200, "GET", functions, "", `{"functions":[`+seedFunction+`,`+v09Function+`,`+oldFunction+`]}`)
	f(200, "GET", functions+"?metadata.stage=dev&metadata.service=a&stage=prod", "", `{"functions":[`+v09Function+`]}`)
	f(200, "GET", functions+"?metadata.stage=dev&metadata.service=b", "", `{"functions":[]}`)
	f(200, "GET", functions+"/old", "", oldFunction)
	f(404, "GET", functions+"/x", "", `Function "x" not found.`)
	// PUT: the URL's space and id win; metadata is replaced.
	other := strings.Replace(v09Function, `{"service":"a","stage":"dev"}`, `{"k":"v"}`, 1)
	f(200, "PUT", functions+"/g", other, other)
	f(200, "PUT", functions+"/g", strings.ReplaceAll(seedFunction, `"default"`, `"other"`), strings.Replace(seedFunction, `"f"`, `"g"`, 1))
	f(200, "PUT", functions+"/g", v09Function, v09Function)
	f(200, "PUT", functions+"/old", oldFunction, oldFunction)
	f(404, "PUT", functions+"/x", seedFunction, `Function "x" not found.`)
	f(400, "PUT", functions+"/f", `{"type":"http"}`, `Function doesn't validate. Validation error: provider configuration not set`)
}

const (
	seedHTTP = `{"space":"default","subscriptionId":"http,GET,%2Fusers","event":"http","functionId":"f","method":"GET","path":"/users"}`
	seedUser = `{"space":"default","subscriptionId":"user.created,f,%2Fteam","event":"user.created","functionId":"f","path":"/team"}`
)

func v09User(metadata string) string {
	return `{"space":"default","subscriptionId":"` + v09ID("async,user.created,f,%2Fteam,POST") +
		`","type":"async","eventType":"user.created","functionId":"f","path":"/team","method":"POST"` + metadata + `}`
}

func v09HTTP() string {
	return `{"space":"default","subscriptionId":"` + v09ID("sync,http.request,%2Fteam,PUT") +
		`","type":"sync","eventType":"http.request","functionId":"f","path":"/team","method":"PUT"}`
}

func (g *gateway) subscriptionEndpoints() {
	f := g.want
	const subscriptions = inDefault + "/subscriptions"
	// An event type is needed for the 0.9 shape only, and looked for before the function.
	f(400, "POST", subscriptions, v09User(""), `Event Type "user.created" not found.`)
	f(400, "POST", subscriptions, strings.Replace(v09User(""), `"f"`, `"nobody"`, 1), `Event Type "user.created" not found.`)
	for _, name := range []string{"user.created", "http.request"} {
		g.configure(201, "POST", inDefault+"/eventtypes", fmt.Sprintf(`{"name":%q}`, name))
	}
	const metadata = `,"metadata":{"service":"a","stage":"dev"}`
	all := []string{v09User(metadata), v09HTTP(), seedHTTP, seedUser}
	for _, body := range all {
		f(201, "POST", subscriptions, body, body)
	}
	// Duplicates: 409 in both dialects.
	f(409, "POST", subscriptions, v09User(""), `Subscription "`+v09ID("async,user.created,f,%2Fteam,POST")+`" already exists.`)
	f(409, "POST", subscriptions, v09HTTP(), `Subscription "`+v09ID("sync,http.request,%2Fteam,PUT")+`" already exists.`)
	f(409, "POST", subscriptions, seedHTTP, `Subscription "http,GET,%2Fusers" already exists.`)
	f(409, "POST", subscriptions, seedUser, `Subscription "user.created,f,%2Fteam" already exists.`)
	f(400, "POST", subscriptions, strings.Replace(seedUser, `"f"`, `"nobody"`, 1), `Function "nobody" not found.`)
	// Lists mix the shapes; each is as it was made.
	f(200, "GET", subscriptions, "", `{"subscriptions":[`+strings.Join(all, ",")+`]}`)
	f(200, "GET", subscriptions+"?", "", `{"subscriptions":[`+strings.Join(all, ",")+`]}`)
	f(200, "GET", subscriptions+"?metadata.stage=dev&metadata.service=a", "", `{"subscriptions":[`+v09User(metadata)+`]}`)
	f(200, "GET", subscriptions+"?metadata.stage=dev&metadata.service=b", "", `{"subscriptions":[]}`)
	for id, want := range map[string]string{
		"http,GET,%2Fusers": seedHTTP, "http%2CGET%2C%252Fusers": seedHTTP, "user.created,f,%2Fteam": seedUser,
		v09ID("async,user.created,f,%2Fteam,POST"): v09User(metadata), v09ID("sync,http.request,%2Fteam,PUT"): v09HTTP(),
	} {
		f(200, "GET", subscriptions+"/"+id, "", want)
	}
	for _, id := range []string{"nothing", "http,GET,%2Fnothing", v09ID("sync,nothing,%2F,POST")} {
		f(404, "GET", subscriptions+"/"+id, "", `Subscription "`+id+`" not found.`)
		f(404, "DELETE", subscriptions+"/"+id, "", `Subscription "`+id+`" not found.`)
		f(404, "PUT", subscriptions+"/"+id, seedUser, `Subscription "`+id+`" not found.`)
	}
}

// subscriptionUpdates: the first field that may not change, in the order of the table, is named.
func (g *gateway) subscriptionUpdates() {
	const subscriptions = inDefault + "/subscriptions/"
	f := func(id, body, field string) {
		g.t.Helper()
		g.want(400, "PUT", subscriptions+id, body, `Invalid update. '`+field+`' of existing subscription cannot be updated.`)
	}
	const http = "http,GET,%2Fusers"
	f(http, `{"event":"x","functionId":"g","path":"/x","method":"PUT"}`, "Event")
	f(http, `{"event":"http","functionId":"g","path":"/x","method":"PUT"}`, "FunctionID")
	f(http, `{"event":"http","functionId":"f","path":"/x","method":"PUT"}`, "Path")
	f(http, `{"event":"http","functionId":"f","path":"/users","method":"PUT"}`, "Method")
	user := v09ID("async,user.created,f,%2Fteam,POST")
	f(user, `{"type":"sync","eventType":"x","functionId":"g","path":"/x","method":"PUT"}`, "Type")
	f(user, `{"type":"async","eventType":"x","functionId":"g","path":"/x","method":"PUT"}`, "EventType")
	f(user, `{"type":"async","eventType":"user.created","functionId":"g","path":"/x","method":"PUT"}`, "FunctionID")
	f(user, `{"type":"async","eventType":"user.created","functionId":"f","path":"/x","method":"PUT"}`, "Path")
	f(user, `{"type":"async","eventType":"user.created","functionId":"f","path":"/team","method":"PUT"}`, "Method")
	g.configure(400, "PUT", subscriptions+http, `{"event":"http"}`)
	// Only cors can change, and only metadata.
	cors := strings.TrimSuffix(seedHTTP, "}") + `,"cors":{"origins":["*"],"methods":["GET"],"headers":["X-A"],"allowCredentials":false}}`
	g.want(200, "PUT", subscriptions+http, cors, cors)
	g.want(200, "PUT", subscriptions+http, seedHTTP, seedHTTP)
	g.want(200, "PUT", subscriptions+user, v09User(`,"metadata":{"k":"v"}`), v09User(`,"metadata":{"k":"v"}`))
	g.want(200, "PUT", subscriptions+user, v09User(""), v09User(""))
}

func (g *gateway) eventTypeEndpoints(compat bool) {
	f := g.want
	const types = inDefault + "/eventtypes"
	// What was not in 2018 is how many subscriptions use it.
	counted := func(body string, n int) string {
		if compat {
			return body
		}
		return fmt.Sprintf(`%s,"subscriptions":%d}`, strings.TrimSuffix(body, "}"), n)
	}
	const a = `{"space":"default","name":"a","authorizerId":"g","metadata":{"stage":"dev"}}`
	f(400, "POST", types, `{"name":"a","authorizerId":"nobody"}`, `Authorizer function doesn't exists.`)
	f(201, "POST", types, a, counted(a, 0))
	f(409, "POST", types, a, `Event Type "a" already exists.`)
	f(200, "GET", types+"?metadata.stage=dev", "", `{"eventTypes":[`+counted(a, 0)+`]}`)
	f(200, "GET", types+"/a", "", counted(a, 0))
	f(400, "PUT", types+"/a", `{"authorizerId":"nobody"}`, `Authorizer function doesn't exists.`)
	f(200, "PUT", types+"/a", `{"name":"b","authorizerId":"g"}`, counted(`{"space":"default","name":"a","authorizerId":"g"}`, 0))
	f(400, "DELETE", inDefault+"/functions/g", "", `Function g cannot be deleted because is used as an authorizer for a event type.`)
	f(400, "DELETE", types+"/user.created", "", `Event type cannot be deleted because there are subscriptions using it.`)
	f(204, "DELETE", types+"/a", "", "")
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		body := map[bool]string{true: `{}`}[method == "PUT"]
		f(404, method, types+"/a", body, `Event Type "a" not found.`)
	}
}

func (g *gateway) corsEndpoints() {
	f := g.want
	const defaults = `"allowedOrigins":["*"],"allowedMethods":["HEAD","GET","POST"],"allowedHeaders":["Origin","Accept","Content-Type"],"allowCredentials":false`
	const hello = `{"space":"default","corsId":"GET%2Fhello","method":"GET","path":"/hello",` + defaults + `,"metadata":{"stage":"dev"}}`
	f(201, "POST", inCORS, `{"method":"GET","path":"/hello","metadata":{"stage":"dev"}}`, hello)
	f(409, "POST", inCORS, hello, `CORS configuration "GET%2Fhello" already exists.`)
	f(200, "GET", inCORS+"?metadata.stage=dev", "", `{"cors":[`+hello+`]}`)
	f(200, "GET", inCORS+"/GET%2Fhello", "", hello)
	f(200, "PUT", inCORS+"/GET%2Fhello", hello, hello)
	f(400, "PUT", inCORS+"/GET%2Fhello", `{"method":"PUT","path":"/x"}`, `Invalid update. 'Method' of existing CORS configuration cannot be updated.`)
	f(400, "PUT", inCORS+"/GET%2Fhello", `{"method":"GET","path":"/x"}`, `Invalid update. 'Path' of existing CORS configuration cannot be updated.`)
	f(204, "DELETE", inCORS+"/GET%2Fhello", "", "")
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		body := map[bool]string{true: hello}[method == "PUT"]
		f(404, method, inCORS+"/GET%2Fhello", body, `CORS configuration "GET%2Fhello" not found.`)
	}
}

func (g *gateway) deletions() {
	f := g.want
	const subscribed = `Function cannot be deleted because it's subscribed to a least one event.`
	for _, id := range []string{"http,GET,%2Fusers", v09ID("sync,http.request,%2Fteam,PUT"), v09ID("async,user.created,f,%2Fteam,POST")} {
		f(400, "DELETE", inDefault+"/functions/f", "", subscribed)
		f(204, "DELETE", inDefault+"/subscriptions/"+id, "", "")
	}
	f(204, "DELETE", inDefault+"/eventtypes/user.created", "", "") // the seed-shaped one that is left needs none
	f(400, "DELETE", inDefault+"/functions/f", "", subscribed)
	f(204, "DELETE", inDefault+"/subscriptions/user.created,f,%2Fteam", "", "")
	for _, id := range []string{"f", "g", "old"} {
		f(204, "DELETE", inDefault+"/functions/"+id, "", "")
	}
	f(404, "DELETE", inDefault+"/functions/f", "", `Function "f" not found.`)
}

// TestContractErrorBody: errors look alike on both APIs, down to the newline.
func TestContractErrorBody(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		for url, message := range map[string]string{
			g.config + inDefault + "/functions/x": `Function \"x\" not found.`, g.config + "/x": "resource not found", g.events + "/x": "resource not found",
		} {
			a := send(t, "GET", url, "")
			if want := `{"errors":[{"message":"` + message + `"}]}` + "\n"; a.status != 404 || a.body != want || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %v", url, a)
			}
		}
		if a := g.configure(200, "GET", inDefault+"/functions", ""); a.header.Get("Content-Type") != "application/json" {
			t.Error(a)
		}
	})
}

// TestContractLenient is number 11 of what ours does.
func TestContractLenient(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		f := &postbox{function: answers(t, `{"body":"ok"}`)}
		g.bothShapes(f.URL, "user.created")
		g.subscribe("default", `{"event":"http","method":"GET","functionId":"f","path":"/"}`)
		g.subscribe("default", `{"type":"async","eventType":"user.created","functionId":"f","path":"/"}`)
		// An Authorization header that no setting asks for is ignored.
		g.configure(200, "GET", inDefault+"/functions", "", "Authorization: bearer anything")
		if a := send(t, "GET", g.events+"/", "", "Authorization: bearer anything"); a.body != "ok" {
			t.Error(a)
		}
		f.next(t)
		// A second event of the same id is another event.
		for range 2 {
			if a := send(t, "POST", g.events+"/", `{"specversion":"1.0","id":"unique","source":"/s","type":"user.created"}`, structuredType); a.status != 202 {
				t.Error(a)
			}
			if got := f.next(t); !strings.Contains(got, "unique") {
				t.Error(got)
			}
		}
	})
}
