package invoke_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

const withRole = `"roleArn":"` + roleARN + `"`

// hostedHere are the options of a hosted gateway whose functions may be on this machine.
func hostedHere(c invoke.Credentials) invoke.EgressOptions {
	return invoke.EgressOptions{Hosted: true, Credentials: c, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// TestAWSNeeds: what a function must have so that it can be registered and called, by what the gateway lends.
func TestAWSNeeds(t *testing.T) {
	awsEnv(t, "http://127.0.0.1:1")
	f := func(o invoke.EgressOptions, settings, want string) {
		t.Helper()
		body := `{"functionId":"f","type":"awskinesis","provider":{"streamName":"s","region":"eu-west-1"` + settings + `}}`
		_, err := store.NewRules(invoke.FunctionTypes(o.Lent()), false, nil).DecodeFunction([]byte(body), "default", "")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s registered: %v", settings, err)
		}
		types := invoke.FunctionTypes(o.Lent()) // the store may have it nevertheless
		for i := range types {
			types[i].Check = nil
		}
		record, err := store.NewRules(types, false, nil).DecodeFunction([]byte(body), "default", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, o, record); want == "" && err != nil || want != "" && !strings.Contains(wantDenied(t, err).Message, want) {
			t.Errorf("%s opened: %v", settings, err)
		}
	}
	const keys = "provider.awsAccessKeyId and provider.awsSecretAccessKey are required: this gateway calls nothing with AWS credentials of its own"
	const role = "or provider.roleArn, are required"
	lends := func(c invoke.Credentials) invoke.EgressOptions { return invoke.EgressOptions{Credentials: c} }
	for _, all := range []string{"," + ownKeys, "," + ownKeys + "," + withRole} {
		f(invoke.EgressOptions{}, all, "")
		f(invoke.EgressOptions{Hosted: true}, all, "")
		f(lends(invoke.OwnCredentials), all, "")
		f(hostedHere(invoke.RoleCredentials), all, "")
	}
	f(invoke.EgressOptions{}, "", "")
	f(lends(invoke.GatewayCredentials), "", "")
	f(lends(invoke.RoleCredentials), "", role)
	f(lends(invoke.OwnCredentials), "", keys)
	f(invoke.EgressOptions{Hosted: true}, "", keys)
	f(hostedHere(invoke.RoleCredentials), "", role)
	f(invoke.EgressOptions{}, ","+withRole, "")
	f(lends(invoke.RoleCredentials), ","+withRole, "")
	f(lends(invoke.OwnCredentials), ","+withRole, keys)
	f(invoke.EgressOptions{Hosted: true}, ","+withRole, keys)
	f(hostedHere(invoke.RoleCredentials), ","+withRole, "")
}

// TestRole: how a role is asked for, by whom, and what is signed with it.
func TestRole(t *testing.T) {
	f := func(name string, o invoke.EgressOptions, settings, signer, external string) {
		t.Run(name, func(t *testing.T) {
			r := newRegion(t, empty)
			sts := newTokenService(t)
			call, err := open(t, o, function(t, arn, withRole+settings))
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := call(t.Context(), payload(`{}`)); err != nil {
					t.Fatal(err)
				}
			}
			asked, keys := sts.calls()
			if len(asked) != 1 || keys[0] != signer {
				t.Fatalf("%d calls of STS, by %v", len(asked), keys)
			}
			want := "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fteam%2Fsender&RoleSessionName=event-gateway&Version=2011-06-15"
			if external != "" {
				want = strings.Replace(want, "&RoleArn", "&ExternalId="+external+"&RoleArn", 1)
			}
			if got := asked[0].Encode(); got != want {
				t.Errorf("STS was sent\n%s, want\n%s", got, want)
			}
			for _, got := range r.got {
				if signedBy(got) != "ASIAROLE1" || got.Header.Get("X-Amz-Security-Token") != "role+token//==1" {
					t.Errorf("%v", got.Header)
				}
			}
		})
	}
	f("the gateway's keys", invoke.EgressOptions{}, "", "AKIDGATEWAY", "")
	f("the gateway's keys, external id", invoke.EgressOptions{}, `,"externalId":"shop-7"`, "AKIDGATEWAY", "shop-7")
	f("own keys", invoke.EgressOptions{}, `,"externalId":"shop-7",`+ownKeys, "AKIDOWN", "shop-7")
	f("hosted", hostedHere(invoke.RoleCredentials), "", "AKIDGATEWAY", "default")
	f("hosted, external id", hostedHere(invoke.RoleCredentials), `,"externalId":"shop-7"`, "AKIDGATEWAY", "default%3Ashop-7")
	f("hosted, own keys", invoke.EgressOptions{Hosted: true}, `,"externalId":"shop-7",`+ownKeys, "AKIDOWN", "default%3Ashop-7")
}

