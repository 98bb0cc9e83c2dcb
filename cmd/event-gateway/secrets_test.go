package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

// planted begins each secret that TestSecrets plants.
const planted = "PLANTED-SECRET-"

// echo is where all functions of TestSecrets are: it refuses each call, and repeats all that it was sent wherever an error of some
// service has room for text, or answers something that is no HTTP, or as a function that is well. It gives out tokens, which are secrets, too.
type echo struct {
	*httptest.Server
	mode atomic.Int32
	mu   sync.Mutex
	seen strings.Builder
}

const (
	refusing = iota
	garbling
	answering
)

func newEcho(t *testing.T) *echo {
	e := &echo{}
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(e.Close)
	return e
}

func (e *echo) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	said := fmt.Sprint(r.URL, r.Header, string(body))
	if user, password, ok := r.BasicAuth(); ok {
		said += user + password
	}
	e.mu.Lock()
	e.seen.WriteString(said)
	e.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/token") {
		token := planted + "token"
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "id_token": "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":4000000000}`)) + "." + token, "token_type": "Bearer", "expires_in": 3600})
		return
	}
	switch e.mode.Load() {
	case garbling:
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_, _ = io.WriteString(c, strings.Join(strings.Fields(said), "_")+"\r\n\r\n") // net/http quotes what has no space
			_ = c.Close()
		}
		return
	case answering:
		_, _ = io.WriteString(w, `{"statusCode":200,"MessageId":"1","SequenceNumber":"1","ShardId":"s","RecordId":"1"}`)
		return
	}
	w.Header().Set("X-Amzn-Errortype", "AccessDeniedException:"+strings.ReplaceAll(said, "\n", " "))
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": said, "__type": "AccessDenied#" + said, "error": said, "code": said, "error_description": said})
}

func (e *echo) saw(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Contains(e.seen.String(), text)
}

// secretFields returns the paths of the secret settings of a type.
func secretFields(path string, fields []store.Field) (list []string) {
	for _, f := range fields {
		if at := path + f.Name; f.Secret {
			list = append(list, at)
		} else {
			list = append(list, secretFields(at+".", f.Members)...)
		}
	}
	return list
}

// secretFunctions returns providers by the ids of functions, which together have each secret setting of each type.
func secretFunctions(t *testing.T, at string) map[string]string {
	cert, key := selfSigned(t)
	text := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	}
	keys := func(id string) string {
		return `"region":"us-east-1","endpoint":"` + at + `","awsAccessKeyId":"` + planted + id + `1","awsSecretAccessKey":"` + planted + id + `2","awsSessionToken":"` + planted + id + `3"`
	}
	account := text(`{"type":"service_account","client_email":"x@y.iam.gserviceaccount.com","private_key_id":"` + planted + `kid","private_key":` + text(key) + `,"token_uri":"` + at + `/token"}`)
	return map[string]string{
		"http":           `{"url":"` + at + `","headers":{"X-Api-Key":"` + planted + `header"},"auth":{"bearer":"` + planted + `bearer"},"signing":{"a":"whsec_` + base64.StdEncoding.EncodeToString([]byte(planted+"signing-key")) + `"}}`,
		"http-basic":     `{"url":"` + at + `","auth":{"basic":{"username":"max","password":"` + planted + `password"}}}`,
		"http-tls":       `{"url":"` + strings.Replace(at, "http:", "https:", 1) + `","tls":{"certificate":` + text(cert) + `,"key":` + text(planted+"\n"+key) + `}}`,
		"awslambda":      `{"arn":"f",` + keys("lambda") + `}`,
		"awskinesis":     `{"streamName":"s",` + keys("kinesis") + `}`,
		"awsfirehose":    `{"deliveryStreamName":"s",` + keys("firehose") + `}`,
		"awssqs":         `{"queueUrl":"` + at + `/1/q",` + keys("sqs") + `}`,
		"awssqs-role":    `{"queueUrl":"` + at + `/1/q","roleArn":"arn:aws:iam::123456789012:role/r",` + keys("role") + `}`,
		"gcloudfunction": `{"url":"` + at + `","credentials":` + account + `}`,
		"azurefunction":  `{"url":"` + at + `","key":"` + planted + `key"}`,
		"azurefunction-client": `{"url":"` + at + `","tenantId":"11111111-2222-3333-4444-555555555555","clientId":"11111111-2222-3333-4444-555555555555","clientSecret":"` +
			planted + `client"}`,
		"openwhisk": `{"apiHost":"` + at + `","action":"a","auth":"23bc46b1-71f6:` + planted + `auth"}`,
	}
}

