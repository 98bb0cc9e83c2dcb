package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/keyring"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// marker begins each secret of these tests. It may stand nowhere but in an opened function.
const marker = "TOP-SECRET-"

// richTypes are two types of functions that have settings of all kinds.
func richTypes() []store.FunctionType {
	fields := []store.Field{
		{Name: "url", Required: true},
		{Name: "key", Secret: true, Words: []string{"ambient"}},
		{Name: "host", Address: true},
		{Name: "async", Kind: store.Flag},
		{Name: "headers", Kind: store.Map, Secret: true},
		{Name: "labels", Kind: store.Map},
		{Name: "auth", Kind: store.Object, Members: []store.Field{
			{Name: "bearer", Secret: true},
			{Name: "basic", Kind: store.Object, Members: []store.Field{{Name: "username"}, {Name: "password", Secret: true}}},
		}},
	}
	return []store.FunctionType{{Name: "rich", Title: "rich function", Fields: fields}, {Name: "other", Title: "other function", Fields: fields}}
}

// vault is a gateway's configuration with keys.
type vault struct {
	t      *testing.T
	store  store.Store
	config *store.Config
	keys   *keyring.Keys
}

func newVault(t *testing.T, s store.Store, keys *keyring.Keys) *vault {
	t.Helper()
	rules := store.NewRules(richTypes(), false, keys)
	live := store.NewLive(s, store.Shared, rules, slog.New(slog.DiscardHandler))
	if err := live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &vault{t, s, store.NewConfig(s, live, rules), keys}
}

func newKeys(t testing.TB) *keyring.Keys {
	t.Helper()
	keys, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (v *vault) create(id, provider string) (*store.Function, error) {
	f, err := v.config.Rules().DecodeFunction(fmt.Appendf(nil, `{"functionId":%q,"type":"rich","provider":%s}`, id, provider), "acme", "")
	if err != nil {
		return nil, err
	}
	return v.config.CreateFunction(v.t.Context(), f)
}

func (v *vault) update(id, kind, provider string) (*store.Function, error) {
	f, err := v.config.Rules().DecodeFunction(fmt.Appendf(nil, `{"type":%q,"provider":%s}`, kind, provider), "acme", id)
	if err != nil {
		return nil, err
	}
	return v.config.UpdateFunction(v.t.Context(), f, nil)
}

// wants looks at a function that was written: how it is shown, what it is called with, and that no secret is anywhere else.
func (v *vault) wants(f *store.Function, err error) func(shown string, opened ...string) {
	v.t.Helper()
	return func(shown string, opened ...string) {
		v.t.Helper()
		if err != nil {
			v.t.Fatal(err)
		}
		if got := f.Provider.String(); got != shown {
			v.t.Errorf("shown\n%s\nwant\n%s", got, shown)
		}
		s, err := f.Open(v.keys)
		if err != nil || s.Space != "acme" || s.Function != f.ID {
			v.t.Fatal(s, err)
		}
		for path, want := range pairs(opened) {
			if got := s.Text(strings.Split(path, "/")...); got != want {
				v.t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		items, _, err := v.store.Load(v.t.Context(), store.Shared)
		if err != nil {
			v.t.Fatal(err)
		}
		for _, item := range items {
			if strings.Contains(string(item.Value), marker) {
				v.t.Errorf("the store has %s", item.Value)
			}
		}
		for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", f.Provider, f.Provider, f.Provider, f.Provider), s.String()} {
			if strings.Contains(text, marker) {
				v.t.Errorf("a secret is printed: %s", text)
			}
		}
	}
}

func pairs(list []string) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for i := 0; i+1 < len(list); i += 2 {
			if !yield(list[i], list[i+1]) {
				return
			}
		}
	}
}

const (
	allSettings = `{"url":"u","key":"` + marker + `1","async":true,"headers":{"X-B":"` + marker + `3","X-A.b":"` + marker + `2"},"labels":{"l":"m"},` +
		`"auth":{"basic":{"username":"max","password":"` + marker + `5"},"bearer":"` + marker + `4"}}`
	allShown = `{"url":"u","key":"****","async":true,"headers":{"X-A.b":"****","X-B":"****"},"labels":{"l":"m"},` +
		`"auth":{"bearer":"****","basic":{"username":"max","password":"****"}}}`
)