// TestRoleOnce: many calls at once need one role.
func TestRoleOnce(t *testing.T) {
	newRegion(t, empty)
	sts := newTokenService(t)
	call := mustOpen(t, function(t, arn, withRole))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := call(t.Context(), payload(`{}`)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if asked, _ := sts.calls(); len(asked) != 1 {
		t.Errorf("%d calls of STS", len(asked))
	}
}

// TestRoleRenewed: credentials are renewed before they expire; while that fails, the old ones go on, and STS is not asked each time.
func TestRoleRenewed(t *testing.T) {
	r := newRegion(t, empty)
	sts := newTokenService(t)
	sts.change(func() { sts.lifetime = 2 * time.Minute }) // less than the time before
	call := mustOpen(t, function(t, arn, withRole))
	f := func(key string, asked int) {
		t.Helper()
		if _, err := call(t.Context(), payload(`{}`)); err != nil {
			t.Fatal(err)
		}
		if got := signedBy(r.got[len(r.got)-1]); got != key {
			t.Errorf("signed by %s, want %s", got, key)
		}
		if calls, _ := sts.calls(); len(calls) != asked {
			t.Errorf("%d calls of STS, want %d", len(calls), asked)
		}
	}
	f("ASIAROLE1", 1)
	f("ASIAROLE2", 2)
	sts.change(func() { sts.refuse = refusing(503, "ServiceUnavailable") })
	f("ASIAROLE2", 3)
	f("ASIAROLE2", 3)
}

// TestRoleGone: credentials that have expired are not used when there are no others.
func TestRoleGone(t *testing.T) {
	r := newRegion(t, empty)
	sts := newTokenService(t)
	sts.change(func() { sts.lifetime = time.Second })
	call := mustOpen(t, function(t, arn, withRole+","+ownKeys))
	if _, err := call(t.Context(), payload(`{}`)); err != nil {
		t.Fatal(err)
	}
	sts.change(func() { sts.refuse = refusing(503, "ServiceUnavailable") })
	_, err := call(t.Context(), payload(`{}`))
	wantError(t, err, invoke.Temporary, "AWS STS could not hand out credentials")
	if r.calls() != 1 {
		t.Errorf("%d calls", r.calls())
	}
}

// TestRoleDropped: only what was refused is dropped, and only for the reasons that new credentials help against.
func TestRoleDropped(t *testing.T) {
	var mu sync.Mutex
	code, bad := "", "ASIAROLE1"
	newRegion(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if signedBy(r) == bad {
			w.Header().Set("X-Amzn-ErrorType", code)
			w.WriteHeader(403)
			_, _ = io.WriteString(w, `{"message":"`+r.Header.Get("X-Amz-Security-Token")+` role/secret+`+strings.TrimPrefix(bad, "ASIAROLE")+`"}`)
		}
	})
	sts := newTokenService(t)
	f := func(refusal string, again int) {
		t.Helper()
		mu.Lock()
		code = refusal
		before, _ := sts.calls()
		bad = "ASIAROLE" + string(rune('1'+len(before)))
		mu.Unlock()
		call := mustOpen(t, function(t, arn, withRole))
		var wg sync.WaitGroup
		for range 20 { // each fails with the old ones, or has the new ones
			wg.Go(func() {
				if _, err := call(t.Context(), payload(`{}`)); err != nil {
					e := wantError(t, err, invoke.Denied, refusal)
					if strings.Contains(e.Error(), "role+token") || strings.Contains(e.Error(), "role/secret") {
						t.Error(e)
					}
				}
			})
		}
		wg.Wait()
		_, _ = call(t.Context(), payload(`{}`))
		if asked, _ := sts.calls(); len(asked)-len(before) != again {
			t.Errorf("%s: %d calls of STS, want %d", refusal, len(asked)-len(before), again)
		}
	}
	f("ExpiredTokenException", 2)
	f("UnrecognizedClientException", 2)
	f("AccessDeniedException", 1)
}

