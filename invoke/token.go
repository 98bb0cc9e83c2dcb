package invoke

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/sync/singleflight"
)

const (
	renewalTimeout = 10 * time.Second
	// renewBefore is how long before its end a token is renewed. One that lives only a few minutes is used for four fifths of them.
	renewBefore = time.Minute
	// aheadTimeout is what a renewal may take of a caller's time while the old token is good; aheadPause comes after one that failed.
	aheadTimeout, aheadPause = 2 * time.Second, 10 * time.Second
	// lastMoments of a token are too short for a call.
	lastMoments = 5 * time.Second
	// shortestLife is for tokens that are over at once, or seem to be where the clock is wrong.
	shortestLife = 10 * time.Second
	// dropPause bounds how often a function that refuses every token can have new ones asked for.
	dropPause = 10 * time.Second
	maxToken  = 16 << 10
)

// token is what a function takes in place of a password, for a while.
type token struct {
	value   string
	expires time.Time // zero: nobody said
}

// bearer keeps the token that a function is called with, for all its callers. Those who come while there is none wait for the same one.
type bearer struct {
	renew func(ctx context.Context) (token, error)

	renewal singleflight.Group
	refusal refusal
	mu      sync.Mutex
	header  string    // what stands in Authorization; empty: there is no token
	due     time.Time // from then on somebody renews it
	until   time.Time // it is used
	ahead   bool      // somebody renews it, and it is still used
	dropped time.Time
}

// authorization returns what a call has in its header Authorization. The renewal does not end with the caller that began it: others may
// wait for it, too. It ends by itself soon.
func (b *bearer) authorization(ctx context.Context) (string, error) {
	switch header, due := b.current(); {
	case due:
		return b.renewAhead(ctx, header), nil
	case header != "":
		return header, nil
	}
	if e := b.refusal.last(); e != nil {
		return "", e
	}
	renewed := b.renewal.DoChan("", func() (any, error) {
		if header, _ := b.current(); header != "" { // renewed a moment ago
			return header, nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
		defer cancel()
		header, err := b.ask(ctx)
		b.refusal.note(err)
		return header, err
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

// current returns the header, if there is one that can be used, and whether whoever asks has to renew it: one caller at a time.
func (b *bearer) current() (header string, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	switch {
	case !now.Before(b.until):
		return "", false
	case now.Before(b.due), b.ahead, b.header == "":
		return b.header, false
	}
	b.ahead = true
	return b.header, true
}

// renewAhead renews a token that is still good. If that fails or is too slow, the old one is used for some time more.
func (b *bearer) renewAhead(ctx context.Context, old string) string {
	ctx, cancel := context.WithTimeout(ctx, aheadTimeout)
	defer cancel()
	header, err := b.ask(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead = false
	if err != nil {
		b.due = time.Now().Add(aheadPause)
		return old
	}
	return header
}

// ask asks for a token and keeps it. A panic is an error: others wait, and in their place it would end the process.
func (b *bearer) ask(ctx context.Context) (header string, err error) {
	defer recovered(&err)
	t, err := b.renew(ctx)
	if err != nil {
		return "", err
	}
	return b.keep(t)
}

// recovered makes an error of a panic. It has to be deferred.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = &Error{Class: Temporary, Message: "its credentials could not be had, for a fault of the gateway", Cause: excerpt(fmt.Sprint("a panic: ", p))}
	}
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
	life = min(max(life, shortestLife), 24*time.Hour)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.header, b.due, b.until = "Bearer "+t.value, now.Add(life-min(renewBefore, life/5)), now.Add(life-min(lastMoments, life/10))
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