func TestSettings(t *testing.T) {
	v := newVault(t, memory.New(), newKeys(t))
	all := []string{
		"url", "u", "key", marker + "1", "async", "true", "headers/X-A.b", marker + "2", "headers/X-B", marker + "3", "labels/l", "m",
		"auth/bearer", marker + "4", "auth/basic/username", "max", "auth/basic/password", marker + "5",
	}
	v.wants(v.create("f", allSettings))(allShown, all...)
	// What was read can be sent back.
	v.wants(v.update("f", "rich", allShown))(allShown, all...)
	v.wants(v.update("f", "other", allShown))(allShown, all...)
	// Some are kept, some are new, some go.
	v.wants(v.update("f", "rich", `{"url":"v","key":"`+marker+`6","headers":{"X-B":"****","X-C":"`+marker+`7"},"auth":{"basic":{"username":"eva","password":"****"}}}`))(
		`{"url":"v","key":"****","headers":{"X-B":"****","X-C":"****"},"auth":{"basic":{"username":"eva","password":"****"}}}`,
		"key", marker+"6", "headers/X-A.b", "", "headers/X-B", marker+"3", "headers/X-C", marker+"7", "auth/bearer", "", "auth/basic/password", marker+"5", "async", "")
	// Empty ones are none.
	v.wants(v.update("f", "rich", `{"url":"v","key":"","async":false}`))(`{"url":"v"}`)
	v.wants(v.create("g", `{"url":"v","headers":{"X-Empty":""}}`))(`{"url":"v","headers":{"X-Empty":"****"}}`, "headers/X-Empty", "")
}

func TestSettingsRefused(t *testing.T) {
	v := newVault(t, memory.New(), newKeys(t))
	f := func(provider, want string) {
		t.Helper()
		_, err := v.create("f", provider)
		var e *store.Error
		if !errors.As(err, &e) || e.Code != store.Invalid || !strings.Contains(e.Message, want) || strings.Contains(err.Error(), marker) {
			t.Errorf("%s\ngot  %v\nwant %s", provider, err, want)
		}
	}
	f(`{}`, "missing required fields for rich function")
	f(`{"url":1}`, "provider.url must be a string")
	f(`{"url":"u","key":{"sealed":"AAAA"}}`, "provider.key must be a string")
	f(`{"url":"u","async":"true"}`, "provider.async must be true or false")
	f(`{"url":"u","headers":"`+marker+`"}`, "provider.headers must be an object of strings")
	f(`{"url":"u","headers":{"a":1}}`, "provider.headers.a must be a string")
	f(`{"url":"u","headers":{"a":"x","a":"y"}}`, "is not valid JSON")
	f(`{"url":"u","auth":[]}`, "provider.auth must be an object")
	f(`{"url":"u","auth":{"bearer":""}}`, "provider.auth has no settings: give it some, or leave it out")
	f(`{"url":"u","auth":{"basic":{}}}`, "provider.auth.basic has no settings")
	f(`{"url":"u","auth":null}`, "provider.auth has no settings")
	f(`{"url":"u","headers":{}}`, "provider.headers has no settings")
	f(`{"URL":"u"}`, `unknown member "URL" of the provider of type rich`)
	f(`{"url":"u","auth":{"basic":{"password":{"sealed":"`+marker+`"}}}}`, "provider.auth.basic.password must be a string")
	f(`{"url":"u","auth":{"token":"`+marker+`"}}`, `unknown member "auth.token" of the provider of type rich`)
	f(`{"url":"u","key":"****"}`, `provider.key is "****", which stands for the value that the function has, but it has none`)
	f(`{"url":"u","auth":{"basic":{"password":"****"}}}`, `auth.basic.password is "****"`)

	v.wants(v.create("f", `{"url":"u","key":"`+marker+`"}`))(`{"url":"u","key":"****"}`)
	if _, err := v.update("f", "rich", `{"url":"u","auth":{"bearer":"****"}}`); err == nil || !strings.Contains(err.Error(), "provider.auth.bearer is") {
		t.Error(err)
	}
	without := newVault(t, memory.New(), nil)
	if _, err := without.create("f", `{"url":"u","key":"`+marker+`"}`); err == nil || !strings.Contains(err.Error(), "has no keys to seal secrets with") {
		t.Error(err)
	}
	without.wants(without.create("f", `{"url":"u"}`))(`{"url":"u"}`)
}