// TestRoleDroppedOnce: a function that refuses all credentials does not make the gateway ask for new ones each time.
func TestRoleDroppedOnce(t *testing.T) {
	newRegion(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "ExpiredTokenException")
		w.WriteHeader(403)
	})
	sts := newTokenService(t)
	call := mustOpen(t, function(t, arn, withRole))
	for range 100 {
		_, err := call(t.Context(), payload(`{}`))
		wantError(t, err, invoke.Denied, "have expired")
	}
	if asked, _ := sts.calls(); len(asked) != 2 {
		t.Errorf("%d calls of STS, want 2", len(asked))
	}
}

// TestRoleRefusedOnce: a storm of calls is none of STS where that refuses. What could be over at once is tried again.
func TestRoleRefusedOnce(t *testing.T) {
	newRegion(t, empty)
	sts := newTokenService(t)
	f := func(status int, code string, class invoke.Class, want int) {
		t.Helper()
		sts.change(func() { sts.refuse = refusing(status, code) })
		before, _ := sts.calls()
		call := mustOpen(t, function(t, arn, withRole+","+ownKeys))
		for range 20 {
			_, err := call(t.Context(), payload(`{}`))
			wantError(t, err, class, code)
		}
		if asked, _ := sts.calls(); len(asked)-len(before) != want {
			t.Errorf("%s: %d calls of STS, want %d", code, len(asked)-len(before), want)
		}
	}
	f(403, "AccessDenied", invoke.Denied, 1)
	f(400, "Throttling", invoke.Throttled, 1)
	f(400, "ValidationError", invoke.Invalid, 1)
	f(500, "InternalFailure", invoke.Temporary, 20)
}

// TestRoleSlow: while the old credentials are good, nobody waits long for new ones.
func TestRoleSlow(t *testing.T) {
	newRegion(t, empty)
	sts := newTokenService(t)
	sts.change(func() { sts.lifetime = 2 * time.Minute }) // less than the time before
	call := mustOpen(t, function(t, arn, withRole))
	if _, err := call(t.Context(), payload(`{}`)); err != nil {
		t.Fatal(err)
	}
	sts.change(func() { sts.refuse = func(http.ResponseWriter) bool { time.Sleep(3 * time.Second); return false } })
	began := time.Now()
	if _, err := call(t.Context(), payload(`{}`)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Error("it took", took)
	}
}

// TestRoleAway: it is said that STS is away, and not the function.
func TestRoleAway(t *testing.T) {
	r := newRegion(t, empty)
	t.Setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
	_, err := mustOpen(t, function(t, arn, withRole))(t.Context(), payload(`{}`))
	wantError(t, err, invoke.Temporary, "no credentials of the role in provider.roleArn could be had from AWS STS: it could not be reached")
	if r.calls() != 0 {
		t.Error("the function was called")
	}
}

// TestRoleLate: a call that finds out late leaves the newer credentials alone.
func TestRoleLate(t *testing.T) {
	asked, late := make(chan string, 9), make(chan struct{})
	newRegion(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- signedBy(r)
		<-late
		if signedBy(r) == "ASIAROLE1" {
			w.Header().Set("X-Amzn-ErrorType", "ExpiredTokenException")
			w.WriteHeader(403)
		}
	})
	sts := newTokenService(t)
	call := mustOpen(t, function(t, arn, withRole))
	done := make(chan error)
	begin := func(key string) {
		t.Helper()
		go func() {
			_, err := call(t.Context(), payload(`{}`))
			done <- err
		}()
		if got := <-asked; got != key {
			t.Fatalf("signed by %s, want %s", got, key)
		}
	}
	begin("ASIAROLE1")
	begin("ASIAROLE1")
	late <- struct{}{}
	wantError(t, <-done, invoke.Denied, "have expired")
	begin("ASIAROLE2")
	close(late)
	for range 2 {
		if err := <-done; err != nil {
			wantError(t, err, invoke.Denied, "have expired")
		}
	}
	if _, err := call(t.Context(), payload(`{}`)); err != nil {
		t.Error(err)
	}
	if calls, _ := sts.calls(); len(calls) != 2 {
		t.Errorf("%d calls of STS, want 2", len(calls))
	}
}

