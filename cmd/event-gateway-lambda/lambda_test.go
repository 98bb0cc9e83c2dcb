package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
	"github.com/event-gateway/event-gateway/store/keyring"
	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// says returns the URL of an HTTP function that always answers the same.
func says(t *testing.T, body string) string {
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, `{"body":%q}`, body)
	}))
	t.Cleanup(f.Close)
	return f.URL
}

// older is a freeze after which a snapshot is no longer taken for fresh, but not yet older than allowed.
const older = 2100 * time.Millisecond

// TestRoles: each role serves its surface, and one store joins them.
func TestRoles(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint())
	r.function("f", says(t, "hello"))
	r.route("f", "/hello")
	if a := r.get("/hello", 200); a.Body != "hello" {
		t.Error(a)
	}
	if a := r.send("config", "GET", "/hello", "", "authorization: Bearer "+token); a.Status != 404 {
		t.Error(a)
	}
	if a := r.send("events", "GET", "/v1/spaces/default/functions", "", "authorization: Bearer "+token); a.Status != 404 {
		t.Error(a)
	}
	if a := r.send("all", "GET", "/hello", ""); a.Body != "hello" {
		t.Error(a)
	}
	list := r.send("all", "GET", "/-/config/v1/spaces/default/functions", "", "authorization: Bearer "+token)
	if list.Status != 200 || !strings.Contains(list.Body, `"functionId":"f"`) || list.Headers["X-Config-Revision"] != "2" {
		t.Error(list)
	}
	// HTTP APIs decode paths, and with them the ids of subscriptions.
	r.configure("GET", "/subscriptions/http,GET,%2Fhello", "")
	r.configure("GET", "/subscriptions/http,GET,/hello", "")
	r.configure("POST", "/subscriptions", `{"functionId":"f","event":"x","path":"/a/:b/*c"}`)
	r.configure("DELETE", "/subscriptions/x,f,/a/:b/*c", "")
	for path, status := range map[string]int{"/-/config": 401, "/-/config/v1/spaces/default/functions": 401, "/-/config/readyz": 200, "/-/configured": 404, "/-/": 404, "/-%2Fconfig/readyz": 404, "/%2D/config/readyz": 404} {
		if a := r.send("all", "GET", path, ""); a.Status != status || status == 404 && !strings.Contains(a.Body, "resource not found") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

// TestWrongStart: a Lambda that is set up wrongly says what is wrong.
func TestWrongStart(t *testing.T) {
	t.Parallel()
	for why, env := range map[string][]string{
		"EVENT_GATEWAY_ROLE is not set":                 {"EVENT_GATEWAY_STORE=memory:"},
		`EVENT_GATEWAY_ROLE is "both"`:                  {"EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_ROLE=both"},
		"EVENT_GATEWAY_STORE is not set":                {"EVENT_GATEWAY_ROLE=events"},
		"this binary has no embedded":                   {"EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_STORE=embed:"},
		"needs a token":                                 {"EVENT_GATEWAY_ROLE=config", "EVENT_GATEWAY_STORE=memory:"},
		"set EVENT_GATEWAY_CONFIG_TOKEN":                {"EVENT_GATEWAY_ROLE=all", "EVENT_GATEWAY_STORE=memory:"},
		"or EVENT_GATEWAY_CONFIG_IDENTITY to iam":       {"EVENT_GATEWAY_ROLE=config", "EVENT_GATEWAY_STORE=memory:"},
		`EVENT_GATEWAY_CONFIG_IDENTITY is "IAM", it`:    {"EVENT_GATEWAY_ROLE=config", "EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_CONFIG_IDENTITY=IAM"},
		`EVENT_GATEWAY_CONFIG_IDENTITY is "none", it`:   {"EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_CONFIG_IDENTITY=none"},
		`EVENT_GATEWAY_INVOKE is "nobody"`:              {"EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_INVOKE=nobody"},
		`"EVENT_GATEWAY_MAX_STALENESS"`:                 {"EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_MAX_STALENESS=soon"},
		`EVENT_GATEWAY_LOG_LEVEL is "loud"`:             {"EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_LOG_LEVEL=loud"},
		`EVENT_GATEWAY_HOSTED_DOMAIN is set, but empty`: {"EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_HOSTED_DOMAIN="},
		`EVENT_GATEWAY_MAX_STALENESS is -1`:             {"EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_MAX_STALENESS=-1s"},
		`EVENT_GATEWAY_STORE: "ftp:`:                    {"EVENT_GATEWAY_STORE=ftp://x", "EVENT_GATEWAY_ROLE=events"},
		`"*.example.com" is no domain`:                  {"EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_HOSTED_DOMAIN=*.example.com"},
	} {
		h, err := lambdatest.Start(map[string]lambdatest.Function{"f": {Command: []string{gatewayProgram}, Env: env}})
		if err != nil {
			t.Fatal(err)
		}
		result, err := h.Invoke(t.Context(), "f", []byte("{}"))
		if log := h.Log("f"); err != nil || result.FunctionError == "" || !strings.Contains(log, why) || strings.Count(log, "\n") != 1 {
			t.Errorf("%v: %s %s %v; log: %s", env, result.FunctionError, result.Payload, err, log)
		}
		h.Close()
	}
}

// TestIdentity: the real program, without a token, takes changes of callers whom the front authenticated, and says in its log who they were.
func TestIdentity(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint(), "EVENT_GATEWAY_CONFIG_TOKEN=", "EVENT_GATEWAY_CONFIG_IDENTITY=iam")
	const body = `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`
	event := func(path, authorizer string) []byte {
		return fmt.Appendf(nil, `{"version":"2.0","rawPath":%q,"headers":{"content-type":"application/json"},"body":%q,
			"requestContext":{"stage":"$default","domainName":"gateway.test","authorizer":%s,"http":{"method":"POST","path":%[1]q,"sourceIp":"192.0.2.1"}}}`, path, body, authorizer)
	}
	f := func(function, path, authorizer, want string) {
		t.Helper()
		result, err := r.Invoke(t.Context(), function, event(path, authorizer))
		if err != nil || !strings.Contains(string(result.Payload), want) {
			t.Errorf("%s %s: %s %v", function, authorizer, result.Payload, err)
		}
	}
	const iam = `{"iam":{"accessKey":"AKIA","userArn":"arn:aws:iam::123456789012:user/anna"}}`
	f("config", "/v1/spaces/one/functions", iam, `"statusCode":201`)
	f("all", "/-/config/v1/spaces/two/functions", iam, `"statusCode":201`)
	for _, authorizer := range []string{"null", `{"jwt":{"claims":{"sub":"anna"}}}`, `{"iam":{"accessKey":"AKIA","userArn":null}}`} {
		f("config", "/v1/spaces/one/functions", authorizer, "The Config API needs a caller whom AWS IAM authenticated")
	}
	f("all", "/v1/spaces/two/functions", "null", `"statusCode":404`) // the Events API, which has no such route
	r.logs("config", `"space":"one","id":"f","etag":"\"1\"","revision":1,"caller":"iam arn:aws:iam::123456789012:user/anna"}`)
	r.logs("all", `"space":"two","id":"f","etag":"\"2\"","revision":2,"caller":"iam arn:aws:iam::123456789012:user/anna"}`)
}

