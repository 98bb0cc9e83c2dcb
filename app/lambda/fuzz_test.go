package lambda

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzInvoke invokes with anything. It ends in an error, or in an answer in the form that AWS takes. What reaches the handler is what
// net/http's server could have made.
func FuzzInvoke(f *testing.F) {
	for _, file := range sources {
		f.Add(read(f, file), "", "text")
		f.Add(withHeader(f, file, "X-GoLambdaProxy-ApiGw-Context", "{}"), "/orders", "\xff")
		f.Add(withLine(f, file, "HEAD", "/%zz"), "/api", "")
	}
	f.Add([]byte(`{"version":"2.0","requestContext":{"http":{}}}`), "", "")
	f.Add([]byte(`{"version":"2.0","requestContext":{"http":{},"authorizer":{"iam":{"userArn":"a"},"jwt":{"claims":{"sub":"b"}},"lambda":{"principalId":"c"}}}}`), "", "")
	f.Add([]byte(`{"httpMethod":"GET","requestContext":{"identity":{"userArn":"a"},"authorizer":{"principalId":"b","claims":{"sub":"c"}}}}`), "", "")
	f.Fuzz(func(t *testing.T, payload []byte, base, body string) {
		h := func(w http.ResponseWriter, r *http.Request) {
			checkRequest(t, r)
			for name, values := range r.Header {
				w.Header()[name] = values
			}
			_, _ = io.WriteString(w, body)
		}
		if e, err := decode(payload); err == nil && e.source() != nil {
			e.source().caller()
		}
		out, err := New(http.HandlerFunc(h), Options{BasePath: base}).Invoke(t.Context(), payload)
		if err != nil {
			if out != nil {
				t.Fatalf("%v and %s", err, out)
			}
			return
		}
		var r reply
		if err := json.Unmarshal(out, &r); err != nil || !utf8.Valid(out) || r.StatusCode != 200 && r.StatusCode != 400 {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := base64.StdEncoding.DecodeString(r.Body); r.IsBase64Encoded && err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	})
}

func checkRequest(t *testing.T, r *http.Request) {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || *u != *r.URL || !strings.HasPrefix(r.URL.Path, "/") || r.URL.Host != "" || r.Method == "" || r.Proto != "HTTP/1.1" {
		t.Errorf("%s %s %+v: %v", r.Method, r.RequestURI, r.URL, err)
	}
	if body, err := io.ReadAll(r.Body); err != nil || int64(len(body)) != r.ContentLength || len(r.TransferEncoding) > 0 {
		t.Errorf("%d bytes of %d, %v", len(body), r.ContentLength, err)
	}
	for name, values := range r.Header {
		switch lower := strings.ToLower(name); {
		case lower == "host", lower == "connection", lower == "transfer-encoding", strings.HasPrefix(lower, "x-golambdaproxy-"), len(values) == 0:
			t.Errorf("header %q is %q", name, values)
		}
	}
}
