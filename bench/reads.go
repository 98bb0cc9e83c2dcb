package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	readsTurns = 3
	youngAge   = 2 * time.Second // as store.youngAge
	quiet      = 100 * time.Millisecond
)

// measureReads counts what passes between a warm Lambda and its store, in bytes: whatever asks the store would be seen.
func measureReads(ctx context.Context) ([]row, error) {
	r, err := startRegion(ctx)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	var young, invocations, old int64
	for range readsTurns {
		n, bytes, err := r.warm(ctx)
		if err != nil {
			return nil, err
		}
		young, invocations = young+bytes, invocations+n
		time.Sleep(youngAge)
		if bytes, err = r.passed(func() error { return r.invoke(ctx, countedLambda) }); err != nil {
			return nil, err
		}
		if bytes == 0 {
			return nil, errors.New("a snapshot that is old was not looked after, or the proxy does not count")
		}
		old += bytes
	}
	return []row{{
		name: "warm invocations with a young snapshot, bytes to and from the store", measured: float64(young), limit: 0,
		note: fmt.Sprintf("%d invocations; one with an older snapshot: %d bytes", invocations, old/readsTurns),
	}}, nil
}

// warm starts a Lambda and invokes it as long as its snapshot is young. It returns how often, and what passed meanwhile.
func (r *region) warm(ctx context.Context) (n, bytes int64, err error) {
	began := time.Now() // the snapshot is younger
	if _, err := r.cold(ctx, countedLambda); err != nil {
		return 0, 0, err
	}
	if err := r.invoke(ctx, countedLambda); err != nil { // the rest of what the start has sent may come only now
		return 0, 0, err
	}
	time.Sleep(quiet)
	bytes, err = r.passed(func() error {
		for ; time.Since(began) < youngAge-4*quiet; n++ {
			if err := r.invoke(ctx, countedLambda); err != nil {
				return err
			}
		}
		if n == 0 || time.Since(began) > youngAge {
			return errors.New("this machine is too busy to invoke a Lambda within two seconds")
		}
		return nil
	})
	return n, bytes, err
}

// passed returns how many bytes passed between the Lambda and the store meanwhile, and shortly afterwards.
func (r *region) passed(meanwhile func() error) (int64, error) {
	before := r.proxy.bytes.Load()
	if err := meanwhile(); err != nil {
		return 0, err
	}
	time.Sleep(quiet)
	return r.proxy.bytes.Load() - before, nil
}
