package handlers_test

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	w.now.wiping = (w.now.wiping || w.oneIn(1500)) && w.now.size() > 0
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
	few := len(w.now.records[k]) < map[kind]int{subscriptionKind: 40, functionKind: 4, eventTypeKind: 4}[k]
	switch n := w.random.IntN(10); {
	case w.now.wiping:
		for len(w.now.records[k]) == 0 {
			k = kinds()[w.random.IntN(3)]
		}
		return w.remove(k, w.pick(w.now.ids(k)...))
	case n < 3:
		return w.update(k)
	case n < 4, !few:
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
		r.name, members = id, fmt.Sprintf(`"name":%q,%s`, id, metadata)
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
	wanted := model()
	label := n.word
	if n.size() == 0 { // then: the count comes after the change
		label = ""
	}
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
	e := modelEvent{marker: w.marker(), method: w.pick("GET", "POST", "POST", "POST"), function: w.id(functionKind, w.pick(n.word, n.word, w.other()))}
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
	name := w.pick("user.created", "x", word+".made")
	if w.oneIn(10) {
		name = w.other() + ".made"
	}
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
			" cannot be a space here: its name is part of a host name, and so has 3 to 63 lower-case letters, digits and hyphens, with none of the latter at its ends."))
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