// TestSealedElsewhere: a sealed value that somebody with access to the store moved to another function or setting does not open.
func TestSealedElsewhere(t *testing.T) {
	v := newVault(t, memory.New(), newKeys(t))
	for _, id := range []string{"f", "g"} {
		v.wants(v.create(id, `{"url":"u","key":"`+marker+id+`","headers":{"a":"`+marker+id+`"}}`))(`{"url":"u","key":"****","headers":{"a":"****"}}`)
	}
	stored := storedText(t, v.store, "functions/acme/f")
	_, sealed, _ := strings.Cut(stored, `"key":`)
	sealed, header, _ := strings.Cut(sealed, `,"headers":{"a":`)
	header, _, _ = strings.Cut(header, `}}`)
	header += "}"
	rules := store.NewRules(richTypes(), false, v.keys)
	f := func(space, id, provider, want string) {
		t.Helper()
		value := fmt.Appendf(nil, `{"space":%q,"functionId":%q,"type":"rich","provider":%s}`, space, id, provider)
		key := "functions/" + space + "/" + id
		s := store.NewSnapshot(rules, store.Shared, []store.Item{{Key: key, Value: value, Rev: 1}}, store.Head{Rev: 1}, func(key string, why error) { t.Error(key, why) })
		opened, err := s.Function(space, id).Open(v.keys)
		switch {
		case want == "" && (err != nil || opened.Text("key") != marker+"f"):
			t.Error(opened.Text("key"), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), marker)):
			t.Errorf("%s %s %s: %v", space, id, provider, err)
		}
	}
	f("acme", "f", `{"url":"u","key":`+sealed+`}`, "")
	f("acme", "g", `{"url":"u","key":`+sealed+`}`, "provider.key: it was sealed for another function or setting")
	f("acm", "ef", `{"url":"u","key":`+sealed+`}`, "provider.key: it was sealed for another")
	f("emca", "f", `{"url":"u","key":`+sealed+`}`, "provider.key: it was sealed for another")
	f("acme", "f", `{"url":"u","headers":{"key":`+sealed+`}}`, "provider.headers.key: it was sealed for another")
	f("acme", "f", `{"url":"u","headers":{"b":`+header+`}}`, "provider.headers.b: it was sealed for another")
	f("acme", "f", `{"url":"u","auth":{"bearer":`+sealed+`}}`, "provider.auth.bearer: it was sealed for another")
}

func storedText(t testing.TB, s store.Store, key string) string {
	t.Helper()
	items, _, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if item.Key == key {
			return string(item.Value)
		}
	}
	t.Fatal("there is no", key)
	return ""
}

// TestSealedStored: what was stored before secrets were sealed works on; what is no sealed secret is a record that cannot be read.
func TestSealedStored(t *testing.T) {
	keys := newKeys(t)
	rules := store.NewRules(richTypes(), false, keys)
	read := func(provider string) (*store.Function, error) {
		var problem error
		item := store.Item{Key: "functions/acme/f", Value: []byte(`{"space":"acme","functionId":"f","type":"rich","provider":` + provider + `}`), Rev: 1}
		s := store.NewSnapshot(rules, store.Shared, []store.Item{item}, store.Head{Rev: 1}, func(_ string, why error) { problem = why })
		return s.Function("acme", "f"), problem
	}
	f, err := read(allSettings)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := f.Open(nil); err != nil || s.Text("auth", "basic", "password") != marker+"5" || f.Provider.String() != allShown {
		t.Error(s.Text("auth", "basic", "password"), err, f.Provider)
	}
	for _, provider := range []string{
		`{"url":"u","key":{}}`, `{"url":"u","key":{"sealed":""}}`, `{"url":"u","key":{"sealed":1}}`, `{"url":"u","key":{"sealed":"***"}}`,
		`{"url":{"sealed":"AAAA"}}`, `{"url":"u","key":[]}`, `{"url":"u","headers":{"sealed":1}}`,
	} {
		if f, err := read(provider); f != nil || err == nil {
			t.Errorf("%s is read: %v", provider, f.Provider)
		}
	}
	// Neither opens, but the record is there, and can be mended.
	for _, provider := range []string{`{"url":"u","key":{"sealed":"AAAA"}}`, `{"url":"u","key":{"sealed":"AQAAAAEAAAA="}}`} {
		f, err := read(provider)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Open(keys); err == nil || !strings.Contains(err.Error(), "which is not among the keys here") {
			t.Error(err)
		}
	}
}