// TestSecrets plants a marker in each secret setting of each type of function, does with the functions whatever can be done, and looks for
// the markers in all that comes out.
func TestSecrets(t *testing.T) {
	e := newEcho(t)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_STS": e.URL, "AZURE_AUTHORITY_HOST": e.URL, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "", "AWS_CA_BUNDLE": "", "EVENT_GATEWAY_CONFIG_TOKEN": planted + "operator-0123456789abcdef",
	} {
		t.Setenv(name, value)
	}
	endpoint, dir := etcdServer(t), t.TempDir()
	keys := newCommand(t, dir, "keys", "create", "keys.json").begin()
	keys.ends(0)
	p := start(t, dir, "-store=etcd://"+endpoint+"/secrets", "-secret-keys-file=keys.json", "-snapshot-file=snapshot", "-log-level=debug", "-invoke=open")
	o := &output{t: t, p: p, echo: e}
	o.add("keys create", keys.stdout.String()+keys.stderr.String())
	functions := secretFunctions(t, e.URL)
	wantEachSecret(t, functions)

	o.system()
	for id, provider := range functions {
		o.function(id, provider)
	}
	for _, path := range []string{"functions", "subscriptions", "eventtypes"} {
		o.config(200, "GET", path, "")
	}
	o.send("GET", p.config+"/metrics", "")
	o.send("GET", p.config+"/v1/metrics", "")
	for _, marker := range []string{"header", "bearer", "password", "lambda3", "kinesis3", "firehose3", "sqs3", "key", "client", "auth", "token"} {
		if !e.saw(planted + marker) { // the functions were called with them
			t.Errorf("nobody was sent %s", marker)
		}
	}
	command := newCommand(t, dir, "store", "check", "-deep", "etcd://"+endpoint+"/secrets").begin()
	command.ends(0)
	o.add("store check", command.stdout.String()+command.stderr.String())
	_ = p.signal(syscall.SIGTERM)
	o.add("log", p.stderr.String())
	o.mu.Lock()
	o.add("system events", o.told.String())
	o.mu.Unlock()
	o.add("store", dump(t, endpoint))
	o.files(dir)
	if !strings.Contains(p.stderr.String(), "a function failed") || !strings.Contains(o.all.String(), `"sealed"`) || !strings.Contains(o.all.String(), "invocationFailed") || !strings.Contains(o.all.String(), "function.invoked") {
		t.Error("this test looks at less than it should")
	}
}

// wantEachSecret fails if a type has a secret setting that no function has.
func wantEachSecret(t *testing.T, functions map[string]string) {
	for _, typ := range invoke.FunctionTypes(invoke.GatewayCredentials) {
		for _, field := range secretFields("", typ.Fields) {
			found := false
			for id, provider := range functions {
				if kind, _, _ := strings.Cut(id, "-"); kind != typ.Name {
					continue
				}
				var at any
				_ = json.Unmarshal([]byte(provider), &at)
				for name := range strings.SplitSeq(field, ".") {
					object, _ := at.(map[string]any)
					at = object[name]
				}
				found = found || strings.Contains(fmt.Sprint(at), planted) || strings.Contains(fmt.Sprint(at), "whsec_")
			}
			if !found {
				t.Errorf("no function of type %s has the secret %s", typ.Name, field)
			}
		}
	}
}

// output is all that came out of a gateway.
type output struct {
	t    *testing.T
	p    *process
	echo *echo
	all  strings.Builder

	mu   sync.Mutex
	told strings.Builder // by system events
}

// add looks for markers in a text, in any way that they could be written.
func (o *output) add(what, text string) {
	o.t.Helper()
	o.all.WriteString(text)
	for _, hidden := range []string{
		planted, url.QueryEscape(planted), strings.ToLower(planted), hex.EncodeToString([]byte(planted)),
		// base64, wherever it begins, without the characters that depend on what is beside it
		base64.StdEncoding.EncodeToString([]byte(planted))[:18],
		base64.StdEncoding.EncodeToString([]byte("x" + planted))[2:18],
		base64.StdEncoding.EncodeToString([]byte("xx" + planted))[3:18],
	} {
		if i := strings.Index(text, hidden); i >= 0 {
			o.t.Errorf("%s: there is a secret in %.300q", what, text[max(0, i-100):])
		}
	}
}

func (o *output) send(method, url, body string, headers ...string) {
	o.t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+planted+"operator-0123456789abcdef")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	o.add(method+" "+url, fmt.Sprint(resp.Status, resp.Header, string(answer)))
}

