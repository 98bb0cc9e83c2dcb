package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// CopyOptions say how Copy copies.
type CopyOptions struct {
	Layout Layout // of what is written
	Rules  *store.Rules
}

// Copy writes all records of one store into another, which must not have any others, byte for byte. What is written to from meanwhile is
// copied, too, unless there is no end of it. It ends with both read again and compared. When it is broken off, it can be run again. It
// tells out what it does.
func Copy(ctx context.Context, from, to store.Database, o CopyOptions, out io.Writer) error {
	c := &copying{from: from, to: to, options: o, out: out, told: time.Now()}
	err := c.run(ctx)
	var final refusal
	switch {
	case err == nil, errors.As(err, &final):
		return err
	case errors.Is(err, store.ErrUnusable):
		return err
	case ctx.Err() != nil:
		err = errors.New("interrupted")
	}
	return fmt.Errorf("%w; %s so far: run the same command again to go on", err, count(c.records, "record is written", "records are written"))
}

// copying is one run of Copy.
type copying struct {
	from, to store.Database
	options  CopyOptions

	mu                      sync.Mutex // guards what follows: realms are written at the same time
	out                     io.Writer
	told                    time.Time // when progress was told last
	records, bytes, commits int       // written so far
}

// rounds is how often differences are applied that were made while copying.
const rounds = 5

func (c *copying) run(ctx context.Context) error {
	began := time.Now()
	var last contents // what this run has made of TO
	for round := 0; ; round++ {
		want, from, err := c.wanted(ctx, round == 0)
		if err != nil {
			return err
		}
		have, at, err := read(ctx, c.to)
		if err != nil {
			return fmt.Errorf("TO: %w", err)
		}
		if realm, ok := from.shares(at); ok {
			return refusal(fmt.Sprintf("FROM and TO are the same store, or one is a backup of the other: the realm %q has the same commits. Nothing was written", realm))
		}
		if err := others(have, want, last); err != nil {
			return err
		}
		switch n := differences(want, have); {
		case n == 0:
			c.tellEnd(want, time.Since(began))
			return nil
		case round > rounds:
			return refusal(fmt.Sprintf("FROM changes all the while, and %s not copied: stop what writes to it, and begin again with an empty TO",
				count(n, "change is", "changes are")))
		}
		if err := c.write(ctx, target{want: want, last: last, have: have, heads: at}); err != nil {
			return err
		}
		last = want
	}
}

// wanted returns what TO should hold, and the heads of FROM.
func (c *copying) wanted(ctx context.Context, first bool) (contents, heads, error) {
	from, at, err := read(ctx, c.from)
	if err != nil {
		return nil, nil, fmt.Errorf("FROM: %w", err)
	}
	want, problems := arrange(from, c.options.Layout)
	_, shared := from[store.Shared]
	unreadable, taken := survey(c.options.Rules, from, c.options.Layout == Shared && !shared)
	if problems = slices.Concat(problems, taken, want.misfits()); len(problems) > 0 {
		return nil, nil, refusal("FROM: " + strings.Join(problems, "\nFROM: "))
	}
	if first {
		records, bytes := want.size()
		c.tell("found", "%s in %s, %d bytes", count(records, "record", "records"), count(len(from), "realm", "realms"), bytes)
	}
	if first && len(unreadable) > 0 {
		c.tell("warning", "%s, copied as stored, cannot be read by this version: %s", count(len(unreadable), "record", "records"), list(unreadable))
	}
	return want, at, nil
}

// others returns an error if TO holds what is neither wanted nor what this run has written there.
func others(have, want, last contents) error {
	names := have.without(want, last)
	switch {
	case len(names) == 0:
		return nil
	case last == nil:
		return refusal(fmt.Sprintf("TO holds %s that FROM does not have like that: %s. It must be empty, or hold nothing but records of FROM. Nothing was written",
			count(len(names), "record", "records"), list(names)))
	}
	return refusal("TO is written to by others meanwhile: " + list(names))
}

// refusal is an error that the same command would end with again.
type refusal string

func (r refusal) Error() string { return string(r) }

func (c *copying) tellEnd(want contents, took time.Duration) {
	records, _ := want.size()
	c.tell("copied", "%s to %s, %d bytes, %s, %v",
		count(c.records, "record", "records"), count(len(want), "realm", "realms"), c.bytes, count(c.commits, "commit", "commits"), took.Round(time.Millisecond))
	c.tell("verified", "FROM and TO were read and compared: %s, all the same", count(records, "record", "records"))
}

func (c *copying) tell(what, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tell(c.out, what, format, args...)
}

// landed counts a commit.
func (c *copying) landed(commit store.Commit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commits++
	c.records += len(commit.Ops)
	for _, op := range commit.Ops {
		c.bytes += len(op.Value)
	}
	if time.Since(c.told) > 10*time.Second {
		c.told = time.Now()
		tell(c.out, "so far", "%d records", c.records)
	}
}
