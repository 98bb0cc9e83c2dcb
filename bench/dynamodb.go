package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

const (
	tableSubscriptions = 1_000
	warmEvents         = 10_000 // as fast as possible
	steadyTime         = 20 * time.Second
)

// tableRegion is a region whose store is a table.
type tableRegion struct {
	*region
	table *table
}

func startTableRegion(ctx context.Context) (r tableRegion, err error) {
	r.region = &region{}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	if r.table, err = startTable(ctx); err != nil {
		return r, err
	}
	r.db = r.table
	return r, r.open(ctx, r.table.urlWithKeys(), tableSubscriptions, map[string]string{gatewayLambda: r.table.url(), bare: r.table.url()})
}

// measureDynamoDB takes the cold start with a table, and how often a warm Lambda reads it.
func measureDynamoDB(ctx context.Context) ([]row, error) {
	r, err := startTableRegion(ctx)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	cold, err := r.compareCold(ctx, "cold start with 1,000 subscriptions in DynamoDB, against a bare query of them")
	if err != nil {
		return nil, err
	}
	asked, err := r.table.counts(func() error { _, err := r.cold(ctx, gatewayLambda); return err })
	if err != nil {
		return nil, err
	}
	cold.note += "; " + requests(asked)
	rows := []row{cold}
	for _, rate := range []int{0, 10, 1} {
		reads, err := r.measureTableReads(ctx, rate)
		if err != nil {
			return rows, err
		}
		rows = append(rows, reads)
	}
	return rows, nil
}

// measureTableReads sends events to one warm process at a steady rate a second, or as fast as it answers if that is 0, and counts what the server
// is asked. At most one question in two seconds is what is promised: the limit.
func (r tableRegion) measureTableReads(ctx context.Context, rate int) (none row, err error) {
	n, pause, pace := warmEvents, time.Duration(0), "as fast as it answers"
	if rate > 0 {
		n, pause, pace = rate*int(steadyTime/time.Second), time.Second/time.Duration(rate), fmt.Sprintf("%d a second", rate)
	}
	if _, err := r.cold(ctx, gatewayLambda); err != nil {
		return none, err
	}
	began := time.Now()
	asked, err := r.table.counts(func() error {
		for i := range n {
			time.Sleep(time.Until(began.Add(time.Duration(i+1) * pause)))
			if err := r.invoke(ctx, gatewayLambda); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return none, err
	}
	took, reads := time.Since(began), asked.Calls["GetItem"]
	if reads == 0 {
		return none, errors.New("a snapshot that is old was not looked after, or the server does not count")
	}
	thousands := 1e3 / float64(n) // of a million events
	return row{
		name: "reads of DynamoDB a million warm events, " + pace, measured: float64(reads) * thousands, unit: " thousand",
		limit: took.Seconds() / youngAge.Seconds() * thousands,
		note:  fmt.Sprintf("%d events in %.1f s; %s", n, took.Seconds(), requests(asked)),
	}, nil
}

// requests says what a server was asked.
func requests(asked dynamodb.Counts) string {
	text := ""
	for _, operation := range slices.Sorted(maps.Keys(asked.Calls)) {
		text += fmt.Sprintf("%d %s, ", asked.Calls[operation], operation)
	}
	return text + fmt.Sprintf("%.0f read units, %.0f write units", asked.Read, asked.Write)
}
