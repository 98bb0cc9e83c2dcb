package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// marker is in each secret of these tests, and must be in nothing that comes out.
const marker = "h1dd3n"

var someone = credentials.NewStaticCredentialsProvider("key", "secret", "")

// keep puts a secret into AWS's emulator and returns its ARN.
func keep(t *testing.T, moto, name string, text *string) string {
	t.Helper()
	c := secretsmanager.New(secretsmanager.Options{Region: "eu-west-1", BaseEndpoint: &moto, Credentials: someone})
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: text}
	if text == nil {
		in.SecretBinary = []byte(marker)
	}
	made, err := c.CreateSecret(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(made.ARN)
}

// startGuardedStore starts an etcd that asks for the password of root.
func startGuardedStore(t *testing.T, password string) (addr string) {
	t.Helper()
	addr = startStore(t, t.TempDir(), "").Endpoint()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.UserAdd(t.Context(), "root", password)
	if err == nil {
		_, err = c.UserGrantRole(t.Context(), "root", "root")
	}
	if err == nil {
		_, err = c.AuthEnable(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// TestSecretsARN: a Lambda that has nothing in its environment but the name of a secret has its store, its password and its token from there. The secret is read
// once by each process, and what is in the environment itself wins.
func TestSecretsARN(t *testing.T) {
	t.Parallel()
	moto := servers.Moto(t)
	upstream, err := url.Parse(moto)
	if err != nil {
		t.Fatal(err)
	}
	var reads atomic.Int64
	counted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads.Add(1)
		(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.Out.Host = r.In.Host }}).ServeHTTP(w, r)
	}))
	t.Cleanup(counted.Close)
	text := fmt.Sprintf(`{"EVENT_GATEWAY_STORE": "etcd://root@%s/%s", "EVENT_GATEWAY_STORE_PASSWORD": %[2]q, "EVENT_GATEWAY_CONFIG_TOKEN": %q,
		"EVENT_GATEWAY_LINEAGE_KEY": "%[2]s-at-least-16-characters", "EVENT_GATEWAY_ROLE": "none", "EVENT_GATEWAY_LATER": ""}`, startGuardedStore(t, marker), marker, token)
	r := startRegion(t, "", "EVENT_GATEWAY_CONFIG_TOKEN=", "EVENT_GATEWAY_SECRETS_ARN="+keep(t, moto, "gateway", &text), "AWS_ENDPOINT_URL="+counted.URL, "AWS_REGION=us-east-1", "AWS_CA_BUNDLE=")
	r.function("f", says(t, "hello"))
	r.route("f", "/hello")
	for range 3 {
		if a := r.get("/hello", 200); a.Body != "hello" {
			t.Error(a)
		}
	}
	if n := reads.Load(); n != 2 {
		t.Errorf("two processes read the secret %d times", n)
	}
	for _, function := range []string{"events", "config"} {
		if log := r.Log(function); strings.Contains(log, marker) || strings.Contains(log, token) || strings.Contains(log, "no key in common") {
			t.Errorf("the log of %s: %s", function, log)
		}
	}
}

