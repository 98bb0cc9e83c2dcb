package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const allows = `{"authorization":{"principalId":"max","context":{"role":"admin","level":3}}}`

// authorized starts a gateway with a sync and an async subscription of an event type that has an authorizer, and one of an event type that has none.
func authorized(t *testing.T, answer http.HandlerFunc, members string, args ...string) (g *gateway, authorizer, target *function) {
	g = start(t, args...)
	authorizer = newFunction(t, answer)
	target = answers(t, `{"body":"ok"}`)
	g.function("default", "auth", authorizer.URL)
	g.configure(201, "POST", inDefault+"/functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}%s}`, target.URL, members))
	for _, name := range []string{"user.created", "http.request"} {
		g.configure(201, "POST", inDefault+"/eventtypes", fmt.Sprintf(`{"name":%q,"authorizerId":"auth"}`, name))
	}
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"free"}`)
	g.subscribe("default", `{"type":"async","eventType":"user.created","functionId":"f","path":"/async"}`)
	g.subscribe("default", `{"type":"async","eventType":"free","functionId":"f","path":"/async"}`)
	g.subscribe("default", `{"type":"sync","eventType":"http.request","functionId":"f","method":"PUT","path":"/sync/:id"}`)
	return g, authorizer, target
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func TestAuthorizer(t *testing.T) {
	t.Parallel()
	g, authorizer, f := authorized(t, says(allows), "")
	event := `{"specversion":"1.0","id":"7","source":"/s","type":"user.created","cost":12,` +
		`"eventgateway":"{\"authorization\":{\"principalId\":\"forged\"}}","data":{"a":1}}`
	if a := send(t, "POST", g.events+"/async?x=1", event, "Content-Type: application/cloudevents+json", "Authorization: Bearer secret"); a.status != 202 {
		t.Fatal(a)
	}
	eventually(t, "it is delivered", func() bool { return len(f.events()) == 1 })
	got := object(t, f.events()[0])
	if got["eventgateway"] != `{"authorization":{"principalId":"max","context":{"role":"admin","level":3}}}` || got["cost"] != 12.0 || got["id"] != "7" {
		t.Error(got)
	}
	asked := object(t, authorizer.events()[0])
	request, _ := asked["request"].(map[string]any)
	headers, _ := request["headers"].(map[string]any)
	body, there := request["body"]
	if e, _ := asked["event"].(map[string]any); len(asked) != 2 || e["type"] != "user.created" || e["cost"] != 12.0 || e["eventgateway"] != nil ||
		headers["Authorization"] != "Bearer secret" || request["path"] != "/async" || request["method"] != "POST" || !there || body != nil ||
		fmt.Sprint(request["query"]) != "map[x:[1]]" {
		t.Error(asked)
	}
	if a := send(t, "PUT", g.events+"/sync/8", "hi"); a.status != 200 || a.body != "ok" {
		t.Fatal(a)
	}
	if got := f.events()[1]; !strings.Contains(got, `"eventgateway":"{\"authorization\":{\"principalId\":\"max\"`) {
		t.Error(got)
	}
	if asked := authorizer.events()[1]; !strings.Contains(asked, `"params":{"id":"8"}`) {
		t.Error(asked)
	}
	send(t, "POST", g.events+"/async", "{}", "Event: free", jsonType)
	eventually(t, "an event without an authorizer is delivered", func() bool { return len(f.events()) == 3 })
	if got := f.events()[2]; len(authorizer.events()) != 2 || strings.Contains(got, "authorization") {
		t.Error(got)
	}
}