// TestFrozenChanges: what changes while the process is frozen is there when it should be.
func TestFrozenChanges(t *testing.T) {
	t.Parallel()
	table := dynamodb.Start(t)
	table.CreateTable("gateway")
	for name, store := range map[string]string{
		"etcd":     "etcd://" + startStore(t, t.TempDir(), "").Endpoint(),
		"dynamodb": "dynamodb://gateway?endpoint=" + table.URL(), // the region and who it is are in the environment
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frozenChanges(startRegion(t, store, "EVENT_GATEWAY_MAX_STALENESS=4s", "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret"))
		})
	}
}

func frozenChanges(r *region) {
	t := r.t
	r.function("one", says(t, "one"))
	r.function("two", says(t, "two"))
	r.route("one", "/a")
	r.get("/a", 200)

	r.freeze("events", 0)
	r.route("one", "/new")
	r.get("/new", 200) // young, but it has no route for it: it looks once more

	r.configure("DELETE", "/subscriptions/http,GET,%2Fa", "")
	r.route("two", "/a")
	r.freeze("events", older)
	r.get("/new", 200) // catches up beside it
	if a := r.get("/a", 200); a.Body != "two" {
		t.Errorf("after a catch-up: %s", a.Body)
	}

	r.configure("DELETE", "/subscriptions/http,GET,%2Fa", "")
	r.freeze("events", 4*time.Second)
	r.get("/a", 404) // waits, since it is older than allowed
	if n := len(r.Processes("events")); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
}

