package handlers_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/app/lambda"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// fronted is a gateway as a Lambda with both APIs, behind a front that may say who calls.
type fronted struct {
	t      *testing.T
	lambda *lambda.Adapter
	log    *storetest.Buffer
}

func startFronted(t *testing.T, o app.Options) *fronted {
	t.Helper()
	o.Role, o.Store, o.Invoke, o.MaxStaleness = "all", "memory:", "subscribed", 30*time.Second
	o.HostedRealms, o.FunctionConcurrency = 1, 1
	f := &fronted{t: t, log: &storetest.Buffer{}}
	var err error
	if f.lambda, err = app.NewLambda(&o, slog.New(slog.NewTextHandler(f.log, nil))); err != nil {
		t.Fatal(err)
	}
	return f
}

// config sends a request to the Config API. said is what the front adds to the context of its event.
func (f *fronted) config(by front, said map[string]any, method, path, body string, headers ...string) answer {
	f.t.Helper()
	x := exchange{method: method, url: &url.URL{Path: path}, host: "gateway.test", header: http.Header{"Content-Type": {"application/json"}}, body: body}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		x.header.Add(name, value)
	}
	event := by.event(x, app.ConfigPath+path).(map[string]any)
	maps.Copy(event["requestContext"].(map[string]any), said)
	payload, err := json.Marshal(event)
	if err != nil {
		f.t.Fatal(err)
	}
	if payload, err = f.lambda.Invoke(f.t.Context(), payload); err != nil {
		f.t.Fatal(err)
	}
	return by.answer(f.t, payload)
}

func (f *fronted) wants(status int, by front, said map[string]any, headers ...string) answer {
	f.t.Helper()
	a := f.config(by, said, "GET", inDefault+"/functions", "", headers...)
	if a.status != status {
		f.t.Errorf("%s, %v %v: %d %s, want %d", by.name, said, headers, a.status, a.body, status)
	}
	return a
}

type members = map[string]any

// arn is the name of an operator in AWS IAM.
const arn = "arn:aws:iam::123456789012:user/anna"

// v1 and v2 are what fronts say of callers, by the kind of the caller.
var (
	v1 = map[string]members{
		"iam":    {"identity": members{"sourceIp": "192.0.2.1", "userArn": arn}},
		"jwt":    {"authorizer": members{"claims": members{"sub": "5f3c"}}},
		"lambda": {"authorizer": members{"principalId": "max"}},
	}
	v2 = map[string]members{
		"iam":    {"authorizer": members{"iam": members{"userArn": arn}}},
		"jwt":    {"authorizer": members{"jwt": members{"claims": members{"sub": "5f3c"}}}},
		"lambda": {"authorizer": members{"lambda": members{"principalId": "max"}}},
	}
)

