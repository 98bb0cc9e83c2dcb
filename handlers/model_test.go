package handlers_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// model is what the gateway should do, written without a tree, a snapshot or a queue: a list of subscriptions, searched from end to end.
type model struct {
	subs []modelSub
}

type modelSub struct {
	space, function, event, method, path string
	v09, sync                            bool
}

// plain says whether the subscription is on HTTP requests.
func (s modelSub) plain() bool {
	return s.event == "http" && !s.v09 || s.event == "http.request" && s.v09
}

func (s modelSub) body() string {
	if !s.v09 {
		return fmt.Sprintf(`{"functionId":%q,"event":%q,"method":%q,"path":%q}`, s.function, s.event, s.method, s.path)
	}
	kind := "async"
	if s.sync {
		kind = "sync"
	}
	return fmt.Sprintf(`{"type":%q,"functionId":%q,"eventType":%q,"method":%q,"path":%q}`, kind, s.function, s.event, s.method, s.path)
}

// shape is the path without names.
func (s modelSub) shape() string { return paramNames.ReplaceAllString(s.path, "$1") }

var paramNames = regexp.MustCompile(`([:*])[^/]*`)

// matches returns how specific the match of a path is, as a word that sorts before less specific ones, or "".
func (s modelSub) matches(method, path, event string) string {
	wanted := s.method
	if !s.v09 && !s.plain() {
		wanted = "POST"
	}
	if s.plain() != (event == "") || event != "" && s.event != event || wanted != method {
		return ""
	}
	word, rest := "", strings.Split(path, "/")[1:]
	for _, want := range strings.Split(s.path, "/")[1:] {
		switch {
		case strings.HasPrefix(want, "*"):
			if len(rest) == 0 || strings.Join(rest, "/") == "" {
				return ""
			}
			return word + "c"
		case len(rest) == 0:
			return ""
		case strings.HasPrefix(want, ":") && rest[0] != "":
			word += "b"
		case want == rest[0]:
			word += "a"
		default:
			return ""
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return ""
	}
	return word
}

// create returns the status that a new subscription should get.
func (m *model) create(s modelSub) int {
	for _, o := range m.subs {
		sameRoute := o.shape() == s.shape() && o.method == s.method && (o.event == s.event || o.plain() && s.plain())
		if s.sync && o.sync && sameRoute {
			return 409
		}
		if !s.sync && o.space == s.space && o.v09 == s.v09 && o.sync == s.sync && o.event == s.event && o.path == s.path &&
			o.function == s.function && (!s.v09 || o.method == s.method) {
			return 409
		}
	}
	m.subs = append(m.subs, s)
	return 201
}

// match returns the subscriptions that get an event: the sync one or nil, and the others.
func (m *model) match(method, path, event string) (sync *modelSub, async []modelSub) {
	best := "z"
	for i, s := range m.subs {
		word := s.matches(method, path, event)
		switch {
		case word == "":
		case !s.sync:
			async = append(async, s)
		case word < best:
			best, sync = word, &m.subs[i]
		}
	}
	return sync, async
}

// route returns the names of the functions that get an event: the sync one's, and the others'.
func (m *model) route(method, path, event string) (sync string, async []string) {
	one, others := m.match(method, path, event)
	if one != nil {
		sync = one.space + "/" + one.function
	}
	for _, s := range others {
		async = append(async, s.space+"/"+s.function)
	}
	slices.Sort(async)
	return sync, async
}

// TestModel drives random configuration and events over many spaces, and compares each with the model.
func TestModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }

	g := start(t)
	rec := newRecorder(t)
	spaces := []string{"space-a", "space-b", "space-c", "default", "zzz"}
	for _, space := range spaces {
		for _, f := range []string{"f", "g"} {
			g.function(space, f, rec.URL+"/"+space+"/"+f)
		}
		for _, name := range []string{"http.request", "user.created", "x"} {
			g.configure(201, "POST", "/v1/spaces/"+space+"/eventtypes", fmt.Sprintf(`{"name":%q}`, name))
		}
	}
	m := &model{}
	ids := map[modelSub]string{}
	for step := range 1500 {
		switch n := random.IntN(10); {
		case n < 3:
			s := modelSub{
				space: pick(spaces...), function: pick("f", "g"), v09: random.IntN(2) == 0,
				event: pick("http", "http.request", "user.created", "x"), method: pick("GET", "POST"),
				path: pick("/", "/a", "/:x", "/a/b", "/a/:x", "/:x/b", "/:y/b", "/*r", "/a/*r", "/a/", "/:x/:y/c"),
			}
			s.sync = s.v09 && random.IntN(2) == 0 || !s.v09 && s.event == "http"
			if s.v09 && s.event == "http" || !s.v09 && s.event == "http.request" {
				continue // the other dialect's name: no event type, or just a custom event
			}
			a := send(t, "POST", g.config+"/v1/spaces/"+s.space+"/subscriptions", s.body(), jsonType)
			if want := m.create(s); a.status != want {
				t.Fatalf("step %d: %s in %s: status %d, want %d: %s", step, s.body(), s.space, a.status, want, a.body)
			}
			if a.status == 201 {
				ids[s] = object(t, a.body)["subscriptionId"].(string)
			}
		case n == 3 && len(m.subs) > 0:
			i := random.IntN(len(m.subs))
			s := m.subs[i]
			m.subs = slices.Delete(m.subs, i, i+1)
			id := ids[s]
			if random.IntN(2) == 0 {
				id = url.PathEscape(id)
			}
			g.configure(204, "DELETE", "/v1/spaces/"+s.space+"/subscriptions/"+id, "")
		default:
			path := pick("/", "/a", "/b", "/a/b", "/b/b", "/a/", "/a/b/c", "/q/w/c", "/q/w/e/r")
			method, event := pick("GET", "POST"), pick("", "user.created", "x")
			sync, async := m.route(method, path, event)
			rec.expect(t, g, step, method, path, event, sync, async)
		}
	}
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if n := len(rec.deliveries()); n > 0 {
		t.Errorf("%d deliveries that nobody should have got", n)
	}
}

