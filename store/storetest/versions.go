package storetest

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

func (s suite) versions(t *testing.T) {
	survives := func(shared bool) func(t *testing.T, e env) {
		return func(t *testing.T, e env) {
			v := versions{env: e, space: string(e.realm)}
			if shared {
				v.realm = store.Shared
			}
			v.survive(t)
		}
	}
	s.test(t, "what a newer version stored survives the writes of this one", survives(false))
	s.test(t, "what a newer version stored survives the writes of this one, in the shared realm", survives(true))
	s.test(t, "what an older version stored is read, and what it lacks is not made up", func(t *testing.T, e env) {
		versions{env: e, space: string(e.realm)}.lack(t)
	})
}

// versions is a space with records that this version knows only in part.
type versions struct {
	env
	space string
}

// newerRecord is what a newer version may have stored, and what has to be left of it after a write by this one. SPACE and NAME stand for others.
type newerRecord struct {
	key, value string
	left       []string
}

func newerRecords() []newerRecord {
	return []newerRecord{
		{
			"functions/SPACE/NAME",
			`{"space":"SPACE","functionId":"NAME","type":"http","provider":{"url":"http://localhost:1","weight":{"a":1}},"newer":[1,{"b":null}]}`,
			[]string{`"weight":{"a":1}`, `"newer":[1,{"b":null}]`},
		},
		{
			"subscriptions/SPACE/NAME,f,%2F",
			`{"newer":"x","space":"SPACE","subscriptionId":"NAME,f,%2F","event":"NAME","functionId":"f","path":"/"}`,
			[]string{`"newer":"x"`},
		},
		{"eventtypes/SPACE/NAME", `{"space":"SPACE","name":"NAME","newer":{"c":2e1}}`, []string{`"newer":{"c":2e1}`}},
		{"cors/SPACE/GET%2FNAME", `{"space":"SPACE","corsId":"GET%2FNAME","method":"GET","path":"/NAME","newer":false}`, []string{`"newer":false`}},
	}
}

// olderRecords have no members but those that all versions write.
func olderRecords(space string) map[string]string {
	return map[string]string{
		"functions/" + space + "/f":           `{"space":"` + space + `","functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`,
		"subscriptions/" + space + "/e,f,%2F": `{"space":"` + space + `","subscriptionId":"e,f,%2F","event":"e","functionId":"f","method":"","path":"/"}`,
		"eventtypes/" + space + "/e":          `{"space":"` + space + `","name":"e"}`,
		"cors/" + space + "/GET%2Fa":          `{"space":"` + space + `","corsId":"GET%2Fa","method":"GET","path":"/a"}`,
	}
}

// lack writes older records, and beside them one of today: the others have to be served, and to stay as they are.
func (v versions) lack(t *testing.T) {
	s := v.Open()
	written := olderRecords(v.space)
	before := v.write(t, s, written)
	live, config, rules := v.gateway(t, s)
	now := live.Snapshot()
	var r store.Route
	now.Route("POST", "/", "e", &r)
	if now.Function(v.space, "f") == nil || now.EventType(v.space, "e") == nil || now.CORSRecord(v.space, "GET%2Fa") == nil || len(r.Async) != 1 || now.Corrupt() > 0 {
		t.Errorf("records of an older version are not served: %d deliveries, %d unreadable", len(r.Async), now.Corrupt())
	}
	f, err := rules.DecodeFunction([]byte(`{"functionId":"today","type":"http","provider":{"url":"http://localhost:2"}}`), v.space, "")
	if err == nil {
		_, err = config.CreateFunction(v.ctx, f)
	}
	if err != nil {
		t.Error(err)
	}
	items, _, err := s.Load(v.ctx, v.realm)
	if err != nil || len(items) != len(written)+1 {
		t.Fatal(len(items), err)
	}
	for _, item := range items {
		if value, older := written[item.Key]; older && (item.Rev != before.Rev || string(item.Value) != value) {
			t.Errorf("%s is now %q", item.Key, item.Value)
		}
	}
}

