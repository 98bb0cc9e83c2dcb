package handlers_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app"
)

// TestIsolation drives random configuration and events over twenty hosted spaces, from many sides at once, and compares each answer with what
// the space would get if it were alone. The name of a space is a word that nobody can guess. It is in all that the space sends and owns, and
// no other space may ever see it.
//
// ISOLATION_STEPS says how long it goes on, ISOLATION_SEED repeats a run: what a worker does follows from the seed, not what runs beside it.
func TestIsolation(t *testing.T) {
	t.Parallel()
	steps, seed := int(setting(t, "ISOLATION_STEPS", 5000)), setting(t, "ISOLATION_SEED", rand.Uint64())
	t.Logf("seed %d, %d steps", seed, steps)
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		isolate(t, seed, steps, 10_000, serverDoor)
	})
	t.Run("few realms", func(t *testing.T) { // a space that is asked for again has mostly been let go meanwhile
		t.Parallel()
		isolate(t, seed, steps/5, 8, serverDoor)
	})
	t.Run("Lambda", func(t *testing.T) {
		t.Parallel()
		isolate(t, seed, steps/5, 10_000, lambdaDoor)
	})
}

func setting(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// isolation is one gateway and its spaces.
type isolation struct {
	door     door
	receiver *receiver
	tenants  []*tenant
	realms   int // how many are kept
	failed   atomic.Bool
}

const (
	isolatedSpaces  = 20
	isolatedWorkers = 10
)

func isolate(t *testing.T, seed uint64, steps, realms int, open func(*testing.T, *app.Options) door) {
	random := rand.New(rand.NewPCG(seed, 0))
	s := &isolation{receiver: newReceiver(t), realms: realms}
	s.door = open(t, isolatedOptions(t, realms))
	for i := range isolatedSpaces {
		s.tenants = append(s.tenants, newTenant(fmt.Sprintf("space-%02x%014x", i, random.Uint64()>>8)))
	}
	workers := s.workers(seed)
	began := time.Now()
	s.run(t, workers, func(w *worker) error { return w.begin() })
	s.run(t, workers, func(w *worker) error { return w.steps(steps / isolatedWorkers) })
	t.Logf("%d steps, %.0f a second", steps, float64(steps)/time.Since(began).Seconds())
	s.verify(t, workers)

	// When some spaces are emptied, the others stay as they are.
	s.run(t, workers[:1], func(w *worker) error { return w.wipe() })
	s.verify(t, workers)
	s.run(t, workers, func(w *worker) error { return w.steps(steps / isolatedWorkers / 20) })
	s.verify(t, workers)
}

func isolatedOptions(t *testing.T, realms int) *app.Options {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(hostedToken), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := app.ParseOptions([]string{
		"-store=memory:", "-events-addr=localhost", "-events-port=0", "-config-port=0", "-config-token-file=" + file, "-egress-allow=127.0.0.0/8,::1",
		"-hosted-domain=events.example.com", "-hosted-domain=gateway.test", fmt.Sprint("-hosted-realms=", realms),
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// door is a way to send requests to a gateway.
type door func(x exchange) (answer, error)

func serverDoor(t *testing.T, o *app.Options) door {
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, o, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		if cancel(); <-ended != nil {
			t.Error("the gateway did not end well")
		}
	})
	<-ready
	client := &http.Transport{MaxIdleConnsPerHost: isolatedWorkers}
	t.Cleanup(client.CloseIdleConnections) // before the gateway ends, which would wait for those that were never used
	_, events, _ := strings.Cut(a.EventsURL(), "://")
	_, config, _ := strings.Cut(a.ConfigURL(), "://")
	return func(x exchange) (answer, error) {
		req, err := http.NewRequest(x.method, "http://"+events, strings.NewReader(x.body))
		if err != nil {
			return answer{}, err
		}
		u := *x.url
		if u.Scheme, u.Host = "http", events; x.config {
			u.Host = config
		}
		req.URL, req.Host, req.Header = &u, x.host, x.header
		resp, err := client.RoundTrip(req)
		if err != nil {
			return answer{}, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return answer{resp.StatusCode, resp.Header, string(b)}, err
	}
}

func lambdaDoor(t *testing.T, o *app.Options) door {
	o.Role, o.MaxStaleness = "all", 30*time.Second
	l, err := app.NewLambda(o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return func(x exchange) (answer, error) {
		path := x.url.EscapedPath()
		if x.config {
			path = app.ConfigPath + path
		}
		event, err := json.Marshal(gateway2(x, path))
		if err != nil {
			return answer{}, err
		}
		payload, err := l.Invoke(context.Background(), event)
		if err != nil {
			return answer{}, err
		}
		return oneAnswer(t, payload), nil
	}
}

// run lets the workers work at the same time, until one of them fails.
func (s *isolation) run(t *testing.T, workers []*worker, work func(*worker) error) {
	t.Helper()
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			if err := work(w); err != nil {
				s.failed.Store(true)
				t.Errorf("worker %d, step %d: %v", w.number, w.step, err)
			}
		})
	}
	wg.Wait()
	for _, wrong := range s.receiver.complaints() {
		t.Error(wrong)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// verify compares all there is with the models: the lists of each space, and the metrics.
func (s *isolation) verify(t *testing.T, workers []*worker) {
	t.Helper()
	s.run(t, workers, func(w *worker) error { return w.readAll() })
	var got, want map[string]float64
	// What a delivery counts may come later than the answer of the function.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all, err := s.metrics()
		if err != nil {
			t.Fatal(err)
		}
		if got, want = s.series(all); maps.Equal(got, want) {
			if n := all["eventgateway_realms"]; n > float64(s.realms) {
				t.Fatalf("%v realms are kept, no more than %d should be", n, s.realms)
			}
			if n := all["eventgateway_store_loads_total"]; s.realms < len(s.tenants) && n < 3*isolatedSpaces {
				t.Fatalf("only %v loads: the realms were not let go", n)
			}
			return
		}
		if time.Now().After(deadline) {
			break
		}
	}
	for name := range got {
		if n, ok := want[name]; !ok || n != got[name] {
			t.Errorf("%s is %v, should be %v", name, got[name], n)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is not there, should be %v", name, want[name])
		}
	}
	t.FailNow()
}

// metrics returns all series by name and labels, as they are written.
func (s *isolation) metrics() (map[string]float64, error) {
	a, err := s.door(exchange{config: true, method: "GET", url: &url.URL{Path: "/metrics"}, host: "config.test", header: operator()})
	all := map[string]float64{}
	for line := range strings.Lines(a.body) {
		i := strings.LastIndexByte(line, ' ')
		if n, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64); err == nil && line[0] != '#' {
			all[line[:i]] = n
		}
	}
	return all, err
}

// sums are series without a space, as they are before the first event.
func sums() map[string]float64 {
	return map[string]float64{
		"eventgateway_events_backlog": 0, "eventgateway_records_unreadable": 0, "eventgateway_store_failures_total": 0, "eventgateway_store_mismatches_total": 0,
		`eventgateway_deliveries_total{result="delivered"}`: 0, `eventgateway_deliveries_total{result="failed"}`: 0, `eventgateway_deliveries_total{result="lost"}`: 0,
	}
}

// series returns those that are about spaces, with some sums over all, and what the models counted. Gauges are those of the spaces in memory: if
// not all can be there, the model takes the gateway's word for which are.
func (s *isolation) series(all map[string]float64) (got, want map[string]float64) {
	got, want = map[string]float64{}, sums()
	for name, n := range all {
		if _, sum := want[name]; sum || strings.Contains(name, `space="`) {
			got[name] = n
		}
	}
	for _, n := range s.tenants {
		for name, count := range n.counts {
			want[name] += float64(count)
		}
		if _, here := got[n.gauge(functionKind)]; n.size() == 0 || !here && s.realms < len(s.tenants) {
			continue
		}
		for _, k := range kinds() {
			want[n.gauge(k)] = float64(len(n.records[k]))
		}
	}
	return got, want
}

// stranger returns a word of another space in a text, unless the request has it, too: what one says, one may hear.
func stranger(text, own string, x exchange) string {
	if strings.Count(text, "space-") == strings.Count(text, own) {
		return ""
	}
	sent := strings.ToLower(fmt.Sprint(x.url, x.host, x.header, x.body))
	for _, word := range anyWord.FindAllString(text, -1) {
		if word != own && !strings.Contains(sent, word) {
			return word
		}
	}
	return ""
}

var anyWord = regexp.MustCompile(`space-[0-9a-f]{16}`)

// receiver is the server of all functions. It knows which events are under way.
type receiver struct {
	*httptest.Server
	underway sync.Map // of *inbox, by marker

	mu    sync.Mutex
	wrong []string
}

// inbox is where the deliveries of one event end.
type inbox struct {
	word string // of the sender
	sent exchange
	got  chan string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(r.Close)
	return r
}

// receive checks that a delivery comes from the space that it went to.
func (r *receiver) receive(w http.ResponseWriter, req *http.Request) {
	b, err := io.ReadAll(req.Body)
	body := strings.ToLower(string(b)) // hosts may come in upper case
	who := strings.TrimPrefix(req.URL.Path, "/")
	word, _, _ := strings.Cut(who, "/")
	_, marker, _ := strings.Cut(body, `"marker":"`)
	marker, _, _ = strings.Cut(marker, `"`)
	box, _ := r.underway.Load(marker)
	in, ok := box.(*inbox)
	switch {
	case err != nil:
		r.complain("%s: %v", who, err)
	case !ok:
		r.complain("%s got something that nobody sent to it: %s", who, body)
	case in.word != word:
		r.complain("%s got an event of %s: %s", who, in.word, body)
	case stranger(body+fmt.Sprint(req.Header), word, in.sent) != "":
		r.complain("%s got a word of another space: %s %v", who, body, req.Header)
	default:
		select {
		case in.got <- who:
		default:
			r.complain("%s got an event too often: %s", who, body)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Set-Cookie", cookieForAll(word))
	if strings.HasSuffix(who, failing) {
		w.WriteHeader(http.StatusInternalServerError)
	}
	_, _ = io.WriteString(w, functionAnswer(who, marker))
}

func (r *receiver) complain(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *receiver) complaints() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong
}

const failing = "/fail" // ends the URL of a function that answers with status 500

func functionAnswer(who, marker string) string {
	word, _, _ := strings.Cut(who, "/")
	return fmt.Sprintf(`{"headers":{"X-Called":%q},"cookies":[%q],"body":%q}`, who, cookieForAll(word), who+" "+marker)
}

// cookieForAll is one that browsers would send to all spaces. The gateway has to make one of the space's own host of it.
func cookieForAll(word string) string { return "seen=" + word + "; Domain=.events.example.com; Path=/" }

func cookieForOne(word string) string { return "seen=" + word + "; Path=/" }

// kind is a kind of records, by its name in URLs.
type kind string

const (
	functionKind     kind = "functions"
	subscriptionKind kind = "subscriptions"
	eventTypeKind    kind = "eventtypes"
)

func kinds() []kind { return []kind{subscriptionKind, functionKind, eventTypeKind} }

// called is how error messages call a record.
func (k kind) called(id string) string {
	return fmt.Sprintf("%s %q", map[kind]string{functionKind: "Function", subscriptionKind: "Subscription", eventTypeKind: "Event Type"}[k], id)
}

// tenant is what a space should be, which is what it would be if it were alone.
type tenant struct {
	word            string
	rev             int // one more with each change
	records         map[kind]map[string]*record
	routes, invokes model
	wiping          bool           // until there is nothing in it
	counts          map[string]int // the series of its metrics
}

// record is a function, a subscription or an event type.
type record struct {
	rev    int
	answer string // as the Config API answers with it
	n      string // its metadata n, if it has metadata

	sub modelSub // of a subscription

	who                string // of a function: where it is, and so what it says
	fails, passthrough bool
}

func newTenant(word string) *tenant {
	n := &tenant{word: word, records: map[kind]map[string]*record{}, counts: map[string]int{}}
	for _, k := range kinds() {
		n.records[k] = map[string]*record{}
	}
	return n
}

func (n *tenant) size() (size int) {
	for _, records := range n.records {
		size += len(records)
	}
	return size
}

func (n *tenant) count(format string, args ...any) {
	n.counts["eventgateway_"+fmt.Sprintf(format, args...)]++
}

func (n *tenant) gauge(k kind) string {
	return fmt.Sprintf("eventgateway_%s_total{space=%q}", k, n.word)
}

// ids returns those of a kind in their order.
func (n *tenant) ids(k kind) []string { return slices.Sorted(maps.Keys(n.records[k])) }

// want is what an answer should be. Headers that are not named should not be there, if they are among those that are looked at.
type want struct {
	status int
	body   string
	header map[string]string
}

func refusal(status int, message string) want {
	return want{status: status, body: fmt.Sprintf(`{"errors":[{"message":%s}]}`+"\n", strconv.Quote(message))}
}

func (n *tenant) create(k kind, id string, r *record) want {
	if n.records[k][id] != nil {
		if k == functionKind {
			return refusal(409, k.called(id)+" already registered.")
		}
		return refusal(409, k.called(id)+" already exists.")
	}
	if k == subscriptionKind {
		if w := n.subscribe(r.sub); w.status != 0 {
			return w
		}
	}
	return n.put(k, id, r, 201)
}

func (n *tenant) put(k kind, id string, r *record, status int) want {
	n.rev++
	r.rev = n.rev
	n.records[k][id] = r
	return n.shown(r, status)
}

func (n *tenant) shown(r *record, status int) want {
	return want{status, r.answer + "\n", map[string]string{"ETag": fmt.Sprintf(`"%d"`, r.rev)}}
}

// table returns the model that a subscription is in: those on invoke events have one of their own.
func (n *tenant) table(s modelSub) *model {
	if s.event == "invoke" {
		return &n.invokes
	}
	return &n.routes
}

// subscribe adds a route, or says why not.
func (n *tenant) subscribe(s modelSub) (refused want) {
	m := n.table(s)
	if m.create(s) != 201 {
		return refusal(409, "Subscription path conflict: "+m.conflict(s))
	}
	switch {
	case s.v09 && n.records[eventTypeKind][s.event] == nil:
		refused = refusal(400, eventTypeKind.called(s.event)+" not found.")
	case n.records[functionKind][s.function] == nil:
		refused = refusal(400, functionKind.called(s.function)+" not found.")
	default:
		return want{}
	}
	m.subs = m.subs[:len(m.subs)-1]
	return refused
}

// conflict names the first difference to the sync subscription that has the route already.
func (m *model) conflict(s modelSub) string {
	for _, o := range m.subs {
		if !o.sync || o.shape() != s.shape() || o.method != s.method || o.event != s.event && !(o.plain() && s.plain()) {
			continue
		}
		ours := strings.Split(s.path, "/")
		for i, name := range strings.Split(o.path, "/") {
			if name == ours[i] {
				continue
			}
			what := "parameter"
			if name[0] == '*' {
				what = "wildcard"
			}
			return fmt.Sprintf("%s with different name (%q) already defined: for route: %s", what, name[1:], s.path)
		}
	}
	return "route " + s.path + " conflicts with existing route"
}

// find returns a record, or the refusal of an operation on it. sent is its id as the URL has it.
func (n *tenant) find(k kind, id, sent, match string) (*record, want) {
	r := n.records[k][id]
	switch {
	case r == nil:
		return nil, refusal(404, k.called(sent)+" not found.")
	case match != "" && match != fmt.Sprintf(`"%d"`, r.rev):
		return nil, refusal(412, k.called(id)+" was changed meanwhile: read it again before you change it.")
	}
	return r, want{}
}

func (n *tenant) get(k kind, id, sent string) want {
	r, refused := n.find(k, id, sent, "")
	if r == nil {
		return refused
	}
	return n.shown(r, 200)
}

func (n *tenant) update(k kind, id, sent, match string, next *record) want {
	old, refused := n.find(k, id, sent, match)
	switch {
	case old == nil:
		return refused
	case k == subscriptionKind && next.sub.function != old.sub.function:
		return refusal(400, "Invalid update. 'FunctionID' of existing subscription cannot be updated.")
	}
	return n.put(k, id, next, 200)
}

func (n *tenant) remove(k kind, id, sent, match string) want {
	r, refused := n.find(k, id, sent, match)
	if r == nil {
		return refused
	}
	for _, other := range n.records[subscriptionKind] {
		switch {
		case k == functionKind && other.sub.function == id:
			return refusal(400, "Function cannot be deleted because it's subscribed to a least one event.")
		case k == eventTypeKind && other.sub.v09 && other.sub.event == id:
			return refusal(400, "Event type cannot be deleted because there are subscriptions using it.")
		}
	}
	if k == subscriptionKind {
		m := n.table(r.sub)
		i := slices.Index(m.subs, r.sub)
		m.subs = slices.Delete(m.subs, i, i+1)
	}
	n.rev++
	delete(n.records[k], id)
	return want{status: 204}
}

// list returns the list of those with the given metadata, of which both may be empty.
func (n *tenant) list(k kind, owner, number string) want {
	var found []string
	for _, id := range n.ids(k) {
		r := n.records[k][id]
		if (owner == "" || r.n != "" && owner == n.word) && (number == "" || number == r.n) {
			found = append(found, r.answer)
		}
	}
	plural := strings.Replace(string(k), "eventtypes", "eventTypes", 1)
	return want{status: 200, body: fmt.Sprintf(`{%q:[%s]}`+"\n", plural, strings.Join(found, ","))}
}

// modelEvent is an event that a space sends. A plain request has no name.
type modelEvent struct {
	marker, method, path, name string
	header                     bool // the header Event has the name
	function                   string
}

// event returns what the sender of an event gets, and which functions are called.
func (n *tenant) event(e modelEvent) (w want, calls []string) {
	sync, async := n.routes.match(e.method, e.path, e.name)
	switch {
	case e.header && e.method != "POST" && sync == nil && len(async) == 0:
		return refusal(400, "custom event can be emitted only with POST method"), nil
	case e.header && e.name == "invoke" && !n.invocable(e):
		return refusal(404, "function or subscription not found"), nil
	}
	n.received(sync, async)
	for _, s := range async {
		f := n.records[functionKind][s.function]
		calls = append(calls, f.who)
		n.count("events_processed_total{space=%q,type=%q}", n.word, s.event)
		n.invoked(f.fails)
		n.count("deliveries_total{result=%q}", map[bool]string{false: "delivered", true: "failed"}[f.fails])
	}
	switch {
	case e.header && e.name == "invoke":
		f := n.records[functionKind][e.function]
		return n.call(f, e, e.function, true), append(calls, f.who)
	case sync != nil:
		f := n.records[functionKind][sync.function]
		return n.call(f, e, sync.function, false), append(calls, f.who)
	case e.name == "" && len(async) == 0:
		return refusal(404, "resource not found"), nil
	}
	return want{status: 202}, calls
}

func (n *tenant) invocable(e modelEvent) bool {
	return slices.ContainsFunc(n.invokes.subs, func(s modelSub) bool {
		return s.function == e.function && s.matches("POST", e.path, "invoke") != ""
	})
}

// received counts an event for the first subscription that it matched.
func (n *tenant) received(sync *modelSub, async []modelSub) {
	switch {
	case sync != nil:
		n.count("events_received_total{space=%q,type=%q}", n.word, sync.event)
	case len(async) > 0:
		n.count("events_received_total{space=%q,type=%q}", n.word, async[0].event)
	default:
		n.count(`events_received_total{space="",type=""}`)
	}
}

func (n *tenant) invoked(failed bool) {
	n.count("invocations_total{result=%q,space=%q,type=%q}", map[bool]string{false: "ok", true: "function"}[failed], n.word, "http")
}

// call returns what the sender gets from a function that is called at once.
func (n *tenant) call(f *record, e modelEvent, id string, raw bool) want {
	whole := functionAnswer(f.who, e.marker)
	cookie := map[string]string{"Set-Cookie": cookieForOne(n.word)}
	n.invoked(f.fails && (raw || !f.passthrough))
	switch {
	case f.passthrough && !raw && f.fails:
		return want{500, whole, cookie}
	case f.passthrough && !raw:
		return want{200, whole, cookie}
	case f.fails:
		return refusal(502, fmt.Sprintf("Function %q failed: it answered with status 500.", id))
	case raw:
		return want{status: 200, body: whole}
	}
	cookie["X-Called"] = f.who
	return want{200, f.who + " " + e.marker, cookie}
}

// worker drives some of the spaces, one request after the other. Nobody else changes them.
type worker struct {
	*isolation
	number, step int
	random       *rand.Rand
	mine         []*tenant
	now          *tenant // whose turn it is
}

func (s *isolation) workers(seed uint64) []*worker {
	workers := make([]*worker, isolatedWorkers)
	for i := range workers {
		workers[i] = &worker{isolation: s, number: i, random: rand.New(rand.NewPCG(seed, uint64(i+1)))}
	}
	for i, n := range s.tenants {
		w := workers[i%isolatedWorkers]
		w.mine, w.now = append(w.mine, n), n
	}
	return workers
}

// marker names the event of this step.
func (w *worker) marker() string { return fmt.Sprintf("m-%d-%d", w.number, w.step) }

func (w *worker) oneIn(n int) bool { return w.random.IntN(n) == 0 }

func (w *worker) pick(list ...string) string { return list[w.random.IntN(len(list))] }

// other returns the word of another space.
func (w *worker) other() string {
	for {
		if n := w.tenants[w.random.IntN(len(w.tenants))]; n != w.now {
			return n.word
		}
	}
}

// begin fills the spaces. One that nobody ever wrote to would not exist.
func (w *worker) begin() error {
	for _, n := range w.mine {
		w.now = n
		for i := range 50 {
			if err := w.create(kinds()[i%3]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *worker) steps(n int) error {
	for range n {
		if w.failed.Load() {
			return nil
		}
		w.step++
		if err := w.one(); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) one() error {
	if w.oneIn(20) {
		w.now = w.mine[w.random.IntN(len(w.mine))]
	}
	w.now.wiping = (w.now.wiping || w.oneIn(500)) && w.now.size() > 0
	switch n := w.random.IntN(1000); {
	case n < 350:
		return w.change()
	case n < 450:
		return w.read()
	case n < 940:
		return w.event()
	case n < 968:
		return w.wrongSpace()
	case n < 986:
		return w.wrongHost()
	case n < 998:
		return w.wrongConfig()
	}
	return w.nobody()
}

// change creates, updates or deletes something.
func (w *worker) change() error {
	k := kinds()[max(0, w.random.IntN(6)-3)] // more subscriptions than others
	few := len(w.now.records[k]) < map[kind]int{subscriptionKind: 20, functionKind: 4, eventTypeKind: 4}[k]
	switch n := w.random.IntN(10); {
	case w.now.wiping:
		for len(w.now.records[k]) == 0 {
			k = kinds()[w.random.IntN(3)]
		}
		return w.remove(k, w.pick(w.now.ids(k)...))
	case n < 3:
		return w.update(k)
	case n < 5, !few:
		return w.remove(k, w.known(k))
	}
	return w.create(k)
}

// wipe deletes all there is in the spaces of the worker.
func (w *worker) wipe() error {
	for _, n := range w.mine {
		w.now = n
		for _, k := range kinds() { // subscriptions first
			for len(n.records[k]) > 0 { // a condition may fail
				if err := w.remove(k, w.pick(n.ids(k)...)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// known returns the id of something in the space or, at times, of what may be in another space.
func (w *worker) known(k kind) string {
	if ids := w.now.ids(k); len(ids) > 0 && !w.oneIn(5) {
		return w.pick(ids...)
	}
	return w.id(k, w.other())
}

// id returns one that something of a space may have.
func (w *worker) id(k kind, word string) string {
	switch k {
	case functionKind:
		return w.pick("f", "g", "h", "fn-"+word)
	case eventTypeKind:
		return w.pick("http.request", "user.created", "x", word+".made")
	}
	return w.subscription(word).id()
}

// subscription returns one that a space may have: most routes are the same in all spaces.
func (w *worker) subscription(word string) modelSub {
	s := modelSub{
		space: word, function: w.id(functionKind, word), v09: w.oneIn(2), method: w.pick("GET", "POST"),
		path: w.pick("/", "/a", "/:x", "/:y", "/a/:x", "/*r", "/a/*r", "/a/", "/"+word, "/"+word+"/:x", "/"+word+"/*r"),
	}
	if s.v09 {
		s.event, s.sync = w.id(eventTypeKind, word), w.oneIn(2)
	} else {
		s.event = w.pick("http", "http", "user.created", "x", word+".made", "invoke", "invoke")
		s.sync = s.event == "http"
	}
	return s
}

// id is the subscription's, in the form of its dialect.
func (s modelSub) id() string {
	path := url.PathEscape(s.path)
	switch {
	case s.v09 && s.sync:
		return base64.RawURLEncoding.EncodeToString([]byte("sync," + s.event + "," + path + "," + s.method))
	case s.v09:
		return base64.RawURLEncoding.EncodeToString([]byte("async," + s.event + "," + s.function + "," + path + "," + s.method))
	case s.sync:
		return s.event + "," + s.method + "," + path
	}
	return s.event + "," + s.function + "," + path
}

// record returns something with an id, as it is sent and as it should be answered with.
func (w *worker) record(k kind, id string, s modelSub) (body string, r *record) {
	r = &record{n: strconv.Itoa(w.random.IntN(3)), sub: s}
	metadata := fmt.Sprintf(`"metadata":{"n":%q,"owner":%q}`, r.n, w.now.word)
	var members string
	switch k {
	case functionKind:
		members = w.function(r, id, metadata)
	case eventTypeKind:
		members = fmt.Sprintf(`"name":%q,%s`, id, metadata)
	case subscriptionKind:
		body = strings.Trim(s.body(), "{}")
		if s.v09 {
			way, _, _ := strings.Cut(body, ",")
			body += "," + metadata
			members = fmt.Sprintf(`"subscriptionId":%q,%s,"eventType":%q,"functionId":%q,"path":%q,"method":%q,%s`, s.id(), way, s.event, s.function, s.path, s.method, metadata)
		} else {
			members = fmt.Sprintf(`"subscriptionId":%q,"event":%q,"functionId":%q,"method":%q,"path":%q`, s.id(), s.event, s.function, s.method, s.path)
			r.n = "" // a seed-shaped one has no metadata
		}
	}
	r.answer = fmt.Sprintf(`{"space":%q,%s}`, w.now.word, members)
	body = cmp.Or(body, members)
	if w.oneIn(5) { // the space of the URL wins
		body += fmt.Sprintf(`,"space":%q`, w.other())
	}
	return "{" + body + "}", r
}

func (w *worker) function(r *record, id, metadata string) (members string) {
	r.who = fmt.Sprintf("%s/%s/%d", w.now.word, id, w.step)
	r.fails, r.passthrough = w.oneIn(8), w.oneIn(6)
	if r.fails {
		r.who += failing
	}
	members = fmt.Sprintf(`"functionId":%q,"type":"http","provider":{"url":%q},%s`, id, w.receiver.URL+"/"+r.who, metadata)
	if format := w.pick("", "cloudevents", "cloudevents-0.1", "native"); format != "" {
		members += fmt.Sprintf(`,"eventFormat":%q`, format)
	}
	if r.passthrough {
		members += `,"response":"passthrough"`
	}
	return members
}

func (w *worker) create(k kind) error {
	s := w.subscription(w.now.word)
	id := s.id()
	if k != subscriptionKind {
		id = w.id(k, w.now.word)
	}
	body, r := w.record(k, id, s)
	return w.configure(configCall{operation: "create", kind: k, body: body}, func() want { return w.now.create(k, id, r) })
}

func (w *worker) update(k kind) error {
	id := w.known(k)
	s := w.subscription(w.now.word)
	if k == subscriptionKind {
		if old := w.now.records[k][id]; old != nil {
			s = old.sub
		}
		if w.oneIn(5) {
			s.function = w.id(functionKind, w.now.word)
		}
	}
	body, r := w.record(k, id, s)
	sent, match := w.inURL(id), w.match(k, id)
	return w.configure(configCall{operation: "update", kind: k, id: sent, body: body, match: match}, func() want { return w.now.update(k, id, sent, match, r) })
}

func (w *worker) remove(k kind, id string) error {
	sent, match := w.inURL(id), w.match(k, id)
	return w.configure(configCall{operation: "delete", kind: k, id: sent, match: match}, func() want { return w.now.remove(k, id, sent, match) })
}

// inURL returns an id as clients may send it: raw, though it may have percent signs, or encoded.
func (w *worker) inURL(id string) string {
	if w.oneIn(2) {
		return url.PathEscape(id)
	}
	return id
}

// match returns a condition, at times: the ETag of the record, or of one of another space.
func (w *worker) match(k kind, id string) string {
	n := w.mine[w.random.IntN(len(w.mine))]
	r := w.now.records[k][id]
	if ids := n.ids(k); n != w.now && len(ids) > 0 {
		r = n.records[k][w.pick(ids...)]
	}
	if r == nil || !w.oneIn(5) {
		return ""
	}
	return fmt.Sprintf(`"%d"`, r.rev)
}

// read lists something or gets one.
func (w *worker) read() error {
	k := kinds()[w.random.IntN(3)]
	if w.oneIn(2) {
		id := w.known(k)
		sent := w.inURL(id)
		return w.configure(configCall{operation: "get", kind: k, id: sent}, func() want { return w.now.get(k, id, sent) })
	}
	owner, number := w.pick("", w.now.word, w.other()), w.pick("", "", "1")
	query := url.Values{}
	if owner != "" {
		query.Set("metadata.owner", owner)
	}
	if number != "" {
		query.Set("metadata.n", number)
	}
	return w.configure(configCall{operation: "list", kind: k, query: query.Encode()}, func() want { return w.now.list(k, owner, number) })
}

// readAll lists all that the spaces of the worker have.
func (w *worker) readAll() error {
	for _, n := range w.mine {
		w.now = n
		for _, k := range kinds() {
			if err := w.configure(configCall{operation: "list", kind: k}, func() want { return n.list(k, "", "") }); err != nil {
				return err
			}
		}
	}
	return nil
}

func operator() http.Header { return http.Header{"Authorization": {"Bearer " + hostedToken}} }

// configCall is a Config API request. All but the operation and the kind may be left out.
type configCall struct {
	operation              string
	kind                   kind
	id, query, body, match string
}

// configure makes a Config API request about the space, and wants the answer that the model gives.
func (w *worker) configure(c configCall, model func() want) error {
	n := w.now
	label := n.word
	if n.size() == 0 {
		label = ""
	}
	wanted := model()
	if wanted.header == nil {
		wanted.header = map[string]string{}
	}
	wanted.header["X-Config-Revision"] = strconv.Itoa(n.rev)
	return w.askConfig(n.word, c, label, wanted)
}

// askConfig makes a Config API request about any space, which is counted for the given label.
func (w *worker) askConfig(space string, c configCall, label string, wanted want) error {
	target := "/v1/spaces/" + space + "/" + string(c.kind)
	if c.id != "" {
		target += "/" + c.id
	}
	if c.query != "" {
		target += "?" + c.query
	}
	w.now.count("config_requests_total{operation=%q,resource=%q,space=%q}", c.operation, strings.TrimSuffix(string(c.kind), "s"), label)
	method := map[string]string{"create": "POST", "update": "PUT", "delete": "DELETE"}[c.operation]
	x := exchange{config: true, method: cmp.Or(method, "GET"), host: "config.test", header: operator(), body: c.body}
	if c.body != "" {
		x.header.Set("Content-Type", "application/json")
	}
	if c.match != "" {
		x.header.Set("If-Match", c.match)
	}
	return w.ask(x, target, wanted)
}

// ask sends a request and compares the answer, in all that is not the same for everybody.
func (w *worker) ask(x exchange, target string, wanted want) (err error) {
	if x.url, err = url.Parse(target); err != nil {
		return err
	}
	x.answer, err = w.door(x)
	bad := err != nil || x.answer.status != wanted.status || x.answer.body != wanted.body || stranger(x.answer.body+fmt.Sprint(x.answer.header), w.now.word, x) != ""
	for _, name := range []string{"ETag", "X-Config-Revision", "X-Called", "Set-Cookie"} {
		bad = bad || strings.Join(x.answer.header.Values(name), "|") != wanted.header[name]
	}
	if !bad {
		return nil
	}
	return fmt.Errorf("%s: %s %s %s %v %s\ngot  %d %q %v, %v\nwant %d %q %v",
		w.now.word, x.method, x.host, target, x.header, x.body, x.answer.status, x.answer.body, x.answer.header, err, wanted.status, wanted.body, wanted.header)
}

// event sends an event of the space, and waits until all functions that it is for were called.
func (w *worker) event() error {
	n := w.now
	e := modelEvent{marker: w.marker(), method: w.pick("GET", "POST", "POST"), function: w.id(functionKind, w.pick(n.word, n.word, w.other()))}
	e.path = w.pick("/", "/a", "/b", "/a/b", "/a/", "/a/b/c", "/"+n.word, "/"+n.word+"/b", "/"+n.word+"/b/c", "/"+w.other())
	x := w.exchange(&e)
	wanted, calls := n.event(e)
	in := &inbox{word: n.word, sent: x, got: make(chan string, 100)}
	w.receiver.underway.Store(e.marker, in)
	defer w.receiver.underway.Delete(e.marker)
	if err := w.ask(x, e.path, wanted); err != nil {
		return err
	}
	return in.expect(calls)
}

// exchange makes a request of an event, and gives the event a name if it has one.
func (w *worker) exchange(e *modelEvent) exchange {
	word := w.now.word
	x := exchange{method: e.method, url: &url.URL{Path: e.path}, host: w.host(word), header: http.Header{"Content-Type": {"application/json"}}}
	x.body = fmt.Sprintf(`{"marker":%q,"from":%q}`, e.marker, word)
	name := w.pick("user.created", "x", word+".made", w.other()+".made")
	switch w.random.IntN(8) {
	case 0, 1:
		e.name, e.header = name, true
		x.header.Set("Event", name)
	case 2:
		e.name, e.header = "invoke", true
		x.header.Set("Event", "invoke")
		x.header.Set("Function-Id", e.function)
	case 3:
		e.name = name
		x.header.Set("Content-Type", "application/cloudevents+json")
		x.body = fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/%s","type":%q,"datacontenttype":"application/json","data":%s}`, word, name, x.body)
	case 4:
		e.name = name
		for attribute, value := range map[string]string{"Specversion": "1.0", "Id": "1", "Source": "/" + word, "Type": name} {
			x.header.Set("Ce-"+attribute, value)
		}
	default: // a plain request
	}
	if w.oneIn(8) {
		x.header.Set("Space", word)
	}
	return x
}

// host returns a host of a space: names have no case, and ports no meaning.
func (w *worker) host(word string) string {
	host := word + w.pick(".events.example.com", ".gateway.test")
	if w.oneIn(4) {
		host = strings.ToUpper(host)
	}
	if w.oneIn(4) {
		host += ":" + strconv.Itoa(1+w.random.IntN(65535))
	}
	return host
}

// expect waits for calls, and wants no others.
func (in *inbox) expect(calls []string) error {
	var got []string
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	for len(got) < len(calls) {
		select {
		case who := <-in.got:
			got = append(got, who)
		case <-timeout.C:
			return fmt.Errorf("%s %s %v %s: called %v within 10 s, want %v", in.sent.method, in.sent.url, in.sent.header, in.sent.body, got, calls)
		}
	}
	slices.Sort(got)
	slices.Sort(calls)
	if !slices.Equal(got, calls) || len(in.got) > 0 {
		return fmt.Errorf("%s %s %v %s: called %v and %d more, want %v", in.sent.method, in.sent.url, in.sent.header, in.sent.body, got, len(in.got), calls)
	}
	return nil
}

// wrongSpace sends an event that names another space than its host.
func (w *worker) wrongSpace() error {
	e := modelEvent{marker: w.marker(), method: w.pick("GET", "POST"), path: w.pick("/", "/a"), function: "f"}
	x := w.exchange(&e)
	x.header["Space"] = [][]string{{w.other()}, {w.now.word, w.other()}, {strings.ToUpper(w.now.word)}, {"default"}, {""}}[w.random.IntN(5)]
	return w.ask(x, e.path, refusal(400, "The header Space names another space than the host."))
}

// wrongHost sends an event to a host that is none of the gateway's.
func (w *worker) wrongHost() error {
	word := w.now.word
	e := modelEvent{marker: w.marker(), method: w.pick("GET", "POST"), path: w.pick("/", "/a", "/"+word), function: "f"}
	x := w.exchange(&e)
	x.host = w.pick(
		"events.example.com", "gateway.test", word, word+".example.com", word+".test", word+".events.example.org", "x."+word+".gateway.test", "127.0.0.1", "localhost:80",
		word+".gateway.test.", word+"..gateway.test", word+".gateway.test.evil.example", word+"-gateway.test", word+"_.gateway.test", word+"."+w.other()+".gateway.test",
	)
	if w.oneIn(2) {
		x.header.Set("Space", word)
	}
	return w.ask(x, e.path, refusal(404, "resource not found"))
}

// wrongConfig asks about spaces that there are not, or without the token.
func (w *worker) wrongConfig() error {
	word := w.now.word
	k := kinds()[w.random.IntN(3)]
	none := want{status: 200, body: (&tenant{}).list(k, "", "").body, header: map[string]string{"X-Config-Revision": "0"}}
	switch w.random.IntN(4) {
	case 0:
		return w.askConfig(word+"x", configCall{operation: "list", kind: k}, "", none)
	case 1:
		id := w.id(functionKind, word)
		missing := refusal(404, functionKind.called(id)+" not found.")
		missing.header = none.header
		return w.askConfig("x"+word, configCall{operation: "delete", kind: functionKind, id: id}, "", missing)
	case 2:
		loud := strings.ToUpper(word)
		return w.askConfig(loud, configCall{operation: "list", kind: k}, "", refusal(400, strconv.Quote(loud)+
			" cannot be a space here: its name is part of a host name, and so has lower-case letters, digits and hyphens only."))
	}
	x := exchange{config: true, method: "GET", host: w.host(word), header: http.Header{"Authorization": {"Bearer " + word}}}
	return w.ask(x, "/v1/spaces/"+word+"/"+string(k), refusal(401, "The Config API needs the operator's token: send it as Authorization: Bearer TOKEN."))
}

// nobody sends an event to a space that nobody ever wrote to.
func (w *worker) nobody() error {
	word := w.now.word
	e := modelEvent{marker: w.marker(), method: "POST", path: "/", function: "f"}
	x := w.exchange(&e)
	delete(x.header, "Space")
	x.host = w.host(w.pick("nobody", word+"0", word[:len(word)-1], "a-"+word))
	return w.ask(x, e.path, refusal(404, "resource not found"))
}
