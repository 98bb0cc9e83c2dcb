package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/app"
)

const hostedToken = "operators only"

// startHosted returns a gateway whose spaces have hosts below events.example.com and gateway.test. Functions may be on this machine.
func startHosted(t *testing.T, args ...string) *gateway {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(hostedToken), 0o600); err != nil {
		t.Fatal(err)
	}
	g := start(t, append([]string{
		"-hosted-domain=events.example.com", "-hosted-domain=gateway.test", "-config-token-file=" + file, "-egress-allow=127.0.0.0/8,::1",
	}, args...)...)
	g.token = hostedToken
	return g
}

// at sends a request to the host of a space.
func (g *gateway) at(t *testing.T, host, method, path, body string, headers ...string) answer {
	t.Helper()
	return send(t, method, g.events+path, body, append(headers, "Host: "+host)...)
}

// TestZ: in hosted mode a host stands for one space, exactly; what is no such host is nothing.
func TestZ(t *testing.T) {
	t.Parallel()
	g := startHosted(t)
	for _, space := range []string{"acme", "other"} {
		f := answers(t, fmt.Sprintf(`{"body":%q}`, "of "+space))
		g.function(space, "f", f.URL)
		g.subscribe(space, `{"functionId":"f","event":"http","method":"GET","path":"/x"}`)
		g.subscribe(space, `{"functionId":"f","event":"invoke","path":"/"}`)
	}
	for host, want := range map[string]string{
		"acme.events.example.com": "acme", "acme.events.example.com:8080": "acme", "ACME.Events.Example.COM": "acme", "acme.gateway.test": "acme",
		"other.events.example.com": "other", "other.gateway.test:443": "other",

		"events.example.com": "", "acme": "", "localhost": "", "127.0.0.1": "", "[::1]:80": "", "nobody.events.example.com": "",
		"eventsXexample.com": "", "acme.eventsXexample.com": "", "acme-events.example.com": "", "acmeevents.example.com": "", "evil-acme.events.example.com": "",
		"acme.events.example.com.evil.example": "", "acme.evil.example": "", "x.acme.events.example.com": "", ".events.example.com": "",
		"acme.events.example.com.": "", "acme..events.example.com": "", "[acme.events.example.com]:80": "", "acme.events.example.com:http": "", "_.events.example.com": "", "acme_.events.example.com": "", "-acme.events.example.com": "",
		"acme%2e.events.example.com": "", "acme,other.events.example.com": "",
	} {
		a := g.at(t, host, "GET", "/x", "")
		if want == "" && (a.status != 404 || a.message() != "resource not found") || want != "" && (a.status != 200 || a.body != "of "+want) {
			t.Errorf("%q: got %d %s, want %q", host, a.status, a.body, want)
		}
		if a := g.at(t, host, "GET", "/acme/x", ""); a.status != 404 {
			t.Errorf("%q: the path fell back to a space in it: %d %s", host, a.status, a.body)
		}
	}

	invoke := func(host, space string, status int) {
		t.Helper()
		headers := []string{"Event: invoke", "Function-ID: f"}
		if space != "" {
			headers = append(headers, "Space: "+space)
		}
		if a := g.at(t, host, "POST", "/", "", headers...); a.status != status || status == 200 && !strings.Contains(a.body, "of acme") {
			t.Errorf("invoke at %s of space %q: got %d %s, want %d", host, space, a.status, a.body, status)
		}
	}
	invoke("acme.events.example.com", "", 200)
	invoke("acme.events.example.com", "acme", 200)
	invoke("acme.events.example.com", "other", 400)
	invoke("acme.events.example.com", "Acme", 400)
	if a := g.at(t, "acme.events.example.com", "GET", "/x", "", "Space: other"); a.status != 400 {
		t.Errorf("a Space header of another space: %d", a.status)
	}

	g.configure(404, "DELETE", "/v1/spaces/acme/subscriptions/http,POST,%2Fx", "")
	g.configure(204, "DELETE", "/v1/spaces/acme/subscriptions/http,GET,%2Fx", "")
	if a := g.at(t, "acme.gateway.test", "GET", "/x", ""); a.status != 404 {
		t.Errorf("a deleted route answers %d", a.status)
	}
	if a := g.at(t, "other.gateway.test", "GET", "/x", ""); a.body != "of other" {
		t.Errorf("the same route of another space: %d %s", a.status, a.body)
	}
	for _, space := range []string{"Acme", "ac.me", "_", "ac_me", "%2e%2e"} {
		g.configure(400, "POST", "/v1/spaces/"+space+"/functions", `{"functionId":"f","type":"http","provider":{"url":"http://localhost"}}`)
	}
}