// TestSecretsARNWrong: a secret that cannot be read, or is none of variables, is a start error that says why and has nothing of it.
func TestSecretsARNWrong(t *testing.T) {
	moto := servers.Moto(t)
	arn := keep(t, moto, "bytes", nil)
	f := func(why, endpoint, arn string, env ...string) {
		t.Helper()
		env = append([]string{"EVENT_GATEWAY_ROLE=events", "EVENT_GATEWAY_STORE=memory:", "EVENT_GATEWAY_SECRETS_ARN=" + arn, "AWS_ENDPOINT_URL=" + endpoint, "AWS_CA_BUNDLE="}, env...)
		h, err := lambdatest.Start(map[string]lambdatest.Function{"f": {Command: []string{gatewayProgram}, Env: env}})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		began := time.Now()
		result, err := h.Invoke(t.Context(), "f", []byte("{}"))
		if err != nil || result.FunctionError == "" || !strings.Contains(string(result.Payload), "exit status 2") || time.Since(began) > 8*time.Second {
			t.Errorf("%s: %s %s %v after %v", why, result.FunctionError, result.Payload, err, time.Since(began))
		}
		log := h.Log("f")
		if !strings.HasPrefix(log, "event-gateway: EVENT_GATEWAY_SECRETS_ARN: ") || !strings.Contains(log, why) || strings.Count(log, "\n") != 1 || strings.Contains(log, marker) {
			t.Errorf("the log is %s, want %s", log, why)
		}
	}
	f("the secret has bytes, and no text", moto, arn)
	f("there is no such secret", moto, strings.Replace(arn, "bytes", "gone", 1))
	for i, text := range []string{
		marker, `"` + marker + `"`, `["` + marker + `"]`, `null`, `{"EVENT_GATEWAY_X":"` + marker, `{"EVENT_GATEWAY_X":"` + marker + `"}{}`, `{"EVENT_GATEWAY_X":"` + marker + `","EVENT_GATEWAY_X":"a"}`,
	} {
		f(`is no JSON object of variables`, moto, keep(t, moto, fmt.Sprint("shape", i), &text))
	}
	for i, name := range []string{"password", "PATH", "EVENT_GATEWAY_", "EVENT_GATEWAY", "event_gateway_store", "EVENT_GATEWAY_STORE=a", "EVENT_GATEWAY_A B"} {
		text := fmt.Sprintf(`{%q:%q}`, name, marker)
		f(fmt.Sprintf("the secret has the name %q: ", name), moto, keep(t, moto, fmt.Sprint("name", i), &text))
	}
	for i, value := range []string{`1`, `null`, `true`, `{"a":"` + marker + `"}`, `["` + marker + `"]`, `"` + marker + `\u0000"`} {
		text := `{"EVENT_GATEWAY_STORE_PASSWORD":` + value + `}`
		f(`the value of "EVENT_GATEWAY_STORE_PASSWORD" in the secret is no string`, moto, keep(t, moto, fmt.Sprint("value", i), &text))
	}
	for _, arn := range []string{marker, `{"EVENT_GATEWAY_STORE":"` + marker + `"}`, "arn:aws:ssm:eu-west-1:123456789012:parameter/" + marker, "arn:aws:secretsmanager::123456789012:secret:" + marker} {
		f("it is no ARN of a secret", moto, arn)
	}

	// Secrets Manager is away, or takes connections and says nothing.
	f("connection refused", fmt.Sprintf("http://127.0.0.1:%d", freePort(t)), arn)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	f("did not answer within 5s", "http://"+silent.Addr().String(), arn)

	// AWS refuses in this form. Where a signature is wrong it repeats the session token.
	var code atomic.Value
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"__type":%q,"message":"the canonical string is\nx-amz-security-token:%s"}`, code.Load(), marker)
	}))
	defer refuses.Close()
	for refused, why := range map[string]string{
		"AccessDeniedException":     "the role of the Lambda may not read the secret: it needs secretsmanager:GetSecretValue",
		"ResourceNotFoundException": "there is no such secret",
		"InvalidSignatureException": `refused to give out the secret: "InvalidSignatureException"`,
	} {
		code.Store(refused)
		f(why, refuses.URL, arn)
	}

	// From here on the emulator looks at who asks. It refuses in XML, which AWS does not.
	role := assume(t, moto)
	resp, err := http.Post(moto+"/moto-api/reset-auth", "text/plain", strings.NewReader("0"))
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	f("the secret cannot be read", moto, arn, role...)
	f("the secret cannot be read", moto, arn, append(role, "AWS_SECRET_ACCESS_KEY="+marker)...)
	f("the secret cannot be read", moto, arn, append(role, "AWS_SESSION_TOKEN="+marker)...)
}

// assume makes a role without permissions in the emulator, and returns the variables with which a Lambda has it.
func assume(t *testing.T, moto string) []string {
	t.Helper()
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	form := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"gateway"}, "AssumeRolePolicyDocument": {trust}}
	req, err := http.NewRequestWithContext(t.Context(), "POST", moto, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=key/20260821/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	c := sts.New(sts.Options{Region: "eu-west-1", BaseEndpoint: &moto, Credentials: someone})
	out, err := c.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::123456789012:role/gateway"), RoleSessionName: aws.String("lambda")})
	if err != nil {
		t.Fatal(err)
	}
	k := out.Credentials
	return []string{"AWS_ACCESS_KEY_ID=" + *k.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *k.SecretAccessKey, "AWS_SESSION_TOKEN=" + *k.SessionToken}
}
