package event

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	f := func(want bool, names ...string) {
		t.Helper()
		for _, name := range names {
			for _, name := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
				if got := Credentials(name); got != want {
					t.Errorf("Credentials(%q) = %v", name, got)
				}
			}
		}
	}
	f(true, "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Api-Key", "X-Auth-Token", "X-Amz-Security-Token", "X-Csrf-Token",
		"X-Functions-Key", "Eventgateway-Lineage", "X-My-Secret-Thing", "Password", "X_Api_Key", "Apikey", "X-Goog-Iap-Jwt-Assertion", "Ocp-Apim-Subscription-Key", "X-Forwarded-Authorization")
	f(false, "", "Accept", "Content-Type", "X-Request-Id", "Traceparent", "Key", "X-Author", "Event")
}

func TestD_SystemEventsShowNoCredentials(t *testing.T) {
	t.Parallel()
	r := request("POST", "/", "", "Authorization: hidden", "x-api-key: hidden", "Cookie: hidden", "X-Auth-Token: hidden", "Accept: shown")
	e, err := FromRequest(r, "/", nil, received)
	if err != nil {
		t.Fatal(err)
	}
	e.Lineage, e.Authorization = "hidden", []byte(`{"principalId":"hidden"}`)
	before := string(e.Append(nil, CloudEvents, Params{}))
	s := System{Name: Received, Event: e, Headers: CopyHeaders(r.Header)}
	seed, v09 := NewSystem(&s, false, received)
	for _, one := range []*Event{seed, v09} {
		for _, f := range formats {
			if out := string(one.Append(nil, f, Params{})); strings.Contains(out, "hidden") || strings.Count(out, "shown") != 2 {
				t.Errorf("got %s", out)
			}
		}
	}
	if after := string(e.Append(nil, CloudEvents, Params{})); after != before || strings.Count(after, "hidden") != 6 {
		t.Errorf("the event was changed: %s", after)
	}
	if len(s.Headers) != 5 || s.Event != e {
		t.Errorf("what was given was changed: %+v", s)
	}
}

func TestNewSystem(t *testing.T) {
	t.Parallel()
	e, err := parse(`{`+required+`}`, structured10, trace)
	if err != nil {
		t.Fatal(err)
	}
	seed, v09 := NewSystem(&System{Name: Invoked, Event: e, Result: make([]byte, 1000)}, false, received)
	if seed.ID != v09.ID || len(seed.ID) != 36 || seed.ID[14] != '4' || seed.Kind != SystemEvent || v09.Kind != SystemEvent {
		t.Errorf("got %+v and %+v", seed, v09)
	}
	if seed.Type != "gateway.function.invoked" || v09.Type != "eventgateway.function.invoked" || seed.Source != "/" || !Reserved(seed.Type) || !Reserved(v09.Type) {
		t.Errorf("got %+v and %+v", seed, v09)
	}
	if seed.Size < e.Size+1000 || seed.Size > e.Size+1100 || seed.TraceParent != e.TraceParent {
		t.Errorf("got %+v", seed)
	}
	again, _ := NewSystem(&System{Name: Invoked}, false, received)
	if again.ID == seed.ID || !json.Valid(again.Append(nil, Native, Params{})) {
		t.Errorf("got %+v", again)
	}
}

func TestSystemResult(t *testing.T) {
	t.Parallel()
	f := func(result, want, compat string) {
		t.Helper()
		for _, c := range []bool{false, true} {
			seed, _ := NewSystem(&System{Name: Invoked, Result: []byte(result)}, c, received)
			for _, f := range formats {
				out := seed.Append(nil, f, Params{})
				if !json.Valid(out) || !strings.Contains(string(out), `"event":null,"result":`+want+"}") {
					t.Errorf("%q, compat %v: got %s", result, c, out)
				}
			}
			want = compat
		}
	}
	f(`{"a": 1}`+"\n", `{"a": 1}`, `"eyJhIjogMX0K"`)
	f(`12`, `12`, `"MTI="`)
	f(`"s"`, `"s"`, `"InMi"`)
	f(`hi "you"`, `"hi \"you\""`, `"aGkgInlvdSI="`)
	f("\xff", `"/w=="`, `"/w=="`)
	f("\"\xff\"", `"Iv8i"`, `"Iv8i"`)
	f("", `""`, `""`)
}

// TestSystemAllocations: the work is done once, not in each delivery.
func TestSystemAllocations(t *testing.T) {
	e, err := parse("hi", "Content-Type: text/plain", "Authorization: x")
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := NewSystem(&System{Name: Invoked, Event: e, Result: []byte(`{}`)}, false, received)
	dst := make([]byte, 0, 8<<10)
	for _, f := range formats {
		if got := testing.AllocsPerRun(100, func() { dst = seed.Append(dst[:0], f, Params{}) }); got != 0 {
			t.Errorf("%s: %v allocations", f, got)
		}
	}
}

func TestCopyHeaders(t *testing.T) {
	t.Parallel()
	r := request("GET", "/", "", "B: 1", "A: 2", "B: 3")
	got := CopyHeaders(r.Header)
	if want := []Header{{"A", "2"}, {"B", "1, 3"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