// TestZ_Options: a hosted gateway does not start without a token for the Config API, nor with a domain that is none.
func TestZ_Options(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(why string, args ...string) {
		t.Helper()
		_, err := app.ParseOptions(args, io.Discard)
		if why == "" && err != nil || why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("%v: got %v, want %q", args, err, why)
		}
	}
	refused("", "-store=memory:", "-hosted-domain=events.example.com", "-config-token-file="+token)
	refused("", "-store=memory:", "-hosted-domain=a.example, b.example", "-hosted-domain=c.example", "-config-token-file="+token)
	refused("needs a token", "-hosted-domain=events.example.com")
	refused("needs a token", "-dev", "-hosted-domain=events.example.com", "-config-addr=127.0.0.1")
	for _, domain := range []string{"*.example.com", "Example.com", "example.com:80", "https://example.com", ".example.com", "example.com.", "example", "exa_mple.com", "127.0.0.1", strings.Repeat("a.", 130) + "com"} {
		refused("is no domain", "-hosted-domain="+domain, "-config-token-file="+token)
	}
	refused("right below", "-hosted-domain=a.example", "-hosted-domain=b.a.example", "-config-token-file="+token)
	refused("is no address", "-egress-allow=localhost")
	refused("it is empty", "-hosted-domain=")
	refused("it is empty", "-hosted-domain= ,")
	refused("it is empty", "-egress-deny=")
	refused("10.0.0.0/8", "-egress-deny=10.1.2.3/8")
	for _, whose := range []string{"own", "role"} {
		refused("", "-function-credentials="+whose)
		refused("", "-store=memory:", "-function-credentials="+whose, "-hosted-domain=events.example.com", "-config-token-file="+token)
	}
	refused("", "-function-credentials=gateway")
	refused("-function-credentials cannot be gateway in hosted mode", "-function-credentials=gateway", "-hosted-domain=events.example.com", "-config-token-file="+token)
	refused(`-function-credentials is "mine", it can be own, role or gateway`, "-function-credentials=mine")
}

// TestZ_Private: in hosted mode functions cannot be on private addresses, unless the operator says so; and never on those of metadata services.
func TestZ_Private(t *testing.T) {
	t.Parallel()
	f := answers(t, `{"body":"inside"}`)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(hostedToken), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want int
	}{
		{nil, 502},
		{[]string{"-egress-allow=127.0.0.1"}, 200},
		{[]string{"-egress-allow=127.0.0.0/8", "-egress-deny=127.0.0.1"}, 502},
	} {
		g := start(t, append([]string{"-hosted-domain=events.example.com", "-config-token-file=" + token}, test.args...)...)
		g.token = hostedToken
		g.function("acme", "f", f.URL)
		g.subscribe("acme", `{"functionId":"f","event":"http","method":"GET","path":"/x"}`)
		a := g.at(t, "acme.events.example.com", "GET", "/x", "")
		if a.status != test.want || a.status != 200 && !strings.Contains(a.message(), "its address is not allowed") {
			t.Errorf("%v: %d %s", test.args, a.status, a.body)
		}
	}
	g := startHosted(t, "-egress-allow=0.0.0.0/0,::/0")
	g.function("acme", "f", "http://169.254.169.254/latest/meta-data/")
	g.subscribe("acme", `{"functionId":"f","event":"http","method":"GET","path":"/x"}`)
	if a := g.at(t, "acme.events.example.com", "GET", "/x", ""); a.status != 502 || !strings.Contains(a.message(), "its address is not allowed") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestS: in hosted mode no function uses the gateway's own AWS credentials.