// TestRoleRefused: what STS says, and that it was STS.
func TestRoleRefused(t *testing.T) {
	r := newRegion(t, empty)
	sts := newTokenService(t)
	f := func(status int, code string, class invoke.Class, words ...string) {
		t.Helper()
		sts.change(func() { sts.refuse = refusing(status, code) })
		_, err := mustOpen(t, function(t, arn, withRole+","+ownKeys))(t.Context(), payload(`{}`))
		wantError(t, err, class, words...)
	}
	const denied = "the role in provider.roleArn could not be assumed ("
	f(403, "AccessDenied", invoke.Denied, denied+"AccessDenied): whoever assumes it needs sts:AssumeRole on it", "external id")
	f(403, "ExpiredToken", invoke.Denied, denied, "have expired")
	f(403, "InvalidClientTokenId", invoke.Denied, denied, "not valid")
	f(403, "SignatureDoesNotMatch", invoke.Denied, denied, "not valid")
	f(400, "RequestExpired", invoke.Denied, denied, "clock")
	f(403, "RegionDisabledException", invoke.Denied, denied)
	f(400, "Throttling", invoke.Throttled, "AWS STS hands out no more credentials for now (Throttling)")
	f(400, "ValidationError", invoke.Invalid, "AWS STS refused the call (ValidationError)")
	f(500, "InternalFailure", invoke.Temporary, "AWS STS could not hand out credentials of the role")
	sts.change(func() {
		sts.refuse = func(w http.ResponseWriter) bool { _, _ = io.WriteString(w, "<a/>"); return true }
	})
	_, err := mustOpen(t, function(t, arn, withRole))(t.Context(), payload(`{}`))
	wantError(t, err, invoke.Invalid, "AWS STS gave an answer that makes no sense")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	_, err = mustOpen(t, function(t, arn, withRole))(t.Context(), payload(`{}`))
	if e := wantDenied(t, err); !strings.Contains(e.Message, "could not get AWS credentials of its own") {
		t.Error(e)
	}
	if r.calls() != 0 {
		t.Errorf("%d calls of the function", r.calls())
	}
}

// TestRoleHangs: who waits for STS can go away.
func TestRoleHangs(t *testing.T) {
	newRegion(t, empty)
	sts := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(func() { sts.CloseClientConnections(); sts.Close() })
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	call := mustOpen(t, function(t, arn, withRole))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := call(ctx, payload(`{}`))
	wantError(t, err, invoke.Timeout, "could be had from AWS STS: it did not answer in time")
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = call(ctx, payload(`{}`))
	wantError(t, err, invoke.Canceled)
}

// TestEndpointOfFunction: what is signed with the gateway's credentials never goes where a function says, and STS is never there.
func TestEndpointOfFunction(t *testing.T) {
	r := newRegion(t, func(http.ResponseWriter, *http.Request) { t.Error("AWS was called") })
	t.Setenv("AWS_ENDPOINT_URL", r.URL)
	sts := newTokenService(t)
	var got []*http.Request
	here := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r) }))
	t.Cleanup(here.Close)
	endpoint := `"endpoint":"` + here.URL + `/base",`
	for _, settings := range []string{ownKeys, withRole, ownKeys + "," + withRole} {
		if _, err := mustOpen(t, function(t, "hello", endpoint+settings))(t.Context(), payload(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	if asked, keys := sts.calls(); len(asked) != 2 || keys[0] != "AKIDGATEWAY" || keys[1] != "AKIDOWN" {
		t.Errorf("STS was called by %v", keys)
	}
	if len(got) != 3 || signedBy(got[0]) != "AKIDOWN" || signedBy(got[1]) != "ASIAROLE1" || signedBy(got[2]) != "ASIAROLE2" || got[0].URL.Path != "/base/2015-03-31/functions/hello/invocations" {
		t.Errorf("%d calls: %v", len(got), got)
	}
	for _, r := range got {
		for name, values := range r.Header {
			if text := strings.Join(values, ""); strings.Contains(text, "GATEWAY") || strings.Contains(text, "gateway+token") {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
	// It is dialled as other addresses that users name.
	blocked := invoke.EgressOptions{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	call, err := open(t, blocked, function(t, "hello", endpoint+ownKeys))
	if err != nil {
		t.Fatal(err)
	}
	_, err = call(t.Context(), payload(`{}`))
	wantError(t, err, invoke.Blocked, "its address is not allowed")
}
