package invoke

import (
	"context"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/sync/singleflight"
)

const (
	renewalTimeout = 10 * time.Second
	// renewBefore is how long before its end a token is renewed. One that lives only a few minutes is used for four fifths of them.
	renewBefore = time.Minute
	// dropPause bounds how often a function that refuses every token can have new ones asked for.
	dropPause = 10 * time.Second
	maxToken  = 16 << 10
)

// token is what a function takes in place of a password, for a while.
type token struct {
	value   string
	expires time.Time // zero: nobody said
}

// bearer keeps the token that a function is called with, for all its callers. Those who come while it is renewed wait for the same one.
type bearer struct {
	renew func(ctx context.Context) (token, error)

	renewal singleflight.Group
	mu      sync.Mutex
	header  string // what stands in Authorization; empty: there is no token
	until   time.Time
	dropped time.Time
}

// authorization returns what a call has in its header Authorization. The renewal does not end with the caller that began it: others may
// wait for it, too. It ends by itself soon.
func (b *bearer) authorization(ctx context.Context) (string, error) {
	if header := b.current(); header != "" {
		return header, nil
	}
	renewed := b.renewal.DoChan("", func() (any, error) {
		if header := b.current(); header != "" { // renewed a moment ago
			return header, nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
		defer cancel()
		t, err := b.renew(ctx)
		if err != nil {
			return "", err
		}
		return b.keep(t)
	})
	select {
	case r := <-renewed:
		if r.Err != nil {
			return "", r.Err
		}
		return r.Val.(string), nil
	case <-ctx.Done():
		e := callError(ctx, ctx.Err())
		if e.Class == Timeout {
			e.Message = "no token for the call could be had in time"
		}
		return "", e
	}
}

func (b *bearer) current() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Now().Before(b.until) {
		return b.header
	}
	return ""
}

// keep takes a new token and returns the header that has it.
func (b *bearer) keep(t token) (string, error) {
	if t.value == "" || len(t.value) > maxToken || !httpguts.ValidHeaderFieldValue(t.value) {
		return "", &Error{Class: Invalid, Message: "what the token endpoint gave out is no token"}
	}
	life := 5 * time.Minute
	if !t.expires.IsZero() {
		life = time.Until(t.expires)
	}
	life = min(life, 24*time.Hour)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.header, b.until = "Bearer "+t.value, time.Now().Add(life-min(renewBefore, life/5))
	return b.header, nil
}

// refused drops the token, so that the next call has a new one.
func (b *bearer) refused(header string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.header != header || time.Since(b.dropped) < dropPause {
		return
	}
	b.header, b.dropped = "", time.Now()
}
