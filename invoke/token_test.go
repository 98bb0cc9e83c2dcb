package invoke

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counted returns a bearer whose tokens are t1, t2 and so on, each of which takes a second and lives for a while.
func counted(life time.Duration) (*bearer, *atomic.Int64) {
	n := new(atomic.Int64)
	return &bearer{renew: func(ctx context.Context) (token, error) {
		value := fmt.Sprintf("t%d", n.Add(1))
		select {
		case <-time.After(time.Second):
			return token{value, time.Now().Add(life)}, nil
		case <-ctx.Done():
			return token{}, ctx.Err()
		}
	}}, n
}

func wantToken(t *testing.T, b *bearer, want string) {
	t.Helper()
	if got, err := b.authorization(t.Context()); got != "Bearer "+want || err != nil {
		t.Errorf("got %q, %v, want %s", got, err, want)
	}
}

// TestTokenShared: all who call at once wait for one renewal, and later ones for none.
func TestTokenShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, n := counted(time.Hour)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 20 * time.Millisecond) // some while it is renewed, some afterwards
				wantToken(t, b, "t1")
			})
		}
		wg.Wait()
		if n.Load() != 1 {
			t.Errorf("%d renewals", n.Load())
		}
	})
}

// TestTokenRenewed: a token is used until shortly before it expires.
func TestTokenRenewed(t *testing.T) {
	f := func(life, still, no time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			b, _ := counted(life)
			wantToken(t, b, "t1")
			time.Sleep(still)
			wantToken(t, b, "t1")
			time.Sleep(no - still)
			wantToken(t, b, "t2")
		})
	}
	f(time.Hour, 59*time.Minute-time.Second, 59*time.Minute)
	f(100*time.Second, 79*time.Second, 80*time.Second)
	f(1000*time.Hour, 23*time.Hour, 24*time.Hour)
	synctest.Test(t, func(t *testing.T) {
		b, _ := counted(0) // over as soon as it is there
		for range 5 {
			wantToken(t, b, "t1")
		}
		time.Sleep(shortestLife)
		wantToken(t, b, "t2")
	})
}

// TestTokenCallerGone: who goes away does not wait, and those who stay get the token.
func TestTokenCallerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, n := counted(time.Hour)
		fails := func(ctx context.Context, want Class) {
			t.Helper()
			began := time.Now()
			_, err := b.authorization(ctx)
			var e *Error
			if !errors.As(err, &e) || e.Class != want || time.Since(began) != 100*time.Millisecond {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
		late, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		fails(late, Timeout)
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		fails(gone, Canceled)
		wantToken(t, b, "t1")
		if n.Load() != 1 {
			t.Errorf("%d renewals", n.Load())
		}
	})
}

// TestTokenSlow: a renewal ends by itself, whoever waits for it; the bubble sees what is left.
func TestTokenSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Time, 1)
		b := &bearer{renew: func(ctx context.Context) (token, error) {
			<-ctx.Done()
			ended <- time.Now()
			return token{}, &Error{Class: Timeout}
		}}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.authorization(ctx); err == nil {
			t.Error("there is a token")
		}
		if took := (<-ended).Sub(began); took != renewalTimeout {
			t.Error("it took", took)
		}
	})
}

// TestTokenRefused: a token that was refused is not used again, but a function that refuses all of them does not cause many renewals.
func TestTokenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, n := counted(time.Hour)
		wantToken(t, b, "t1")
		b.refused("Bearer t0") // of an older call
		wantToken(t, b, "t1")
		b.refused("Bearer t1")
		wantToken(t, b, "t2")
		b.refused("Bearer t1")
		b.refused("Bearer t2")
		wantToken(t, b, "t2")
		time.Sleep(dropPause)
		b.refused("Bearer t2")
		wantToken(t, b, "t3")
		if n.Load() != 3 {
			t.Errorf("%d renewals", n.Load())
		}
	})
}

// TestTokenFailed: a refusal goes to all who wait, and to those who come within some seconds.
func TestTokenFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		b := &bearer{renew: func(context.Context) (token, error) {
			time.Sleep(time.Second)
			if n++; n == 1 {
				return token{}, &Error{Class: Denied, Message: "no"}
			}
			return token{value: "t"}, nil
		}}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if _, err := b.authorization(t.Context()); err == nil || err.(*Error).Class != Denied {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		time.Sleep(refusalLasts - time.Millisecond)
		if _, err := b.authorization(t.Context()); err == nil || n != 1 {
			t.Error(n, err)
		}
		time.Sleep(time.Millisecond)
		wantToken(t, b, "t")
		time.Sleep(3 * time.Minute) // nobody said how long it lives
		wantToken(t, b, "t")
		if n != 2 {
			t.Errorf("%d renewals", n)
		}
	})
}

