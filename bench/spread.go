package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	spreadTurns = 15
	spreadEach  = 200
)

// measureSpread compares how long a change takes from one gateway to another with how long a bare watch takes.
func measureSpread(ctx context.Context) ([]row, error) {
	db, err := startEtcd(ctx)
	if err != nil {
		return nil, err
	}
	defer db.stop()
	function, err := start(ctx, "function")
	if err != nil {
		return nil, err
	}
	defer function.stop()
	a, err := startGateway(ctx, db.url())
	if err != nil {
		return nil, err
	}
	defer a.stop()
	b, err := startGateway(ctx, db.url())
	if err != nil {
		return nil, err
	}
	defer b.stop()
	other, err := connect(b.events)
	if err != nil {
		return nil, err
	}
	defer other.Close()
	if err := a.subscribe(function.hello, "GET", "/first"); err != nil {
		return nil, err
	}
	if _, err := untilServed(other, "/first"); err != nil {
		return nil, err
	}
	w, err := newWatch(ctx, db.endpoint())
	if err != nil {
		return nil, err
	}
	defer w.close()
	return spread(ctx, a, other, w)
}

func spread(ctx context.Context, a *gateway, b *connection, w *watch) ([]row, error) {
	var ratios, all, allBare []float64
	for turn := range spreadTurns {
		var ours, bare []float64
		for i := range spreadEach {
			path := fmt.Sprintf("/turn%d/change%d", turn, i)
			if err := a.createSubscription("GET", path); err != nil {
				return nil, err
			}
			took, err := untilServed(b, path)
			if err != nil {
				return nil, err
			}
			seen, err := w.putToWatch(ctx, path)
			if err != nil {
				return nil, err
			}
			ours, bare = append(ours, float64(took)), append(bare, float64(seen))
		}
		ratios = append(ratios, quantile(ours, 0.99)/quantile(bare, 0.99))
		all, allBare = append(all, ours...), append(allBare, bare...)
	}
	return []row{{
		name: "from the 201 to another instance, p99 against put to watch", measured: median(ratios), limit: 2, unit: "x",
		note: fmt.Sprintf("p99 %.2f ms against %.2f ms, p50 %.2f ms against %.2f ms; turns from %.2fx to %.2fx", quantile(all, 0.99)/1e6,
			quantile(allBare, 0.99)/1e6, median(all)/1e6, median(allBare)/1e6, quantile(ratios, 0), quantile(ratios, 1)),
	}}, nil
}

// untilServed asks again and again until the path is served, and returns how long it was until the answer.
func untilServed(c *connection, path string) (time.Duration, error) {
	request := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for began := time.Now(); ; {
		status, _, err := c.exchange(request)
		took := time.Since(began)
		switch {
		case err != nil:
			return 0, err
		case status != http.StatusNotFound:
			return took, nil
		case took > 10*time.Second:
			return 0, fmt.Errorf("%s is not served after %v", path, took)
		}
	}
}

// watch is two clients of etcd: one that puts, one that watches.
type watch struct {
	writer, reader *clientv3.Client
	seen           clientv3.WatchChan
}

func newWatch(ctx context.Context, endpoint string) (*watch, error) {
	writer, err := newClient(endpoint)
	if err != nil {
		return nil, err
	}
	reader, err := newClient(endpoint)
	if err != nil {
		return nil, err
	}
	w := &watch{writer, reader, reader.Watch(ctx, "/bench/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())}
	<-w.seen
	return w, nil
}

func (w *watch) close() {
	_ = w.writer.Close()
	_ = w.reader.Close()
}

// putToWatch returns how long it takes from the beginning of a put to the event of it at the other client.
func (w *watch) putToWatch(ctx context.Context, value string) (time.Duration, error) {
	began := time.Now()
	if _, err := w.writer.Put(ctx, "/bench/key", value); err != nil {
		return 0, err
	}
	r, ok := <-w.seen
	if !ok || r.Err() != nil {
		return 0, fmt.Errorf("the watch ended: %v", r.Err())
	}
	return time.Since(began), nil
}