// TestAuthorizer01: in CloudEvents 0.1 the authorization is an object, as in 2018.
func TestAuthorizer01(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"-compat"}} {
		members := `,"eventFormat":"cloudevents-0.1"`
		if len(args) > 0 {
			members = ""
		}
		g, _, f := authorized(t, says(allows), members, args...)
		event := `{"cloudEventsVersion":"0.1","eventID":"7","source":"/s","eventType":"user.created","extensions":{"cost":12,"eventgateway":{"authorization":{}}},"data":{"a":1}}`
		send(t, "POST", g.events+"/async", event, "Content-Type: application/cloudevents+json")
		eventually(t, "it is delivered", func() bool { return len(f.events()) == 1 })
		extensions, _ := object(t, f.events()[0])["extensions"].(map[string]any)
		if fmt.Sprint(extensions["eventgateway"]) != "map[authorization:map[context:map[level:3 role:admin] principalId:max]]" || extensions["cost"] != 12.0 {
			t.Error(args, extensions)
		}
	}
}

// TestAuthorizerRefuses: all but a clear yes is a no, for sync and async events.
func TestAuthorizerRefuses(t *testing.T) {
	t.Parallel()
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"error":             says(`{"error":{"message":"no"}}`),
		"error and yes":     says(`{"error":{"message":"no"},"authorization":{"principalId":"max"}}`),
		"empty":             says(``),
		"nonsense":          says(`yes`),
		"null":              says(`null`),
		"a list":            says(`[` + allows + `]`),
		"neither":           says(`{}`),
		"twice":             says(`{"authorization":{"principalId":"a"},"authorization":{"principalId":"b"}}`),
		"another case":      says(`{"Authorization":{"principalId":"max"}}`),
		"no principal":      says(`{"authorization":{"context":{}}}`),
		"principal null":    says(`{"authorization":{"principalId":null}}`),
		"principal empty":   says(`{"authorization":{"principalId":""}}`),
		"principal number":  says(`{"authorization":{"principalId":1}}`),
		"principal twice":   says(`{"authorization":{"principalId":"a","principalId":"b"}}`),
		"context is text":   says(`{"authorization":{"principalId":"max","context":"admin"}}`),
		"authorization yes": says(`{"authorization":true}`),
		"too large":         says(`{"authorization":{"principalId":"` + strings.Repeat("x", 20_000) + `"}}`),
		"status 500":        status(500, allows),
		"status 404":        status(404, allows),
		"redirect":          func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
		"too late":          func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"hangs up":          func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _, f := authorized(t, answer, "")
			if a := send(t, "POST", g.events+"/async", "{}", "Event: user.created", jsonType); a.status != 403 || a.message() != "The event was not authorized." {
				t.Error("async:", a)
			}
			if a := send(t, "PUT", g.events+"/sync/8", "hi"); a.status != 403 || a.message() != "The event was not authorized." {
				t.Error("sync:", a)
			}
			if len(f.events()) != 0 {
				t.Error("the function got", f.events())
			}
			if !strings.Contains(g.log.String(), "an event was not authorized") {
				t.Error("the log does not tell")
			}
		})
	}
}

// TestAuthorizerCompat: in 2018 the sender of an async event did not learn that it was refused.
func TestAuthorizerCompat(t *testing.T) {
	t.Parallel()
	g, _, f := authorized(t, says(`{"error":{"message":"no"}}`), "", "-compat")
	if a := send(t, "POST", g.events+"/async", "{}", "Event: user.created", jsonType); a.status != 202 {
		t.Error("async:", a)
	}
	if a := send(t, "PUT", g.events+"/sync/8", "hi"); a.status != 403 || a.message() != "The event was not authorized." {
		t.Error("sync:", a)
	}
	time.Sleep(50 * time.Millisecond)
	if len(f.events()) != 0 {
		t.Error("the function got", f.events())
	}
}

