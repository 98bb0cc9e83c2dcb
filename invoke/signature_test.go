package invoke_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestWebhookSignatures: what arrives is what the project of the specification signs itself, with each secret, in the order of their names.
func TestWebhookSignatures(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{"b": newSecret, "a": oldSecret, "c": "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff\xfb", 32)))}
	var settings []string
	for name, secret := range secrets {
		settings = append(settings, fmt.Sprintf("%q:%q", name, secret))
	}
	for _, body := range []string{"", "{}", "ü\x00\xff", strings.Repeat("large", 1<<20)} {
		var header http.Header
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { header = r.Header }))
		began := time.Now().Unix()
		call := mustOpen(t, httpFunction(t, fmt.Sprintf(`{"url":%q,"signing":{%s}}`, s.URL, strings.Join(settings, ","))))
		_, err := call(t.Context(), payload(body))
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		at, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
		if err != nil || at < began || at > time.Now().Unix() {
			t.Errorf("the time is %q: %v", header.Get("webhook-timestamp"), err)
		}
		var want []string
		for _, name := range []string{"a", "b", "c"} {
			w, err := standardwebhooks.NewWebhook(secrets[name])
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Verify([]byte(body), header); err != nil {
				t.Error(name, err)
			}
			if w.Verify([]byte(body+"x"), header) == nil {
				t.Error("another body has the same signature")
			}
			signature, err := w.Sign(header.Get("webhook-id"), time.Unix(at, 0), []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, signature)
		}
		if got := header.Get("webhook-signature"); got != strings.Join(want, " ") {
			t.Errorf("got  %s\nwant %s", got, strings.Join(want, " "))
		}
	}
}

// TestWebhookNode: the library that most receivers have takes the signatures, whichever of two secrets it knows, and no others.
func TestWebhookNode(t *testing.T) {
	t.Parallel()
	receiver := servers.Node(t, "testdata/webhooks", "receiver.js")
	f := func(signing, known, body string, want int) {
		t.Helper()
		call := mustOpen(t, httpFunction(t, fmt.Sprintf(`{"url":"%s/%s","signing":%s}`, receiver, strings.ReplaceAll(known, "/", "%2F"), signing)))
		a, err := call(t.Context(), payload(body))
		if err != nil || a.Status != want {
			t.Errorf("%s, %s: %v %v", signing, known, a, err)
		}
	}
	one, both := fmt.Sprintf(`{"a":%q}`, oldSecret), fmt.Sprintf(`{"a":%q,"b":%q}`, oldSecret, newSecret)
	f(one, oldSecret, `{"n":"ü"}`, 204)
	f(one, newSecret, `{}`, 401)
	f(both, oldSecret, `{}`, 204)
	f(both, newSecret, `{}`, 204)
	f(`{"b":"`+newSecret+`"}`, oldSecret, `{}`, 401)
	long := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff\xfb", 32)))
	f(fmt.Sprintf(`{"a":%q}`, long), long, `"`+strings.Repeat("x", 1<<20)+`"`, 204)
}

// TestWebhookID: the id is never the sender's.
func TestWebhookID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen[r.Header.Get("webhook-id")] = true }))
	t.Cleanup(s.Close)
	call := mustOpen(t, httpFunction(t, fmt.Sprintf(`{"url":%q,"signing":{"a":%q}}`, s.URL, oldSecret)))
	for range 3 {
		p := invoke.Payload{Header: http.Header{"Ce-Id": {"id-1"}}, Body: []byte("{}")}
		if _, err := call(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if len(p.Header) != 1 {
			t.Errorf("the header that deliveries share has %v", p.Header)
		}
	}
	if len(seen) != 3 || seen["id-1"] || seen[""] {
		t.Error(seen)
	}
}