// TestFrozenConnection: a connection that is cut while the process is frozen, or answers no more, is replaced.
func TestFrozenConnection(t *testing.T) {
	t.Parallel()
	p := startProxy(t, startStore(t, t.TempDir(), "").Endpoint())
	r := startRegion(t, "etcd://"+p.addr, "EVENT_GATEWAY_MAX_STALENESS=4s")
	r.function("one", says(t, "one"))
	r.route("one", "/a")
	r.get("/a", 200)

	p.enable(false) // cut while frozen, and back
	p.enable(true)
	r.route("one", "/b")
	r.freeze("events", older)
	r.get("/a", 200)
	r.get("/b", 200)

	p.enable(false) // away for a while
	r.freeze("events", older)
	if a := r.get("/a", 200); a.took > 2*time.Second {
		t.Errorf("a request took %v while the store was away", a.took)
	}
	r.freeze("events", 4*time.Second)
	if a := r.get("/a", 200); a.took > 4500*time.Millisecond {
		t.Errorf("a request took %v while the store was away for too long", a.took)
	}
	p.enable(true)
	r.route("one", "/c")
	r.freeze("events", older)
	r.get("/c", 200)

	p.silence() // no answer, and no word of it
	r.freeze("events", older)
	if a := r.get("/a", 200); a.took > 2*time.Second {
		t.Errorf("a request took %v while the store was silent", a.took)
	}
	p.speak()
	r.route("one", "/d")
	r.freeze("events", older)
	r.get("/d", 200)
	if n := len(r.Processes("events")); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
	r.logs("events", "the configuration store cannot be read")
}

// TestFrozenStore: a store that was restarted, and one whose log no longer reaches back, while the process was frozen.
func TestFrozenStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startStore(t, dir, "")
	addr := s.Endpoint()
	r := startRegion(t, "etcd://"+addr)
	r.function("one", says(t, "one"))
	r.route("one", "/a")
	r.get("/a", 200)
	r.freeze("events", 0)
	s.Close()
	startStore(t, dir, addr)
	r.route("one", "/b")
	r.freeze("events", older)
	r.get("/b", 200)

	// A freeze that is longer than the log's lease, and than the age of the revisions that etcd keeps.
	r.freeze("events", 0)
	r.route("one", "/c")
	forget(t, addr)
	r.freeze("events", older)
	r.get("/c", 200)
	r.logs("events", "the realm is loaded again")
}

// forget does what time does to an etcd: the log is gone, and old revisions are compacted.
func forget(t *testing.T, addr string) {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	gone, err := c.Delete(t.Context(), "/event-gateway/v1/log/", clientv3.WithPrefix())
	if err == nil {
		_, err = c.Compact(t.Context(), gone.Header.Revision)
	}
	if err != nil || gone.Deleted == 0 {
		t.Fatal(gone, err)
	}
}

