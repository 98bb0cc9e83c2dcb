package invoke_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

func decodeHTTP(settings string) (*store.Function, error) {
	body := `{"functionId":"f","type":"http","provider":{` + settings + `}}`
	return store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil).DecodeFunction([]byte(body), "default", "")
}

// TestHTTPSettings: what a function of type http may have set, and what is said of the rest.
func TestHTTPSettings(t *testing.T) {
	t.Parallel()
	f := func(settings, want string) {
		t.Helper()
		_, err := decodeHTTP(settings)
		message := ""
		if err != nil {
			message = strings.TrimPrefix(err.Error(), "Function doesn't validate. Validation error: ")
		}
		if message != want {
			t.Errorf("%.300s\ngot  %s\nwant %s", settings, message, want)
		}
	}
	const absolute = "provider.url must be an absolute URL that begins with http:// or https://"
	f(`"url":"http://localhost:8080/a?b=c"`, "")
	f(`"url":"https://[::1]:443"`, "")
	f(`"method":"PUT"`, "missing required fields for HTTP endpoint")
	f(`"url":"localhost:8080"`, absolute)
	f(`"url":"ftp://localhost"`, absolute)
	f(`"url":"http:///a"`, absolute)
	f(`"url":"http://:80/a"`, absolute)
	f(`"url":"http://a:99999"`, "provider.url has a port that is none: it is a number up to 65535")
	f(`"url":"http://a:b@c"`, "provider.url must not contain a user or a password: it is shown to everybody who may read the configuration")
	f(`"url":"http://a","kind":"x"`, `unknown member "kind" of the provider of type http`)
	f(`"url":"http://a","auth":{"token":"x"}`, `unknown member "auth.token" of the provider of type http`)
	f(`"url":"http://a","headers":{"X-A":1}`, "provider.headers.X-A must be a string")
	f(`"url":"http://a","tls":true`, "provider.tls must be an object")

	with := func(settings, want string) { t.Helper(); f(`"url":"http://a",`+settings, want) }
	for _, method := range []string{"POST", "PUT", "PATCH", ""} {
		with(`"method":"`+method+`"`, "")
	}
	for _, method := range []string{"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "PO ST", "QUERY"} {
		with(`"method":"`+method+`"`, fmt.Sprintf("provider.method is %q, it can be POST, PUT or PATCH: the event is the body", method))
	}
	for _, d := range []string{"10s", "2.5s", "100ms", "50s", ""} {
		with(`"timeout":"`+d+`"`, "")
	}
	for _, d := range []string{"99ms", "51s", "50.1s", "1h", "-1s", "10", "soon"} {
		with(`"timeout":"`+d+`"`, fmt.Sprintf("provider.timeout is %q, it must be a time from 100ms to 50s, such as 2.5s", d))
	}
	with(`"timeout":5`, "provider.timeout must be a string")
}

