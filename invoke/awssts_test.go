package invoke_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// tokenService is a server in place of AWS STS (its query API, "AssumeRole"). Each time it hands out other credentials.
type tokenService struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []url.Values
	keys     []string // that the calls were signed with
	lifetime time.Duration
	refuse   func(w http.ResponseWriter) bool // says whether it has answered
}

// newTokenService starts one and makes it the gateway's.
func newTokenService(t testing.TB) *tokenService {
	s := &tokenService{lifetime: time.Hour}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", s.URL)
	return s
}

func (s *tokenService) serve(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.keys = append(s.asked, r.PostForm), append(s.keys, signedBy(r))
	if s.refuse != nil && s.refuse(w) {
		return
	}
	n := len(s.asked)
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
		`<AccessKeyId>ASIAROLE%d</AccessKeyId><SecretAccessKey>role/secret+%d</SecretAccessKey><SessionToken>role+token//==%d</SessionToken>`+
		`<Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, n, n, n, time.Now().Add(s.lifetime).UTC().Format(time.RFC3339))
}

// change changes what it does from now on.
func (s *tokenService) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *tokenService) calls() (asked []url.Values, keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(asked, s.asked...), append(keys, s.keys...)
}

// refusing is an answer in the form of the query API.
func refusing(status int, code string) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>You are AKIDOWN own/secret+key</Message></Error></ErrorResponse>`, code)
		return true
	}
}

// signedBy returns the id of the key that a request is signed with.
func signedBy(r *http.Request) string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	id, _, _ := strings.Cut(rest, "/")
	return id
}