// TestFrozenFunction: a connection to a function that was unused for as long as servers keep them is not used again.
func TestFrozenFunction(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	f := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"body":"f"}`)
	}))
	f.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	f.Start()
	t.Cleanup(f.Close)
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint())
	r.function("f", f.URL)
	r.route("f", "/f")
	for range 3 {
		r.get("/f", 200)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for requests one after the other, want 1", n)
	}
	r.freeze("events", 4100*time.Millisecond)
	r.get("/f", 200)
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections after a freeze, want 2", n)
	}
}

func secretKeys(t *testing.T) string {
	t.Helper()
	keys, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.Text(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestHosted: behind a custom domain each space has a host of its own.
func TestHosted(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint(), "EVENT_GATEWAY_HOSTED_DOMAIN=a.test,b.test", "EVENT_GATEWAY_EGRESS_ALLOW=127.0.0.0/8",
		"EVENT_GATEWAY_SECRET_KEYS="+secretKeys(t))
	for _, space := range []string{"one", "two"} {
		r.space = space
		r.function("f", says(t, "of "+space))
		r.route("f", "/x")
	}
	for host, want := range map[string]string{"one.a.test": "of one", "TWO.b.test": "of two", "three.a.test": "", "a.test": "", "one.c.test": ""} {
		a := r.send("events", "GET", "/x", "", "host: "+host)
		if want == "" && a.Status != 404 || want != "" && a.Body != want {
			t.Errorf("%s: %d %s", host, a.Status, a.Body)
		}
	}
}

// TestStoreAway: without a snapshot there is a clear answer, and the next request finds the store when it is back.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startStore(t, dir, "")
	addr := s.Endpoint()
	r := startRegion(t, "etcd://"+addr)
	r.function("one", says(t, "one"))
	r.route("one", "/a")
	s.Close()
	if a := r.get("/a", 503); a.took > 4900*time.Millisecond || a.Headers["Retry-After"] == "" {
		t.Errorf("%v after %v", a, a.took)
	}
	startStore(t, dir, addr)
	r.freeze("events", older)
	r.get("/a", 200)
}

// TestAsyncBeforeAnswer: an async event is delivered before the answer, also when there are many subscribers.
func TestAsyncBeforeAnswer(t *testing.T) {
	t.Parallel()
	var got atomic.Int64
	f := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(100 * time.Millisecond)
		got.Add(1)
	}))
	t.Cleanup(f.Close)
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint())
	const n = 40
	for i := range n {
		id := fmt.Sprint("f", i)
		r.function(id, f.URL)
		r.configure("POST", "/subscriptions", fmt.Sprintf(`{"functionId":%q,"event":"user.created","path":"/"}`, id))
	}
	if a := r.send("events", "POST", "/", "{}", "event: user.created", "content-type: application/json"); a.Status != 202 {
		t.Error(a)
	}
	if got.Load() != n {
		t.Errorf("%d deliveries when the answer came, want %d", got.Load(), n)
	}
	r.freeze("events", 200*time.Millisecond)
	if got.Load() != n {
		t.Errorf("%d deliveries in the end", got.Load())
	}
}

// TestSystemEventsBeforeAnswer: also those who are told of an event have been told when the answer comes, for a sync and an async event.
func TestSystemEventsBeforeAnswer(t *testing.T) {
	t.Parallel()
	var told atomic.Int64
	watch := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(50 * time.Millisecond)
		told.Add(1)
	}))
	t.Cleanup(watch.Close)
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `{}`) }))
	t.Cleanup(f.Close)
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint())
	r.function("f", f.URL)
	r.function("watch", watch.URL)
	r.route("f", "/users")
	r.configure("POST", "/subscriptions", `{"functionId":"f","event":"user.created","path":"/"}`)
	for _, name := range []string{"event.received", "function.invoking", "function.invoked"} {
		r.configure("POST", "/subscriptions", fmt.Sprintf(`{"functionId":"watch","event":"gateway.%s","path":"/"}`, name))
	}
	r.get("/users", 200)
	if n := told.Load(); n != 3 {
		t.Errorf("a sync event: %d system events when the answer came, want 3", n)
	}
	if a := r.send("events", "POST", "/", "{}", "event: user.created", "content-type: application/json"); a.Status != 202 {
		t.Error(a)
	}
	if n := told.Load(); n != 6 {
		t.Errorf("an async event: %d system events when the answer came, want 6", n)
	}
}

// TestDeadline: a function that is too slow for the Lambda is a 504 before the Lambda is killed.
func TestDeadline(t *testing.T) {
	t.Parallel()
	f := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(f.Close)
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint())
	r.function("slow", f.URL)
	r.route("slow", "/slow")
	r.configure("POST", "/subscriptions", `{"functionId":"slow","event":"slow","path":"/"}`)
	r.get("/slow", 504)
	if a := r.send("events", "POST", "/", "", "event: slow"); a.Status != 202 {
		t.Errorf("an async event for a function that is too slow: %d %s", a.Status, a.Body)
	}
	r.logs("events", "a delivery was cut off")
	if n := len(r.Processes("events")); n != 1 {
		t.Errorf("%d processes, want 1: none was killed", n)
	}
}

// TestRuntimeAPI: the runtime's own API is never a function, whatever the settings say.
func TestRuntimeAPI(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint(), "EVENT_GATEWAY_EGRESS_ALLOW=0.0.0.0/0,::/0")
	r.get("/", 404)
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", r.Processes("events")[0]))
	if err != nil {
		t.Skip("the environment of a process cannot be read here:", err)
	}
	_, api, _ := strings.Cut(string(env), "AWS_LAMBDA_RUNTIME_API=")
	api, _, _ = strings.Cut(api, "\x00")
	_, port, _ := net.SplitHostPort(api)
	hosts := []string{api, "localhost:" + port, "[::ffff:127.0.0.1]:" + port, "127.0.0.2:" + port, "0.0.0.0:" + port, "127.0.0.1:9001"}
	for i, host := range hosts {
		id := fmt.Sprint("f", i)
		r.function(id, "http://"+host+"/2018-06-01/runtime/invocation/next")
		r.route(id, "/"+id)
	}
	for i, host := range hosts {
		id := fmt.Sprint("f", i)
		if a := r.get("/"+id, 502); !strings.Contains(a.Body, "its address is not allowed") {
			t.Errorf("%s: %s", host, a.Body)
		}
	}
}

// TestLimit: an answer that is too large for a Lambda is a 502.
func TestLimit(t *testing.T) {
	t.Parallel()
	size := 5 << 20
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte(strings.Repeat("\xff", size)))
	}))
	t.Cleanup(f.Close)
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint())
	r.configure("POST", "/functions", fmt.Sprintf(`{"functionId":"f","type":"http","response":"passthrough","provider":{"url":%q}}`, f.URL))
	r.route("f", "/f")
	if a := r.get("/f", 502); !strings.Contains(a.Body, "6291556") {
		t.Error(a.Body)
	}
	size = 4 << 20
	if a := r.get("/f", 200); len(a.Body) != size {
		t.Errorf("%d bytes", len(a.Body))
	}
}

// TestConcurrency: Lambda starts a process for each request that is under way.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint())
	together := make(chan struct{})
	var waiting atomic.Int64
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if waiting.Add(1) == 4 {
			close(together)
		}
		<-together
		_, _ = io.WriteString(w, `{"body":"together"}`)
	}))
	t.Cleanup(f.Close)
	r.function("f", f.URL)
	r.route("f", "/f")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if a := r.send("events", "GET", "/f", ""); a.Body != "together" {
				t.Error(a)
			}
		})
	}
	wg.Wait()
	if n := len(r.Processes("events")); n != 4 {
		t.Errorf("%d processes, want 4", n)
	}
}

// TestLambdaTarget: the gateway as a Lambda calls other Lambdas.
func TestLambdaTarget(t *testing.T) {
	t.Parallel()
	var endpoint atomic.Value // of the Invoke API, which is known only when its functions' environment is settled
	forward := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(endpoint.Load().(*url.URL))
	}})
	t.Cleanup(forward.Close)
	r := startRegion(t, "etcd://"+startStore(t, t.TempDir(), "").Endpoint(), "AWS_ENDPOINT_URL_LAMBDA="+forward.URL)
	u, err := url.Parse(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	endpoint.Store(u)
	for _, id := range []string{"example", "node", "gone"} {
		r.configure("POST", "/functions", fmt.Sprintf(
			`{"functionId":%q,"type":"awslambda","eventFormat":"native","provider":{"arn":"arn:aws:lambda:us-east-1:123456789012:function:%[1]s","region":"us-east-1"}}`, id))
		r.configure("POST", "/subscriptions", fmt.Sprintf(`{"functionId":%q,"event":"http","method":"POST","path":"/%[1]s"}`, id))
	}
	post := func(path, order string, status int, wanted string) {
		t.Helper()
		if a := r.send("events", "POST", path, order, "content-type: application/json"); a.Status != status || !strings.Contains(a.Body, wanted) {
			t.Errorf("%s %s: %d %s, want %d and %q", path, order, a.Status, a.Body, status, wanted)
		}
	}
	post("/example", `{"do":"echo","x":"y"}`, 200, `"body":{"do":"echo","x":"y"}`)
	post("/example", `{"do":"status","n":418}`, 418, `"n":418`)
	post("/example", `{"do":"error"}`, 502, "errorString")
	post("/example", `{"do":"panic"}`, 502, "failed")
	post("/example", `{"do":"exit","n":3}`, 502, "Runtime.ExitError")
	post("/gone", `{}`, 502, "no such function")
	if _, err := os.Stat(nodeFunction + "/node_modules"); err != nil {
		t.Skip("Node's runtime client is not there: npm ci in " + nodeFunction)
	}
	post("/node", `{"do":"echo","x":"y"}`, 200, `"body":{"do":"echo","x":"y"}`)
	post("/node", `{"do":"status","n":418}`, 418, `"n":418`)
	post("/node", `{"do":"error"}`, 502, "failed: Error")
}
