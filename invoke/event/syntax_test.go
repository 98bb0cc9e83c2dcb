package event

import "testing"

func TestURIReference(t *testing.T) {
	t.Parallel()
	f := func(s string, reference, uri bool) {
		t.Helper()
		if got := isURIReference(s); got != reference {
			t.Errorf("isURIReference(%q) = %v", s, got)
		}
		if got := isURI(s); got != uri {
			t.Errorf("isURI(%q) = %v", s, got)
		}
	}
	f("https://user@example.com:80/a/b;c?d=e/?#f/?", true, true)
	f("https://[2001:db8::1]:80/", true, true)
	f("https://serverless.com/event-gateway/#transformationVersion=0.1", true, true)
	f("mailto:cncf@example.org", true, true)
	f("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", true, true)
	f("a:", true, true)
	f("cloudevents/spec/pull/123", true, false)
	f("/sensors/tn-1234567/alerts", true, false)
	f("1-555-123-4567", true, false)
	f("//host", true, false)
	f("?q", true, false)
	f("#f", true, false)
	f("./a:b", true, false)
	f("", true, false)
	f("%41", true, false)
	f("1a:b", false, false)
	f(":a", false, false)
	f("a b", false, false)
	f("a#b#c", false, false)
	f("/[a]", false, false)
	f("//[bad", false, false)
	f("http://[::1", false, false)
	f("//a]b", false, false)
	f("//[::1][::1]", false, false)
	f("/%4", false, false)
	f("/%zz", false, false)
	f("/é", false, false)
	f(`/\`, false, false)
	f("/<a>", false, false)
	f("a\x00", false, false)
}

func TestMediaType(t *testing.T) {
	t.Parallel()
	f := func(s string, want bool) {
		t.Helper()
		if got := isMediaType(s); got != want {
			t.Errorf("isMediaType(%q) = %v", s, got)
		}
	}
	f("text/plain", true)
	f("application/vnd.a-b+json; charset=\"utf 8\"; x", true)
	f("text/plain ;", true)
	f("text", false)
	f("/plain", false)
	f("text/", false)
	f("text/pl ain", false)
	f("text/a/b", false)
	f("text/plain, text/html", false)
	f("text/plain; \x01", false)
	f("text/plain; \xff", false)
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	f := func(s string, want int64) {
		t.Helper()
		if got, ok := parseTime(s); !ok || got.UnixMilli() != want {
			t.Errorf("%s: got %v, %v; want %d", s, got, ok, want)
		}
	}
	bad := func(s string) {
		t.Helper()
		if got, ok := parseTime(s); ok {
			t.Errorf("%s: got %v", s, got)
		}
	}
	f("1970-01-01T00:00:00Z", 0)
	f("1970-01-01t00:00:00.1z", 100)
	f("1970-01-01T00:00:00.123999999999999999Z", 123)
	f("1970-01-01T00:00:00+01:30", -90*60*1000)
	f("1970-01-01T00:00:00-23:59", (24*60-1)*60*1000)
	f("0000-01-01T00:00:00-00:00", -62167219200000)
	bad("")
	bad("Z")
	bad("1970-01-01")
	bad("1970-01-01T00:00:00")
	bad("1970-01-01 00:00:00Z")
	bad("1970-01-01T0:00:00Z")
	bad("1970-01-01T00:00:00,5Z")
	bad("1970-01-01T00:00:00.Z")
	bad("1970-01-01T00:00:00.1.2Z")
	bad("1970-01-01T00:00:00Z+01:00")
	bad("1970-01-01T00:00:00+24:00")
	bad("1970-01-01T00:00:00+01:60")
	bad("1970-01-01T00:00:00+0100")
	bad("1970-01-01T00:00:00*01:00")
	bad("1970-01-01T24:00:00Z")
	bad("1970-02-29T00:00:00Z")
	bad("1970-13-01T00:00:00Z")
	bad("19700-01-01T00:00:00Z")
}