// TestTokenAhead: while the old token is good, one caller renews it, and that one does not wait for long.
func TestTokenAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, takes := 0, time.Second
		b := &bearer{renew: func(ctx context.Context) (token, error) {
			n++
			value := fmt.Sprintf("t%d", n)
			select {
			case <-time.After(takes):
				return token{value, time.Now().Add(time.Hour)}, nil
			case <-ctx.Done():
				return token{}, &Error{Class: Timeout}
			}
		}}
		gets := func(want string, after time.Duration) {
			t.Helper()
			began := time.Now()
			wantToken(t, b, want)
			if took := time.Since(began); took != after {
				t.Errorf("it took %v, want %v", took, after)
			}
		}
		gets("t1", time.Second)
		time.Sleep(59*time.Minute + time.Second)
		takes = time.Minute // t1 is good for 59 s
		var wg sync.WaitGroup
		wg.Go(func() { gets("t1", aheadTimeout) })
		synctest.Wait()
		for range 10 {
			gets("t1", 0)
		}
		wg.Wait()
		for range 10 {
			gets("t1", 0)
		}
		if time.Sleep(aheadPause); n != 2 {
			t.Errorf("%d renewals", n)
		}
		gets("t1", aheadTimeout)
		time.Sleep(aheadPause)
		takes = time.Second
		gets("t4", time.Second)
		gets("t4", 0)
		if n != 4 {
			t.Errorf("%d renewals", n)
		}
	})
}

// TestTokenAheadRefused: a refusal does not take a token away that is still good.
func TestTokenAheadRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		b := &bearer{renew: func(context.Context) (token, error) {
			if n++; n == 1 {
				return token{"t1", time.Now().Add(time.Hour)}, nil
			}
			return token{}, &Error{Class: Denied}
		}}
		wantToken(t, b, "t1")
		time.Sleep(59 * time.Minute)
		for range 54 {
			wantToken(t, b, "t1")
			time.Sleep(time.Second)
		}
		if n != 1+6 { // with ten seconds between them
			t.Errorf("%d renewals", n)
		}
		time.Sleep(lastMoments)
		for range 1000 {
			if _, err := b.authorization(t.Context()); err == nil {
				t.Fatal("a token that is over is used")
			}
		}
		if n != 8 {
			t.Errorf("%d renewals", n)
		}
	})
}

// TestTokenPanic: the process goes on, and so does the next call.
func TestTokenPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		b := &bearer{renew: func(context.Context) (token, error) {
			if n++; n != 2 {
				panic("broken")
			}
			return token{"t", time.Now().Add(time.Hour)}, nil
		}}
		_, err := b.authorization(t.Context())
		if e, ok := err.(*Error); !ok || e.Class != Temporary || e.Cause.Error() != "a panic: broken" {
			t.Error(err)
		}
		wantToken(t, b, "t")
		time.Sleep(59*time.Minute + time.Second)
		wantToken(t, b, "t")
	})
}

// TestTokenNonsense: what can be no header is no token.
func TestTokenNonsense(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "a\nb", "a\x00", strings.Repeat("x", maxToken+1)} {
		b := &bearer{renew: func(context.Context) (token, error) { return token{value: value}, nil }}
		_, err := b.authorization(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Class != Invalid {
			t.Errorf("%.20q: %v", value, err)
		}
	}
}

// TestTokenEndpointHangs: the request ends with its context, also where a library has no place for one.
func TestTokenEndpointHangs(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server that has not read it does not see that its caller goes
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	e := NewEgress(EgressOptions{})
	t.Cleanup(e.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	i := gcloudIdentity{account: &serviceAccount{Email: "a@b", Key: string(text), TokenURI: s.URL}, transport: e.transport}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = i.token(ctx)
	var failure *Error
	if !errors.As(err, &failure) || failure.Class != Timeout || !strings.Contains(failure.Message, "token_uri: it did not answer in time") {
		t.Error(err)
	}
}

// TestFromOutside: what others say is short, printable and without secrets when it goes to the log.
func TestFromOutside(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		if got := excerpt(in, "s3cr+t/", "abc").Error(); got != want {
			t.Errorf("%.50q: got %q, want %q", in, got, want)
		}
	}
	f("plain", "plain")
	f("a s3cr+t/ b s3cr%2Bt%2F", "a **** b ****")
	f("abc", "abc")
	f("got eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.sig-_ there", "got **** there")
	f("a\nb\x00\u202ec", "a b  c")
	f(strings.Repeat("x", 1<<20), strings.Repeat("x", maxCause))
}

// TestParseSecure: secrets go over HTTPS, or stay within this machine.
func TestParseSecure(t *testing.T) {
	t.Parallel()
	f := func(in string, want bool) {
		t.Helper()
		if _, got := parseSecure(in); got != want {
			t.Errorf("%s: %v", in, got)
		}
	}
	f("https://oauth2.googleapis.com/token", true)
	f("http://oauth2.googleapis.com/token", false)
	f("http://127.0.0.1:1/token", true)
	f("http://127.9.9.9/token", true)
	f("http://[::1]/token", true)
	f("http://localhost/token", true)
	f("http://localhost.example.com/token", false)
	f("http://127.0.0.1.example.com/token", false)
	f("https://a:b@example.com/", false)
	f("https://example.com:70000/", false)
	f("https:///token", false)
	f("ftp://127.0.0.1/", false)
	f("example.com", false)
	f("", false)
}