// gateway reads the realm as gateways do.
func (v versions) gateway(t *testing.T, s store.Store) (*store.Live, *store.Config, *store.Rules) {
	t.Helper()
	rules := rules()
	live := store.NewLive(s, v.realm, rules, slog.New(slog.DiscardHandler))
	if err := live.CatchUp(v.ctx); err != nil {
		t.Fatal(err)
	}
	return live, store.NewConfig(s, live, rules), rules
}

func (v versions) survive(t *testing.T) {
	named := func(s, name string) string {
		return strings.ReplaceAll(strings.ReplaceAll(s, "SPACE", v.space), "NAME", name)
	}
	written := map[string]string{ // this version can make nothing of these
		"functions/" + v.space + "/odd": named(`{"space":"SPACE","functionId":"odd","type":"quantum","provider":{}}`, ""),
		"plans/" + v.space + "/x":       `{"a kind":"that this version does not have"}`,
		v.space:                         "no JSON\x00",
	}
	left := map[string][]string{} // of those that are changed
	for _, r := range newerRecords() {
		written[named(r.key, "kept")] = named(r.value, "kept")
		written[named(r.key, "changed")] = named(r.value, "changed")
		left[named(r.key, "changed")] = r.left
	}
	s := v.Open()
	before := v.write(t, s, written)
	v.change(t, s)

	items, _, err := s.Load(v.ctx, v.realm)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, item := range items {
		value, ours := written[item.Key]
		if !ours {
			continue // of another test of the shared realm
		}
		found++
		changed := item.Rev != before.Rev || string(item.Value) != value
		if changed != (left[item.Key] != nil) {
			t.Errorf("%s is now %q of revision %d; it was written at %d", item.Key, item.Value, item.Rev, before.Rev)
		}
		for _, member := range left[item.Key] {
			if !strings.Contains(string(item.Value), member) {
				t.Errorf("%s is now %s, without %s", item.Key, item.Value, member)
			}
		}
	}
	if found != len(written) {
		t.Errorf("%d of %d records are there", found, len(written))
	}
}

// write commits records as they are, as another version would.
func (v versions) write(t *testing.T, s store.Store, records map[string]string) store.Head {
	t.Helper()
	_, head, err := s.Load(v.ctx, v.realm)
	if err != nil {
		t.Fatal(err)
	}
	c := store.Commit{ID: newID()}
	for key, value := range records {
		c.Ops = append(c.Ops, put(key, value))
	}
	if head, err = s.Commit(v.ctx, v.realm, head, c); err != nil {
		t.Fatal(err)
	}
	return head
}

// change updates the records of that name, as people do who send what this version knows.
func (v versions) change(t *testing.T, s store.Store) {
	t.Helper()
	_, config, rules := v.gateway(t, s)
	f, err := rules.DecodeFunction([]byte(`{"type":"http","provider":{"url":"http://localhost:2"}}`), v.space, "changed")
	if err == nil {
		_, err = config.UpdateFunction(v.ctx, f, nil)
	}
	if err != nil {
		t.Error(err)
	}
	sub, err := rules.DecodeSubscription([]byte(`{"event":"changed","functionId":"f","path":"/","cors":{}}`), v.space)
	if err == nil {
		_, err = config.UpdateSubscription(v.ctx, sub.ID, sub, nil)
	}
	if err != nil {
		t.Error(err)
	}
	typ, err := rules.DecodeEventType([]byte(`{"metadata":{"a":"b"}}`), v.space, "changed")
	if err == nil {
		_, err = config.UpdateEventType(v.ctx, typ, nil)
	}
	if err != nil {
		t.Error(err)
	}
	cors, err := rules.DecodeCORS([]byte(`{"method":"GET","path":"/changed","metadata":{"a":"b"}}`), v.space)
	if err == nil {
		_, err = config.UpdateCORS(v.ctx, cors.ID, cors, nil)
	}
	if err != nil {
		t.Error(err)
	}
}