// TestIdentity: callers of the kind that is set use the Config API without a token, under whatever name it is reached. Others do not, nor does anybody without that setting.
func TestIdentity(t *testing.T) {
	t.Parallel()
	kinds := []string{"iam", "jwt", "lambda"}
	for _, set := range append([]string{""}, kinds...) {
		for _, token := range []string{"", "operators-only"} {
			if set == "" && token == "" {
				continue // that is a start error
			}
			f := startFronted(t, app.Options{ConfigIdentity: set, ConfigToken: token})
			for _, by := range fronts() {
				for _, kind := range kinds {
					said, status := v1[kind], 401
					if by.name == "API Gateway v2" {
						said = v2[kind]
					}
					if kind == set && !strings.HasPrefix(by.name, "ALB") {
						status = 200
					}
					f.wants(status, by, said)
					f.wants(status, by, said, "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260821/eu-west-1/execute-api/aws4_request", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
				}
				a := f.wants(401, by, nil)
				if !strings.HasPrefix(a.message(), "The Config API needs ") || a.header.Get("WWW-Authenticate") == "" || strings.Contains(a.message(), "token:") != (token != "") {
					t.Errorf("%q with a token %q: %v", set, token, a)
				}
				f.wants(401, by, nil, "Authorization: Bearer ")
				f.wants(401, by, nil, "Authorization: Bearer wrong")
				if token != "" {
					f.wants(200, by, nil, "Authorization: Bearer "+token)
				}
				// What needs no token needs no caller, and the Events API is for everybody.
				if a := f.config(by, nil, "GET", "/readyz", ""); a.status != 200 {
					t.Errorf("%s: %v", by.name, a)
				}
				event, _ := json.Marshal(by.event(exchange{method: "POST", url: &url.URL{Path: "/"}, host: "gateway.test", header: http.Header{"Event": {"e"}}}, "/"))
				if payload, err := f.lambda.Invoke(t.Context(), event); err != nil || by.answer(t, payload).status == 401 {
					t.Errorf("%s: %s, %v", by.name, payload, err)
				}
			}
		}
	}
}

// TestIdentityInHeaders: nothing that a client can send makes a caller of it.
func TestIdentityInHeaders(t *testing.T) {
	t.Parallel()
	claims := `{"principalId":"max","claims":{"sub":"5f3c"},"iam":{"userArn":"` + arn + `"},"jwt":{"claims":{"sub":"5f3c"}},"lambda":{"principalId":"max"},"userArn":"` + arn + `"}`
	context := `{"authorizer":` + claims + `,"identity":` + claims + `}`
	const unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI1ZjNjIn0."
	var headers []string
	for name, value := range map[string]string{
		"X-Amzn-Oidc-Identity": "5f3c", "X-Amzn-Oidc-Data": unsigned, "X-Amzn-Oidc-Accesstoken": unsigned,
		"X-Amzn-Mtls-Clientcert-Subject": "CN=anna", "X-Amzn-Mtls-Clientcert": "CERT",
		"X-Amzn-Iam-Userarn": arn, "X-Amz-User-Arn": arn, "X-Amzn-Apigateway-Api-Id": "a", "X-Amz-Security-Token": "t",
		"X-Amzn-Lambda-Context": context, "X-Amzn-Request-Context": context, "X-Amzn-Lambda-Request-Context": context, "X-Apigateway-Event": context, "X-Apigateway-Context": context,
		"X-Golambdaproxy-Apigw-Context": context, "X-GoLambdaProxy-ApiGw-StageVars": "{}", "X-GoLambdaProxy-ALB-Context": context, "X-Golambdaproxy-Apigw-V2-Context": context,
		"RequestContext": context, "Authorizer": claims, "Principalid": "max", "X-Principal-Id": "max", "Userarn": arn, "Caller": "iam " + arn, "X-Caller": arn, "Identity": arn,
		"X-Forwarded-User": "max", "X-Remote-User": "max", "Remote-User": "max", "X-Auth-Request-User": "max", "X-Forwarded-Email": "m@example.com", "X-Authenticated-Userid": "max",
		"X-User": "max", "X-Cognito-Identity-Id": "max", "Cognito-Identity": "max", "Via": "1.1 iam",
		"Cookie": "AWSELBAuthSessionCookie-0=5f3c; principalId=max", "Authorization": "Bearer " + unsigned,
	} {
		headers = append(headers, name+": "+value)
	}
	slices.Sort(headers)
	for _, set := range []string{"iam", "jwt", "lambda"} {
		f := startFronted(t, app.Options{ConfigIdentity: set})
		for _, by := range fronts() {
			for _, h := range headers {
				f.wants(401, by, nil, h)
			}
			f.wants(401, by, nil, headers...)
		}
	}
}

// TestIdentityNames: a name that cannot stand in a log as it is opens nothing, and is in no log.
func TestIdentityNames(t *testing.T) {
	t.Parallel()
	f := startFronted(t, app.Options{ConfigIdentity: "lambda", ConfigToken: "right"})
	by := fronts()[1]
	said := func(name any) members {
		return members{"authorizer": members{"lambda": members{"principalId": name}}}
	}
	for _, name := range []string{"max", "J\u00f6rg M\u00fcller", "a b=\"c\" level=ERROR", strings.Repeat("a", 2048), "\u6771\u4eac"} {
		f.wants(200, by, said(name))
	}
	const body = `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`
	f.config(by, said(`max" level="ERROR`), "POST", inDefault+"/functions", strings.Replace(body, `"f"`, `"g"`, 1))
	if log := f.log.String(); !strings.Contains(log, `caller="lambda max\" level=\"ERROR"`+"\n") {
		t.Errorf("the log is %s", log)
	}
	for _, name := range []any{
		"", nil, 1, []string{"max"}, strings.Repeat("a", 2049), strings.Repeat("a", 1<<20),
		"max\n", "max\r\nlevel=INFO", "\x00", "max\x1b[2J", "max\x7f", "max\u009b31m", "max\u2028", "max\u202e", "\ufeffmax", "max\ufffd",
	} {
		f.wants(401, by, said(name))
		// With the token it is the token's change.
		if a := f.config(by, said(name), "POST", inDefault+"/functions", body, "Authorization: Bearer right"); a.status != 201 {
			t.Errorf("%.50q: %v", name, a)
		}
		if a := f.config(by, said(name), "DELETE", inDefault+"/functions/f", "", "Authorization: Bearer right"); a.status != 204 {
			t.Errorf("%.50q: %v", name, a)
		}
	}
	if log := f.log.String(); strings.Count(log, " caller=token\n") != 32 || strings.ContainsAny(log, "\x00\x1b\x7f\u009b\u2028\u202e") {
		t.Errorf("the log is\n%.5000s", log)
	}
}

// TestCallersAreLogged: the line of each change says who made it, and at which revision. Reads and what was refused leave none.
func TestCallersAreLogged(t *testing.T) {
	t.Parallel()
	f := startFronted(t, app.Options{ConfigIdentity: "iam", ConfigToken: "right"})
	var want []string
	for i, by := range fronts() {
		said := map[string]members{"API Gateway v1": v1["iam"], "API Gateway v2": v2["iam"]}[by.name]
		caller, header := `"iam `+arn+`"`, "X-A: b"
		if said == nil { // a load balancer
			caller, header = "token", "Authorization: Bearer right"
		}
		function := fmt.Sprintf(`{"functionId":"f%d","type":"http","provider":{"url":"http://localhost:1"}}`, i)
		path := fmt.Sprintf("%s/functions/f%d", inDefault, i)
		f.config(by, said, "POST", inDefault+"/functions", function, header)
		f.config(by, said, "PUT", path, strings.Replace(function, ":1", ":2", 1), header)
		f.config(by, said, "GET", path, "", header)
		f.config(by, said, "POST", inDefault+"/functions", function, header) // 409
		f.config(by, said, "DELETE", path, "", header)
		f.config(by, said, "DELETE", path, "", header) // 404
		for n, operation := range []string{"create", "update", "delete"} {
			etag := fmt.Sprintf(`"\"%d\""`, 3*i+n+1)
			if operation == "delete" {
				etag = `""`
			}
			want = append(want, fmt.Sprintf("operation=%s resource=function space=default id=f%d etag=%s revision=%d caller=%s", operation, i, etag, 3*i+n+1, caller))
		}
	}
	// An identity that opens nothing is in the log all the same.
	f.config(fronts()[0], v1["lambda"], "POST", inDefault+"/functions", `{"functionId":"g","type":"http","provider":{"url":"http://localhost:1"}}`, "Authorization: Bearer right")
	want = append(want, `operation=create resource=function space=default id=g etag="\"13\"" revision=13 caller="lambda max"`)
	var got []string
	for line := range strings.Lines(f.log.String()) {
		if _, what, ok := strings.Cut(strings.TrimSpace(line), `msg="the configuration was changed" `); ok {
			got = append(got, what)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