// recorder is a function server that tells who was called for what.
type recorder struct {
	*function
	mu    sync.Mutex
	calls map[string][]string // by the marker in the event's body
}

func newRecorder(t *testing.T) *recorder {
	r := &recorder{calls: map[string][]string{}}
	marker := regexp.MustCompile(`marker-[0-9]+`)
	r.function = newFunction(t, nil)
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		who := strings.TrimPrefix(req.URL.Path, "/")
		r.mu.Lock()
		m := marker.FindString(string(b))
		r.calls[m] = append(r.calls[m], who)
		r.mu.Unlock()
		fmt.Fprintf(w, `{"body":%q}`, who)
	})
	return r
}

func (r *recorder) deliveries() map[string][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// expect sends an event and wants it to reach just those who it is for.
func (r *recorder) expect(t *testing.T, g *gateway, step int, method, path, event, sync string, async []string) {
	t.Helper()
	m := fmt.Sprintf("marker-%d", step)
	var headers []string
	if event != "" {
		headers = append(headers, "Event: "+event)
	}
	a := send(t, method, g.events+path, m, headers...)
	want := 202
	switch {
	case sync != "":
		want = 200
	case event == "" && len(async) == 0:
		want = 404
	case event != "" && method != "POST" && len(async) == 0:
		want = 400
	}
	if a.status != want || sync != "" && a.body != sync {
		t.Fatalf("step %d: %s %s %s: got %d %s, want %d %s", step, method, path, event, a.status, a.body, want, sync)
	}
	all := async
	if sync != "" {
		all = append(all, sync)
	}
	slices.Sort(all)
	var got []string
	eventually(t, "all targets were called", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = slices.Clone(r.calls[m])
		return len(got) >= len(all)
	})
	if slices.Sort(got); !slices.Equal(got, all) {
		t.Fatalf("step %d: %s %s %s went to %v, want %v", step, method, path, event, got, all)
	}
	r.mu.Lock()
	delete(r.calls, m)
	r.mu.Unlock()
}