func TestHTTPHeaderSettings(t *testing.T) {
	t.Parallel()
	f := func(headers, want string) {
		t.Helper()
		_, err := decodeHTTP(`"url":"http://a",` + headers)
		message := ""
		if err != nil {
			message = strings.TrimPrefix(err.Error(), "Function doesn't validate. Validation error: ")
		}
		if message != want {
			t.Errorf("%.300s\ngot  %s\nwant %s", headers, message, want)
		}
	}
	f(`"headers":{}`, "provider.headers has no settings: give it some, or leave it out")
	f(`"headers":{"X-A":"1","x-b":"a b","User-Agent":"shop","Accept":"*/*","Cookie":"a=b","X-Umlaut":"ü"}`, "")
	f(`"headers":{"X-A":"****"}`, "")
	f(`"headers":{"X-A":"1","x-a":"2"}`, "provider.headers has X-A twice")
	for _, name := range []string{
		"Host", "host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Upgrade", "Expect",
		"Content-Type", "Content-Encoding", "Eventgateway-Lineage", "Traceparent", "Tracestate", "webhook-id", "Webhook-Signature", "Webhook-X",
		"ce-id", "CE-X-Name", "Idempotency-Key", "X-Idempotency-Key",
	} {
		for _, n := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			_, err := decodeHTTP(fmt.Sprintf(`"url":"http://a","headers":{%q:"very-secret"}`, n))
			if err == nil || !strings.HasSuffix(err.Error(), ": it is for the gateway to set") || strings.Contains(err.Error(), "very-secret") {
				t.Errorf("%s: %v", n, err)
			}
		}
	}
	for _, name := range []string{"", " ", "X A", "X:A", "X\\nA", "Ü", ":path", strings.Repeat("x", 129)} {
		shown := strings.ReplaceAll(name, "\\n", "\n")
		f(`"headers":{"`+name+`":"1"}`, fmt.Sprintf("provider.headers has %.40q, which is no name of a header", shown))
	}
	for _, value := range []string{"", " ", " a", "a ", "a\\nb", "a\\r\\nHost: b", "\\u0000", strings.Repeat("v", 8<<10+1)} {
		f(`"headers":{"X-A":"`+value+`"}`, "provider.headers.X-A is empty, too long, or has characters that no header can have")
	}
	many := func(n, size int) string {
		headers := map[string]string{}
		for i := range n {
			headers[fmt.Sprintf("X-%02d", i)] = strings.Repeat("v", size)
		}
		text, _ := json.Marshal(headers)
		return `"headers":` + string(text)
	}
	const tooMany = "provider.headers has more than 32 headers, or more than 16384 bytes"
	f(many(32, 500), "")
	f(many(33, 1), tooMany)
	f(many(32, 510), tooMany)

	f(`"auth":{"bearer":"a.b-c_d~e+f/g=="}`, "")
	f(`"auth":{"bearer":"****"}`, "")
	f(`"auth":{"bearer":"a b"}`, "provider.auth.bearer is too long, or has characters that no token can have")
	f(`"auth":{"bearer":"a\nb"}`, "provider.auth.bearer is too long, or has characters that no token can have")
	f(`"auth":{"basic":{"username":"a","password":"b: ü"}}`, "")
	f(`"auth":{"basic":{"username":"a","password":"****"}}`, "")
	f(`"auth":{"basic":{"username":"a"}}`, "provider.auth.basic needs a username and a password")
	f(`"auth":{"basic":{"password":"a"}}`, "provider.auth.basic needs a username and a password")
	const odd = "provider.auth.basic is too long, or has control characters, or its username has a colon"
	f(`"auth":{"basic":{"username":"a:b","password":"c"}}`, odd)
	f(`"auth":{"basic":{"username":"a","password":"c\n"}}`, odd)
	f(`"auth":{"basic":{"username":"a","password":"`+strings.Repeat("p", 8<<10)+`"}}`, odd)
	f(`"auth":{"bearer":"a","basic":{"username":"a","password":"b"}}`, "provider.auth must have either bearer or basic")
	const both = "provider.auth and the header Authorization of provider.headers are the same: leave one of them out"
	f(`"auth":{"bearer":"a"},"headers":{"authorization":"b"}`, both)
	f(`"auth":{"basic":{"username":"a","password":"b"}},"headers":{"Authorization":"****"}`, both)
	f(`"headers":{"Authorization":"b"}`, "")
}

func TestHTTPSigningSettings(t *testing.T) {
	t.Parallel()
	secret := func(bytes int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", bytes)))
	}
	f := func(name, secret, want string) {
		t.Helper()
		_, err := decodeHTTP(fmt.Sprintf(`"url":"http://a","signing":{%q:%q}`, name, secret))
		if message := fmt.Sprint(err); err != nil && !strings.HasSuffix(message, ": "+want) || (err == nil) != (want == "") {
			t.Errorf("%s %s\ngot  %v\nwant %s", name, secret, err, want)
		}
	}
	const form = "provider.signing.a must be whsec_ and the base64 of 24 to 64 bytes"
	f("a", secret(24), "")
	f("a", secret(25), "")
	f("a", secret(64), "")
	f("a", "****", "")
	f("2026-11.new_one", secret(32), "")
	f("a", secret(23), form)
	f("a", secret(65), form)
	f("a", "", form)
	f("a", "whsec_", form)
	f("a", strings.TrimPrefix(secret(24), "whsec_"), form)
	f("a", secret(24)[:20]+"\n"+secret(24)[20:], form)
	f("a", strings.TrimRight(secret(25), "="), form)
	f("a", strings.Replace(secret(24), "a", "_", 1)+"-", form)
	f("a", "whsk_"+strings.TrimPrefix(secret(24), "whsec_"), form)
	for _, name := range []string{"", "a b", "ü", "a,b", strings.Repeat("n", 65)} {
		f(name, secret(24), fmt.Sprintf("provider.signing has the name %.40q, it can have letters, digits, dots, hyphens and underscores, at most 64", name))
	}
	all := map[string]string{}
	for i := range 8 {
		all[fmt.Sprint("k", i)] = secret(24)
	}
	for _, want := range []bool{true, false} {
		text, _ := json.Marshal(all)
		if _, err := decodeHTTP(`"url":"http://a","signing":` + string(text)); (err == nil) != want {
			t.Errorf("%d secrets: %v", len(all), err)
		}
		all["k8"] = secret(24)
	}
}

