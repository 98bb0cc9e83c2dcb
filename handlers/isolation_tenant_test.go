package handlers_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

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
	name   string // of an event type, whose answer also says how many use it

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

// text returns a record as the Config API answers with it now.
func (n *tenant) text(r *record) string {
	if r.name == "" {
		return r.answer
	}
	uses := 0
	for _, s := range n.records[subscriptionKind] {
		if s.sub.event == r.name || r.name == "http.request" && s.sub.plain() {
			uses++
		}
	}
	return fmt.Sprintf(`%s,"subscriptions":%d}`, strings.TrimSuffix(r.answer, "}"), uses)
}

func (n *tenant) shown(r *record, status int) want {
	return want{status, n.text(r) + "\n", map[string]string{"ETag": fmt.Sprintf(`"%d"`, r.rev)}}
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
			found = append(found, n.text(r))
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