func TestS(t *testing.T) {
	t.Parallel()
	g := startHosted(t)
	for _, provider := range []string{
		`"type":"awslambda","provider":{"arn":"arn:aws:lambda:us-east-1:123456789012:function:f","region":"us-east-1"}`,
		`"type":"awskinesis","provider":{"streamName":"s","region":"us-east-1"}`,
		`"type":"awsfirehose","provider":{"deliveryStreamName":"s","region":"us-east-1"}`,
		`"type":"awssqs","provider":{"queueUrl":"https://sqs.us-east-1.amazonaws.com/123456789012/q","region":"us-east-1"}`,
		`"type":"awslambda","provider":{"arn":"f","region":"us-east-1","awsSessionToken":"t"}`,
	} {
		a := g.configure(400, "POST", "/v1/spaces/acme/functions", `{"functionId":"f",`+provider+`}`)
		if !strings.Contains(a.message(), "awsAccessKeyId") || !strings.Contains(a.message(), "awsSecretAccessKey") {
			t.Errorf("%s: %s", provider, a.message())
		}
	}
	g.configure(201, "POST", "/v1/spaces/acme/functions",
		`{"functionId":"f","type":"awslambda","provider":{"arn":"f","region":"us-east-1","awsAccessKeyId":"AKID","awsSecretAccessKey":"s"}}`)
	g.configure(400, "PUT", "/v1/spaces/acme/functions/f", `{"type":"awslambda","provider":{"arn":"f","region":"us-east-1"}}`)
}

// TestS_Role: if the operator says so, functions may name a role that the gateway assumes.
func TestS_Role(t *testing.T) {
	t.Parallel()
	f := func(status int, provider string, args ...string) {
		t.Helper()
		startHosted(t, args...).configure(status, "POST", "/v1/spaces/acme/functions", `{"functionId":"f","type":"awssqs","provider":{"queueUrl":"https://q","region":"us-east-1"`+provider+`}}`)
	}
	const role = `,"roleArn":"arn:aws:iam::123456789012:role/r"`
	f(400, role)
	f(201, role, "-function-credentials=role")
	f(400, "", "-function-credentials=role")
}

// TestI_Cookies: a function cannot set cookies for the hosts of other spaces.
func TestI_Cookies(t *testing.T) {
	t.Parallel()
	g := startHosted(t)
	for i, c := range []struct{ set, want string }{
		{"a=1", "a=1"},
		{"a=1; Path=/; HttpOnly", "a=1; Path=/; HttpOnly"},
		{"a=1; Domain=events.example.com", "a=1"},
		{"a=1; Path=/; DOMAIN = .example.com ; Secure", "a=1; Path=/; Secure"},
		{"a=1;domain=other.events.example.com", "a=1"},
		{"a=1; domain=acme.events.example.com; domain=example.com", "a=1; domain=acme.events.example.com"},
		{"a=1; domain=.ACME.events.example.com", "a=1; domain=.ACME.events.example.com"},
		{"a=1; domain=", "a=1"},
		{"domain=example.com; Path=/", "domain=example.com; Path=/"},
	} {
		f := newFunction(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"multiValueHeaders":{"Set-Cookie":[%q,"b=2"]}}`, c.set)
		})
		id := fmt.Sprint("f", i)
		g.function("acme", id, f.URL)
		g.subscribe("acme", fmt.Sprintf(`{"functionId":%q,"event":"http","method":"GET","path":"/%[1]s"}`, id))
		a := g.at(t, "acme.events.example.com:8080", "GET", "/"+id, "")
		if got := a.header["Set-Cookie"]; len(got) != 2 || got[0] != c.want || got[1] != "b=2" {
			t.Errorf("%q: got %q, want %q", c.set, got, c.want)
		}
	}
}

// TestRevision: answers about the configuration say which revision they hold, through every door.
func TestRevision(t *testing.T) {
	t.Parallel()
	g := start(t)
	wants := func(revision, method, path, body string, status int, headers ...string) {
		t.Helper()
		if a := g.configure(status, method, inDefault+path, body, headers...); a.header.Get("X-Config-Revision") != revision {
			t.Errorf("%s %s: revision %q, want %s", method, path, a.header.Get("X-Config-Revision"), revision)
		}
	}
	const f = `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`
	wants("0", "GET", "/functions", "", 200)
	wants("1", "POST", "/functions", f, 201)
	wants("1", "POST", "/functions", f, 409)
	wants("2", "PUT", "/functions/f", f, 200)
	wants("2", "GET", "/functions/f", "", 200)
	wants("2", "GET", "/functions/g", "", 404)
	wants("3", "DELETE", "/functions/f", "", 204)
	wants("3", "GET", "/functions", "", 200)
}
