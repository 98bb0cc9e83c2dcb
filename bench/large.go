package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"
)

const (
	subscriptions = 100_000
	largeTurns    = 7
)

// measureLarge takes the memory of a large realm's snapshot, and how long a gateway takes to start with it.
func measureLarge(ctx context.Context) ([]row, error) {
	db, err := startEtcd(ctx)
	if err != nil {
		return nil, err
	}
	defer db.stop()
	s, err := openStore(db.url())
	if err != nil {
		return nil, err
	}
	err = fill(ctx, s, subscriptions)
	_ = s.Close()
	if err != nil {
		return nil, err
	}
	megabytes, err := hello(ctx, "snapshot", db.url())
	if err != nil {
		return nil, err
	}
	starts, err := measureStarts(ctx, db)
	heap := row{name: "100,000 subscriptions, heap of the snapshot", measured: megabytes / 1e6, limit: 60, unit: " MB",
		note: fmt.Sprintf("%.0f bytes a subscription", megabytes/subscriptions)}
	return append([]row{heap}, starts...), err
}

func measureStarts(ctx context.Context, db *database) ([]row, error) {
	var ours, whole, paged, toWhole, toPaged []float64
	for i := range largeTurns + 1 {
		began := time.Now()
		g, err := startGateway(ctx, db.url())
		if err != nil {
			return nil, err
		}
		took := float64(time.Since(began))
		g.stop()
		w, err := hello(ctx, "range", db.endpoint(), "whole")
		if err != nil {
			return nil, err
		}
		p, err := hello(ctx, "range", db.endpoint(), "paged")
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first is to warm up
			ours, whole, paged = append(ours, took), append(whole, w), append(paged, p)
			toWhole, toPaged = append(toWhole, took/w), append(toPaged, took/p)
		}
	}
	note := func(theirs []float64) string {
		return fmt.Sprintf("%.0f ms against %.0f ms", median(ours)/1e6, median(theirs)/1e6)
	}
	return []row{
		{name: "100,000 subscriptions, start against one range read", measured: median(toWhole), limit: 3, unit: "x", note: note(whole)},
		{name: "100,000 subscriptions, start against a paged read", measured: median(toPaged), limit: 3, unit: "x", note: note(paged)},
	}, nil
}

// hello returns the number that a process in the role says, and ends it.
func hello(ctx context.Context, role string, args ...string) (float64, error) {
	p, err := start(ctx, role, args...)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	return strconv.ParseFloat(p.hello, 64)
}

// playSnapshot loads the shared realm and says how many bytes of heap its snapshot keeps.
func playSnapshot(args []string) (string, func(string) string, error) {
	ctx := context.Background()
	s, err := openStore(args[0])
	if err != nil {
		return "", nil, err
	}
	if _, _, err := s.Load(ctx, "empty"); err != nil { // so that the connection is there
		return "", nil, err
	}
	before := heap()
	live := newLive(s)
	if err := live.CatchUp(ctx); err != nil {
		return "", nil, err
	}
	after := heap()
	n := 0
	for _, c := range live.Snapshot().Counts() {
		n += c.Subscriptions
	}
	if n != subscriptions || live.Snapshot().Corrupt() > 0 {
		return "", nil, fmt.Errorf("%d subscriptions, %d records that cannot be read", n, live.Snapshot().Corrupt())
	}
	return fmt.Sprint(after - before), nil, s.Close()
}

// heap returns the bytes in use, without garbage.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // pools need a second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