// TestReseal: plain text and old keys give way to the primary key, and what cannot be opened is named and left alone.
func TestReseal(t *testing.T) {
	old := newKeys(t)
	both, err := old.Add()
	if err == nil {
		both, err = both.Promote()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := memory.New()
	v, foreign := newVault(t, s, old), newVault(t, s, newKeys(t))
	for i := range 150 {
		v.wants(v.create(fmt.Sprintf("f%d", i), `{"url":"u","key":"`+marker+`"}`))(`{"url":"u","key":"****"}`)
	}
	v.wants(v.create("none", `{"url":"u"}`))(`{"url":"u"}`)
	if _, err := foreign.create("foreign", `{"url":"u","key":"x"}`); err != nil {
		t.Fatal(err)
	}
	_, head, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	plain := store.Op{Key: "functions/acme/plain", Value: []byte(`{"space":"acme","functionId":"plain","type":"rich","provider":` + allSettings + `}`)}
	if _, err := s.Commit(t.Context(), store.Shared, head, store.Commit{ID: "x", Ops: []store.Op{plain}}); err != nil {
		t.Fatal(err)
	}
	rules := store.NewRules(richTypes(), false, both)
	for i, want := range []int{151, 0} {
		before := heads(t, s)
		done, err := store.Reseal(t.Context(), s, store.Shared, rules)
		if err != nil || done.Functions != 152 || done.Written != want || len(done.Failed) != 1 || !strings.Contains(done.Failed[0].Error(), `function "foreign" of the space "acme"`) {
			t.Fatalf("%d: %+v, %v", i, done, err)
		}
		t.Logf("%d functions in %d commits", done.Written, heads(t, s)-before) // those that wait at once go together
	}
	latest, err := both.PrimaryOnly()
	if err != nil {
		t.Fatal(err)
	}
	v = newVault(t, s, latest)
	for _, id := range []string{"f0", "f149"} {
		v.wants(v.config.Function("acme", id))(`{"url":"u","key":"****"}`, "key", marker)
	}
	v.wants(v.config.Function("acme", "plain"))(allShown, "headers/X-B", marker+"3", "async", "true")
}

func heads(t testing.TB, s store.Store) store.Rev {
	t.Helper()
	_, head, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	return head.Rev
}

// TestCheckedTogether: what a client sends fits what it keeps.
func TestCheckedTogether(t *testing.T) {
	types := richTypes()
	types[0].Check = func(p store.Provider) error {
		if key := p.Text("key"); key != "" && key != store.Masked && !strings.HasPrefix(key, p.Text("url")) {
			return errors.New("the key is for another url")
		}
		return nil
	}
	s, keys := memory.New(), newKeys(t)
	rules := store.NewRules(types, false, keys)
	live := store.NewLive(s, store.Shared, rules, slog.New(slog.DiscardHandler))
	if err := live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := &vault{t, s, store.NewConfig(s, live, rules), keys}
	v.wants(v.create("f", `{"url":"u","key":"u1"}`))(`{"url":"u","key":"****"}`)
	v.wants(v.update("f", "rich", `{"url":"u","key":"****","async":true}`))(`{"url":"u","key":"****","async":true}`, "key", "u1")
	if _, err := v.update("f", "rich", `{"url":"v","key":"****"}`); err == nil || !strings.Contains(err.Error(), "the key is for another url") {
		t.Error(err)
	}
}

// TestKeptForHost: secrets do not follow a function to another host, unless whoever changes it knows them.
func TestKeptForHost(t *testing.T) {
	v := newVault(t, memory.New(), newKeys(t))
	v.wants(v.create("f", `{"url":"u","key":"`+marker+`","host":"https://a.example:443/x"}`))(`{"url":"u","key":"****","host":"https://a.example:443/x"}`)
	f := func(provider string, stays bool) {
		t.Helper()
		_, err := v.update("f", "rich", provider)
		if stays != (err == nil) || err != nil && !strings.Contains(err.Error(), "provider.host is on another host than before") {
			t.Errorf("%s: %v", provider, err)
		}
	}
	f(`{"url":"u","key":"****","host":"https://A.example:443/y?z=1"}`, true)
	f(`{"url":"w","key":"****","host":"a.example:443"}`, true)
	f(`{"url":"u","key":"****","host":"http://a.example:443/x"}`, false)
	f(`{"url":"u","key":"****","host":"https://a.example/x"}`, false)
	f(`{"url":"u","key":"****","host":"https://b.example:443/x"}`, false)
	f(`{"url":"u","key":"****"}`, false)
	f(`{"url":"u","key":"****","host":"%zz"}`, false)
	f(`{"url":"u","key":"new","host":"https://b.example"}`, true)
	f(`{"url":"u","key":"****","host":"https://a.example"}`, false)
	f(`{"url":"u","host":"https://c.example"}`, true)
	f(`{"url":"u","auth":{"bearer":"new"},"host":"https://c.example"}`, true)
	f(`{"url":"u","auth":{"bearer":"****"},"host":"https://d.example"}`, false)
}

// TestWords: a word in the place of a secret is shown, and needs no keys.
func TestWords(t *testing.T) {
	v := newVault(t, memory.New(), nil)
	v.wants(v.create("f", `{"url":"u","key":"ambient"}`))(`{"url":"u","key":"ambient"}`, "key", "ambient")
	v.wants(v.update("f", "rich", `{"url":"v","key":"ambient"}`))(`{"url":"v","key":"ambient"}`, "key", "ambient")
	if _, err := v.update("f", "rich", `{"url":"v","key":"****"}`); err == nil || !strings.Contains(err.Error(), "but it has none") {
		t.Error(err)
	}
}

// TestNewerSettings: what a newer version has set is kept, shown to nobody, and can be sent back; it goes with the type. No key is taken
// away that it may need.
func TestNewerSettings(t *testing.T) {
	s, keys := memory.New(), newKeys(t)
	commitRaw(t, s, map[string]string{
		"functions/acme/f": `{"space":"acme","functionId":"f","type":"rich","provider":{"url":"u","retries":{"sealed":"AAAA"},"auth":{"bearer":"b","scope":"x"}}}`,
		"functions/acme/g": `{"space":"acme","functionId":"g","type":"new","provider":{"key":{"sealed":"AAAA"}}}`,
	})
	v := newVault(t, s, keys)
	const shown = `{"url":"u","auth":{"bearer":"****"}}`
	v.wants(v.config.Function("acme", "f"))(shown)
	v.wants(v.update("f", "rich", shown))(shown, "auth/bearer", "b")
	if stored := storedText(t, s, "functions/acme/f"); !strings.Contains(stored, `"retries":{"sealed":"AAAA"}`) || !strings.Contains(stored, `"scope":"x"`) {
		t.Error(stored)
	}
	done, err := store.Reseal(t.Context(), s, store.Shared, v.config.Rules())
	if err != nil || len(done.Failed) != 2 || !strings.Contains(errors.Join(done.Failed...).Error(), "functions/acme/f: it was written by a newer version") {
		t.Errorf("%+v, %v", done, err)
	}
	v.wants(v.update("f", "other", `{"url":"u","key":"k"}`))(`{"url":"u","key":"****"}`)
	if stored := storedText(t, s, "functions/acme/f"); strings.Contains(stored, "retries") || strings.Contains(stored, "scope") {
		t.Error(stored)
	}
}

// TestSealedAway: a gateway that lacks keys says so, and counts the functions that it cannot call.
func TestSealedAway(t *testing.T) {
	s := memory.New()
	ours := newVault(t, s, newKeys(t))
	for _, id := range []string{"f", "g"} {
		ours.wants(ours.create(id, `{"url":"u","auth":{"bearer":"b"}}`))(`{"url":"u","auth":{"bearer":"****"}}`)
	}
	ours.wants(ours.create("none", `{"url":"u"}`))(`{"url":"u"}`)
	for _, keys := range []*keyring.Keys{newKeys(t), nil} {
		logged := &storetest.Buffer{}
		rules := store.NewRules(richTypes(), false, keys)
		live := store.NewLive(s, store.Shared, rules, slog.New(slog.NewTextHandler(logged, nil)))
		f := func(want int) {
			t.Helper()
			if err := live.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := live.Snapshot().Sealed(); n != want || strings.Count(logged.String(), "do not open") != 1 {
				t.Errorf("%d, want %d\n%s", n, want, logged)
			}
		}
		f(2)
		config := store.NewConfig(s, live, rules)
		if _, err := config.DeleteFunction(t.Context(), "acme", "f", nil); err != nil {
			t.Fatal(err)
		}
		f(1)
		ours = newVault(t, s, ours.keys)
		ours.wants(ours.create("f", `{"url":"u","auth":{"bearer":"b"}}`))(`{"url":"u","auth":{"bearer":"****"}}`)
		f(2)
	}
	if n := ours.snapshot().Sealed(); n != 0 {
		t.Error(n)
	}
}

func (v *vault) snapshot() *store.Snapshot {
	v.t.Helper()
	s, err := v.config.Snapshot()
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}