// TestAuthorizerSpaces: an authorizer has a say only about the targets of its own space, and its answer reaches no other.
func TestAuthorizerSpaces(t *testing.T) {
	t.Parallel()
	g := start(t)
	answer := allows
	authorizer := newFunction(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	targets := map[string]*function{}
	for _, space := range []string{"guarded", "open", "strict"} {
		targets[space] = answers(t, `{"body":"ok"}`)
		g.function(space, "f", targets[space].URL)
		g.function(space, "auth", authorizer.URL)
		g.subscribe(space, `{"event":"user.created","functionId":"f","path":"/"}`) // also the seed's subscriptions obey
	}
	g.configure(201, "POST", "/v1/spaces/guarded/eventtypes", `{"name":"user.created","authorizerId":"auth"}`)
	refuse := answers(t, `{"error":{}}`)
	g.function("strict", "refuse", refuse.URL)
	g.configure(201, "POST", "/v1/spaces/strict/eventtypes", `{"name":"user.created","authorizerId":"refuse"}`)
	if a := send(t, "POST", g.events+"/", "{}", "Event: user.created", jsonType); a.status != 202 {
		t.Fatal(a)
	}
	eventually(t, "two of three get it", func() bool { return len(targets["guarded"].events()) == 1 && len(targets["open"].events()) == 1 })
	if got := targets["guarded"].events()[0]; !strings.Contains(got, "principalId") {
		t.Error(got)
	}
	if got := targets["open"].events()[0]; strings.Contains(got, "principalId") {
		t.Error("another space's authorization:", got)
	}
	if len(targets["strict"].events()) != 0 || len(authorizer.events()) != 1 {
		t.Error(targets["strict"].events(), authorizer.events())
	}
}

// TestX1: a system event has no authorizer, by no spelling of its name.
func TestX1_SystemEvents(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, `{}`)
	g.function("default", "auth", f.URL)
	g.function("default", "watch", f.URL)
	for _, name := range []string{"eventgateway.event.received", "gateway.function.invoked", "EventGateway.function.invoking", "GATEWAY.x"} {
		g.configure(400, "POST", inDefault+"/eventtypes", fmt.Sprintf(`{"name":%q,"authorizerId":"auth"}`, name))
	}
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"eventgateway.event.received"}`)
	g.configure(400, "PUT", inDefault+"/eventtypes/eventgateway.event.received", `{"authorizerId":"auth"}`)
	g.subscribe("default", `{"type":"async","eventType":"eventgateway.event.received","functionId":"watch","path":"/"}`)
	if a := send(t, "POST", g.events+"/", "{}", "Event: user.created", jsonType); a.status != 202 {
		t.Fatal(a)
	}
	eventually(t, "the system event goes out", func() bool { return len(f.events()) == 1 })
	if a := send(t, "POST", g.events+"/", "{}", "Event: user.created", jsonType); a.status != 202 {
		t.Error("the gateway does not go on:", a)
	}
}

// TestAuthorizersAtOnce: the authorizers of a batch do not wait for each other.
func TestAuthorizersAtOnce(t *testing.T) {
	t.Parallel()
	g, authorizer, f := authorized(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(100 * time.Millisecond)
		_, _ = io.WriteString(w, allows)
	}, "")
	names := make([]string, 50)
	for i := range names {
		names[i] = "user.created"
	}
	began := time.Now()
	if a := send(t, "POST", g.events+"/async", batchOf(names...), batchType); a.status != 202 {
		t.Error(a)
	}
	if took := time.Since(began); took > 2500*time.Millisecond || len(authorizer.events()) != 50 {
		t.Errorf("%d authorizers of 100 ms each took %v", len(authorizer.events()), took)
	}
	eventually(t, "all are delivered", func() bool { return len(f.events()) == 50 })
}

// TestAuthorizerCredentials: the authorizer of a space that only listens gets no credentials, which are for the space that answers.
func TestAuthorizerCredentials(t *testing.T) {
	t.Parallel()
	g := start(t)
	f, ours, theirs := answers(t, `{"body":"ok"}`), answers(t, allows), answers(t, allows)
	for space, authorizer := range map[string]*function{"ours": ours, "theirs": theirs} {
		g.function(space, "f", f.URL)
		g.function(space, "auth", authorizer.URL)
		g.configure(201, "POST", "/v1/spaces/"+space+"/eventtypes", `{"name":"pay","authorizerId":"auth"}`)
	}
	g.subscribe("ours", `{"type":"sync","eventType":"pay","functionId":"f","path":"/pay"}`)
	g.subscribe("theirs", `{"type":"async","eventType":"pay","functionId":"f","path":"/pay"}`)
	if a := send(t, "POST", g.events+"/pay", "{}", "Event: pay", jsonType, "Authorization: Bearer secret", "Cookie: a=secret", "X-Kept: yes"); a.status != 200 {
		t.Error(a)
	}
	if asked := ours.events()[0]; strings.Count(asked, "secret") != 2 {
		t.Error(asked)
	}
	if asked := theirs.events()[0]; strings.Contains(asked, "secret") || !strings.Contains(asked, "X-Kept") {
		t.Error(asked)
	}
}

// TestAuthorizerOfCaller: who refuses to answer an event keeps it from no other space.
func TestAuthorizerOfCaller(t *testing.T) {
	t.Parallel()
	g := start(t)
	ours, theirs, refuses := answers(t, `{"body":"ok"}`), answers(t, ``), answers(t, `{"error":{}}`)
	g.function("ours", "f", ours.URL)
	g.function("ours", "auth", refuses.URL)
	g.function("theirs", "f", theirs.URL)
	g.configure(201, "POST", "/v1/spaces/ours/eventtypes", `{"name":"pay","authorizerId":"auth"}`)
	g.subscribe("ours", `{"type":"sync","eventType":"pay","functionId":"f","path":"/pay"}`)
	g.subscribe("theirs", `{"event":"pay","functionId":"f","path":"/pay"}`)
	if a := send(t, "POST", g.events+"/pay", "{}", "Event: pay", jsonType); a.status != 403 {
		t.Error(a)
	}
	eventually(t, "the other space gets it", func() bool { return len(theirs.events()) == 1 })
	if len(ours.events()) != 0 {
		t.Error(ours.events())
	}
}

// TestAuthorizerOfRequests: the event type http.request guards plain requests to subscriptions of either shape, and stays as long as it does.
func TestAuthorizerOfRequests(t *testing.T) {
	t.Parallel()
	g := start(t)
	f, refuses := answers(t, `{"body":"ok"}`), answers(t, `{"error":{}}`)
	g.function("default", "f", f.URL)
	g.function("default", "auth", refuses.URL)
	g.subscribe("default", `{"event":"http","method":"GET","functionId":"f","path":"/seed"}`)
	g.subscribe("default", `{"event":"http.request","functionId":"f","path":"/"}`) // a custom event of that name
	wantJSON(t, g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"http.request","authorizerId":"auth"}`).body,
		`{"space":"default","name":"http.request","authorizerId":"auth","subscriptions":2}`)
	g.subscribe("default", `{"type":"sync","eventType":"http.request","method":"GET","functionId":"f","path":"/v09"}`)
	for _, path := range []string{"/seed", "/v09"} {
		if a := send(t, "GET", g.events+path, ""); a.status != 403 {
			t.Error(path, a)
		}
	}
	id := object(t, g.configure(200, "GET", inDefault+"/subscriptions", "").body)["subscriptions"].([]any)
	for _, sub := range id {
		if s := sub.(map[string]any); s["eventType"] != nil {
			g.configure(204, "DELETE", inDefault+"/subscriptions/"+fmt.Sprint(s["subscriptionId"]), "")
		}
	}
	g.configure(400, "DELETE", inDefault+"/eventtypes/http.request", "")
	g.configure(200, "PUT", inDefault+"/eventtypes/http.request", `{}`)
	if a := send(t, "GET", g.events+"/seed", ""); a.status != 200 {
		t.Error(a)
	}
	g.configure(204, "DELETE", inDefault+"/eventtypes/http.request", "")
}
