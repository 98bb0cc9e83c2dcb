package handlers_test

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestLambdaFailures: what callers of a function on AWS Lambda are told, and that neither they nor the log get a secret.
func TestLambdaFailures(t *testing.T) {
	statuses := map[string]int{"TooManyRequestsException": 429, "ResourceNotFoundException": 404, "ServiceException": 500}
	region := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name := strings.Split(r.URL.Path, "/")[3]; name { // of /2015-03-31/functions/:name/invocations
		case "ok":
			_, _ = io.WriteString(w, `{"statusCode":201,"body":"hello"}`)
		case "fails":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorType":"TypeError","errorMessage":"for the log"}`)
		case "slow":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorMessage":"2026-11-22T10:00:00.000Z 6f7a Task timed out after 3.00 seconds"}`)
		case "malformed":
			_, _ = io.WriteString(w, `"hello"`)
		default:
			w.Header().Set("X-Amzn-ErrorType", name)
			w.WriteHeader(cmp.Or(statuses[name], 403))
			_, _ = fmt.Fprintf(w, `{"message":%q}`, "you sent "+r.Header.Get("X-Amz-Security-Token")+" "+r.Header.Get("Authorization"))
		}
	}))
	t.Cleanup(region.Close)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", region.URL)
	t.Setenv("AWS_CA_BUNDLE", "")
	for _, compat := range []bool{false, true} {
		t.Run(fmt.Sprintf("compat=%t", compat), func(t *testing.T) {
			g := start(t, fmt.Sprintf("-compat=%t", compat))
			f := func(name, want, wantCompat string) {
				t.Helper()
				g.configure(201, "POST", inDefault+"/functions", fmt.Sprintf(`{"functionId":%q,"type":"awslambda","provider":{"arn":%[1]q,
					"region":"us-east-1","awsAccessKeyId":"AKIDOWN","awsSecretAccessKey":"own/secret","awsSessionToken":"own/token"}}`, name))
				g.subscribe("default", fmt.Sprintf(`{"functionId":%q,"event":"http","method":"GET","path":"/%[1]s"}`, name))
				a := send(t, "GET", g.events+"/"+name, "")
				got := fmt.Sprint(a.status, " ", cmp.Or(a.message(), a.body))
				if compat {
					want = wantCompat
				}
				if got != want || (a.status == 503) != (a.header.Get("Retry-After") != "") {
					t.Errorf("got  %s %v\nwant %s", got, a.header, want)
				}
			}
			const failed, malformed = "500 Function call failed. Please check logs.", "500 HTTP response object malformed"
			told := func(name string) string { return "500 Function call failed with " + name + ". Please check logs." }
			f("ok", "201 hello", "201 hello")
			f("fails", `502 Function "fails" failed: it failed: TypeError.`, failed)
			f("slow", `504 Function "slow" failed: it did not answer in time.`, failed)
			f("malformed", `502 Function "malformed" failed: its answer is no HTTP response object: it is no JSON object.`, malformed)
			f("AccessDeniedException", `502 Function "AccessDeniedException" failed: the call was denied (AccessDeniedException): its credentials need lambda:InvokeFunction on it.`, told("AccessDeniedException"))
			f("ExpiredTokenException", `502 Function "ExpiredTokenException" failed: the call was denied (ExpiredTokenException): the AWS credentials have expired.`, told("ExpiredTokenException"))
			f("UnrecognizedClientException", `502 Function "UnrecognizedClientException" failed: the call was denied (UnrecognizedClientException): the AWS credentials are not valid.`, told("UnrecognizedClientException"))
			f("InvalidSignatureException", `502 Function "InvalidSignatureException" failed: the call was denied (InvalidSignatureException): the AWS credentials are not valid.`, failed)
			f("TooManyRequestsException", `503 Function "TooManyRequestsException" failed: AWS Lambda takes no more calls of it for now (TooManyRequestsException).`, failed)
			f("ResourceNotFoundException", `502 Function "ResourceNotFoundException" failed: AWS Lambda has no such function, version or alias in its region (ResourceNotFoundException).`, failed)
			f("ServiceException", `502 Function "ServiceException" failed: AWS Lambda could not call it (ServiceException).`, failed)
			log := g.log.String()
			for _, secret := range []string{"AKIDOWN", "own/secret", "own/token"} {
				if strings.Contains(log, secret) {
					t.Errorf("%s is in the log", secret)
				}
			}
			if !strings.Contains(log, "for the log") || !strings.Contains(log, "you sent ****") {
				t.Error("the log does not say why")
			}
		})
	}
}