func TestHTTPTLSSettings(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	certificate, key := a.client("one")
	_, other := a.client("two")
	expired, expiredKey, _, _ := a.issue(&x509.Certificate{NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)})
	f := func(url string, settings map[string]string, want string) {
		t.Helper()
		text, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		_, err = decodeHTTP(fmt.Sprintf(`"url":%q,"tls":%s`, url, text))
		if message := fmt.Sprint(err); err != nil && !strings.HasSuffix(message, "Validation error: "+want) || (err == nil) != (want == "") {
			t.Errorf("%.200s\ngot  %v\nwant %s", text, err, want)
		}
	}
	of := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	const (
		both    = "provider.tls.certificate and provider.tls.key must both be there or neither"
		wrong   = "provider.tls.key must be the key of the first of provider.tls.certificate, as PEM without a password"
		badCA   = "provider.tls.ca must be certificates as PEM, at most 32, and nothing else"
		badCert = "provider.tls.certificate must be certificates as PEM, at most 32, and nothing else"
	)
	f("https://a", of(), "provider.tls has no settings: give it some, or leave it out")
	f("https://a", of("ca", a.pem), "")
	f("https://a", of("ca", "\n"+a.pem+"\n"+certificate+"\n\n"), "")
	f("https://a", of("certificate", certificate, "key", key), "")
	f("https://a", of("certificate", certificate+a.pem, "key", key, "ca", a.pem), "")
	f("https://a", of("certificate", certificate, "key", "****"), "")
	f("https://a", of("certificate", expired, "key", expiredKey), "") // it may be renewed there, and the other side says so
	f("http://a", of("ca", a.pem), "provider.tls is only for a provider.url that begins with https://")
	f("https://a", of("certificate", certificate), both)
	f("https://a", of("key", key), both)
	f("https://a", of("certificate", certificate, "key", other), wrong)
	f("https://a", of("certificate", a.pem+certificate, "key", key), wrong)
	f("https://a", of("certificate", certificate, "key", certificate), wrong)
	f("https://a", of("certificate", certificate, "key", "x"), wrong)
	f("https://a", of("certificate", key, "key", key), badCert)
	f("https://a", of("certificate", certificate+key, "key", key), badCert)
	f("https://a", of("ca", "x"), badCA)
	f("https://a", of("ca", a.pem+"x"), badCA)
	f("https://a", of("ca", key), badCA)
	f("https://a", of("ca", strings.Repeat(a.pem, 33)), badCA)
	f("https://a", of("ca", " \n"), "provider.tls.ca has no certificates")
	f("https://a", of("ca", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "provider.tls.ca has a certificate that cannot be read")
	f("https://a", of("ca", strings.Repeat("x", 32<<10+1)), "provider.tls.ca has more than 32768 bytes")
}

// TestHTTPMasked: secrets are never read back. What stands for one is fine to register, and of no use to call with.
func TestHTTPMasked(t *testing.T) {
	t.Parallel()
	for name, e := range endpoints(t) {
		f := httpFunction(t, `{"url":"https://a"`+e.settings+`}`)
		text, err := json.Marshal(f.Provider.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, shown := range []string{f.Provider.String(), fmt.Sprintf("%v %+v %#v %s", f.Provider, f.Provider, f.Provider, f.Provider), f.Provider.LogValue().String(), string(text)} {
			for _, secret := range e.secrets {
				if strings.Contains(shown, secret) {
					t.Errorf("%s: %q is in %s", name, secret, shown)
				}
			}
			if masked := strings.Contains(shown, store.Masked); masked != (len(e.secrets) > 0) {
				t.Errorf("%s: %s", name, shown)
			}
		}
	}
	certificate, key := newAuthority(t).client("a")
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	f := func(settings, want string) {
		t.Helper()
		_, err := open(t, invoke.EgressOptions{}, httpFunction(t, `{"url":"https://a",`+settings+`}`))
		if fmt.Sprint(err) != want {
			t.Errorf("%.100s\ngot  %v\nwant %s", settings, err, want)
		}
	}
	f(`"signing":{"a":"****"}`, `provider.signing.a: it is "****", which is no secret`)
	f(`"tls":{"certificate":`+quoted(certificate)+`,"key":"****"}`, `provider.tls.key: it is "****", which is no secret`)
	f(`"tls":{"certificate":`+quoted(certificate)+`,"key":`+quoted(key)+`}`, "<nil>")
}

// TestHTTPFields: each secret of the type is marked as one.
func TestHTTPFields(t *testing.T) {
	t.Parallel()
	got := map[string]bool{}
	var walk func(prefix string, fields []store.Field)
	walk = func(prefix string, fields []store.Field) {
		for _, f := range fields {
			if f.Members != nil {
				walk(prefix+f.Name+".", f.Members)
				continue
			}
			got[prefix+f.Name] = f.Secret
		}
	}
	for _, typ := range invoke.FunctionTypes(invoke.GatewayCredentials) {
		if typ.Name == "http" {
			walk("", typ.Fields)
		}
	}
	want := map[string]bool{
		"url": false, "method": false, "timeout": false, "headers": true, "auth.bearer": true, "auth.basic.username": false, "auth.basic.password": true,
		"tls.ca": false, "tls.certificate": false, "tls.key": true, "signing": true,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