// config changes the configuration, and wants the status.
func (o *output) config(status int, method, path, body string) {
	o.t.Helper()
	before := o.all.Len()
	o.send(method, o.p.config+"/v1/spaces/default/"+path, body)
	if said := o.all.String()[before:]; !strings.HasPrefix(said, fmt.Sprint(status)) {
		o.t.Errorf("%s %s: %.400s, want %d", method, path, said, status)
	}
}

// system subscribes a function to what the gateway tells of its own doings, and adds it.
func (o *output) system() {
	told := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.told.Write(body)
	}))
	o.t.Cleanup(told.Close)
	o.config(201, "POST", "functions", `{"functionId":"told","type":"http","provider":{"url":"`+told.URL+`"}}`)
	for _, event := range []string{"event.received", "function.invoking", "function.invoked", "function.invocationFailed"} {
		o.config(201, "POST", "subscriptions", `{"functionId":"told","event":"gateway.`+event+`","path":"/"}`)
	}
}

// function does with one function whatever can be done.
func (o *output) function(id, provider string) {
	o.t.Helper()
	kind, _, _ := strings.Cut(id, "-")
	body := fmt.Sprintf(`{"functionId":%q,"type":%q,"provider":%s}`, id, kind, provider)
	o.config(201, "POST", "functions", body)
	o.config(409, "POST", "functions", body)
	o.config(200, "GET", "functions/"+id, "")
	o.config(200, "PUT", "functions/"+id, body)
	o.config(400, "PUT", "functions/"+id, strings.Replace(body, `"provider":{`, `"provider":{"`+"unknown"+`":"`+planted+`",`, 1))
	o.config(400, "PUT", "functions/"+id, strings.Replace(body, `"type"`, `"typo":"`+planted+`","type"`, 1))
	o.config(400, "PUT", "functions/"+id, strings.Replace(body, planted, planted+`\u0000\n`, 1)+planted)
	o.config(404, "PUT", "functions/none", body)
	o.config(201, "POST", "subscriptions", fmt.Sprintf(`{"functionId":%q,"event":"http","method":"POST","path":"/sync/%[1]s"}`, id))
	o.config(201, "POST", "subscriptions", fmt.Sprintf(`{"functionId":%q,"event":"user.created","path":"/async/%[1]s"}`, id))
	for _, mode := range []int32{refusing, answering, garbling} {
		o.echo.mode.Store(mode)
		for range 12 { // until the circuit breaker opens, where it does
			o.send("POST", o.p.events+"/sync/"+id, `{"n":1}`, "Authorization: none")
		}
		o.send("POST", o.p.events+"/", `{"n":1}`, "Event: invoke", "Function-ID: "+id, "Authorization: none")
		o.send("POST", o.p.events+"/async/"+id, `{"n":1}`, "Event: user.created", "Authorization: none")
	}
	o.idle()
	o.echo.mode.Store(refusing)
	before := o.all.Len()
	o.send("GET", o.p.config+"/v1/spaces/default/functions/"+id, "")
	_, shown, _ := strings.Cut(o.all.String()[before:], "]{")
	o.config(200, "PUT", "functions/"+id, "{"+shown) // what was read can be sent back
	o.send("POST", o.p.events+"/sync/"+id, `{"n":1}`, "Authorization: none")
}

// idle waits until no async delivery waits or is under way, and looks at the metrics on the way.
func (o *output) idle() {
	o.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		before := o.all.Len()
		o.send("GET", o.p.config+"/metrics", "")
		if strings.Contains(o.all.String()[before:], "eventgateway_events_backlog 0\n") {
			return
		}
		if time.Now().After(end) {
			o.t.Fatal("async deliveries are still under way")
		}
	}
}

// dump returns all keys and values of an etcd.
func dump(t *testing.T, endpoint string) string {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all, err := c.Get(t.Context(), "\x00", clientv3.WithFromKey())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, kv := range all.Kvs {
		_, _ = fmt.Fprintf(&b, "%s %s\n", kv.Key, kv.Value)
		var commit struct{ Ops []struct{ Value []byte } }
		if json.Unmarshal(kv.Value, &commit) == nil { // a log entry, with values in base64
			for _, op := range commit.Ops {
				_, _ = fmt.Fprintf(&b, "  %s\n", op.Value)
			}
		}
	}
	return b.String()
}

// files adds all files of a folder.
func (o *output) files(dir string) {
	o.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		o.add(path, string(content))
		return err
	})
	if err != nil {
		o.t.Error(err)
	}
}

// selfSigned returns a certificate and its key, as PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8)
}
