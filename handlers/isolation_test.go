package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app"
)

// TestIsolation drives random configuration and events over twenty hosted spaces, from many sides at once, and compares each answer with what
// the space would get if it were alone. The name of a space is a word that nobody can guess. It is in all that the space sends and owns, and
// no other space may ever see it.
//
// ISOLATION_STEPS says how long it goes on, ISOLATION_SEED repeats a run: what a worker does follows from the seed, not what runs beside it.
func TestIsolation(t *testing.T) {
	t.Parallel()
	steps, seed := int(setting(t, "ISOLATION_STEPS", 5000)), setting(t, "ISOLATION_SEED", rand.Uint64())
	t.Logf("seed %d, %d steps", seed, steps)
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		isolate(t, seed, steps, 10_000, serverDoor)
	})
	t.Run("few realms", func(t *testing.T) { // a space that is asked for again has mostly been let go meanwhile
		t.Parallel()
		isolate(t, seed, steps/5, 8, serverDoor)
	})
	t.Run("Lambda", func(t *testing.T) {
		t.Parallel()
		isolate(t, seed, steps/5, 10_000, lambdaDoor)
	})
}

func setting(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// isolation is one gateway and its spaces.
type isolation struct {
	door     door
	receiver *receiver
	tenants  []*tenant
	realms   int // how many are kept
	failed   atomic.Bool
}

const (
	isolatedSpaces  = 20
	isolatedWorkers = 10
)

func isolate(t *testing.T, seed uint64, steps, realms int, open func(*testing.T, *app.Options) door) {
	random := rand.New(rand.NewPCG(seed, 0))
	s := &isolation{receiver: newReceiver(t), realms: realms}
	s.door = open(t, isolatedOptions(t, realms))
	for i := range isolatedSpaces {
		s.tenants = append(s.tenants, newTenant(fmt.Sprintf("space-%02x%014x", i, random.Uint64()>>8)))
	}
	workers := s.workers(seed)
	began := time.Now()
	s.run(t, workers, func(w *worker) error { return w.begin() })
	s.run(t, workers, func(w *worker) error { return w.steps(steps / isolatedWorkers) })
	t.Logf("%d steps, %.0f a second", steps, float64(steps)/time.Since(began).Seconds())
	s.verify(t, workers)

	// When some spaces are emptied, the others stay as they are.
	s.run(t, workers[:1], func(w *worker) error { return w.wipe() })
	s.verify(t, workers)
	s.run(t, workers, func(w *worker) error { return w.steps(steps / isolatedWorkers / 20) })
	s.verify(t, workers)
}

func isolatedOptions(t *testing.T, realms int) *app.Options {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(hostedToken), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := app.ParseOptions([]string{
		"-store=memory:", "-events-addr=localhost", "-events-port=0", "-config-port=0", "-config-token-file=" + file, "-egress-allow=127.0.0.0/8,::1",
		"-hosted-domain=events.example.com", "-hosted-domain=gateway.test", fmt.Sprint("-hosted-realms=", realms),
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// door is a way to send requests to a gateway.
type door func(x exchange) (answer, error)

func serverDoor(t *testing.T, o *app.Options) door {
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, o, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		if cancel(); <-ended != nil {
			t.Error("the gateway did not end well")
		}
	})
	<-ready
	client := &http.Transport{MaxIdleConnsPerHost: isolatedWorkers}
	t.Cleanup(client.CloseIdleConnections) // before the gateway ends, which would wait for those that were never used
	_, events, _ := strings.Cut(a.EventsURL(), "://")
	_, config, _ := strings.Cut(a.ConfigURL(), "://")
	return func(x exchange) (answer, error) {
		req, err := http.NewRequest(x.method, "http://"+events, strings.NewReader(x.body))
		if err != nil {
			return answer{}, err
		}
		u := *x.url
		if u.Scheme, u.Host = "http", events; x.config {
			u.Host = config
		}
		req.URL, req.Host, req.Header = &u, x.host, x.header
		resp, err := client.RoundTrip(req)
		if err != nil {
			return answer{}, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return answer{resp.StatusCode, resp.Header, string(b)}, err
	}
}

func lambdaDoor(t *testing.T, o *app.Options) door {
	o.Role, o.MaxStaleness = "all", 30*time.Second
	l, err := app.NewLambda(o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return func(x exchange) (answer, error) {
		path := x.url.EscapedPath()
		if x.config {
			path = app.ConfigPath + path
		}
		event, err := json.Marshal(gateway2(x, path))
		if err != nil {
			return answer{}, err
		}
		payload, err := l.Invoke(context.Background(), event)
		if err != nil {
			return answer{}, err
		}
		return oneAnswer(t, payload), nil
	}
}

// run lets the workers work at the same time, until one of them fails.
func (s *isolation) run(t *testing.T, workers []*worker, work func(*worker) error) {
	t.Helper()
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			if err := work(w); err != nil {
				s.failed.Store(true)
				t.Errorf("worker %d, step %d: %v", w.number, w.step, err)
			}
		})
	}
	wg.Wait()
	for _, wrong := range s.receiver.complaints() {
		t.Error(wrong)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// verify compares all there is with the models: the lists of each space, and the metrics.
func (s *isolation) verify(t *testing.T, workers []*worker) {
	t.Helper()
	s.run(t, workers, func(w *worker) error { return w.readAll() })
	var got, want map[string]float64
	// What a delivery counts may come later than the answer of the function.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all, err := s.metrics()
		if err != nil {
			t.Fatal(err)
		}
		if got, want = s.series(all); maps.Equal(got, want) {
			if n := all["eventgateway_realms"]; n > float64(s.realms) {
				t.Fatalf("%v realms are kept, no more than %d should be", n, s.realms)
			}
			if n := all["eventgateway_store_loads_total"]; s.realms < len(s.tenants) && n < 3*isolatedSpaces {
				t.Fatalf("only %v loads: the realms were not let go", n)
			}
			return
		}
		if time.Now().After(deadline) {
			break
		}
	}
	for name := range got {
		if n, ok := want[name]; !ok || n != got[name] {
			t.Errorf("%s is %v, should be %v", name, got[name], n)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is not there, should be %v", name, want[name])
		}
	}
	t.FailNow()
}

// metrics returns all series by name and labels, as they are written.
func (s *isolation) metrics() (map[string]float64, error) {
	a, err := s.door(exchange{config: true, method: "GET", url: &url.URL{Path: "/metrics"}, host: "config.test", header: operator()})
	all := map[string]float64{}
	for line := range strings.Lines(a.body) {
		i := strings.LastIndexByte(line, ' ')
		if n, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64); err == nil && line[0] != '#' {
			all[line[:i]] = n
		}
	}
	return all, err
}

// sums are series without a space, as they are before the first event.
func sums() map[string]float64 {
	return map[string]float64{
		"eventgateway_events_backlog": 0, "eventgateway_records_unreadable": 0, "eventgateway_store_failures_total": 0, "eventgateway_store_mismatches_total": 0,
		`eventgateway_deliveries_total{result="delivered"}`: 0, `eventgateway_deliveries_total{result="failed"}`: 0, `eventgateway_deliveries_total{result="lost"}`: 0,
	}
}

// series returns those that are about spaces, with some sums over all, and what the models counted. Gauges are those of the spaces in memory: if
// not all can be there, the model takes the gateway's word for which are.
func (s *isolation) series(all map[string]float64) (got, want map[string]float64) {
	got, want = map[string]float64{}, sums()
	for name, n := range all {
		if strings.HasPrefix(name, "eventgateway_cors_total{") && n == 0 {
			continue // the model has no CORS records
		}
		if _, sum := want[name]; sum || strings.Contains(name, `space="`) {
			got[name] = n
		}
	}
	for _, n := range s.tenants {
		for name, count := range n.counts {
			want[name] += float64(count)
		}
		if _, here := got[n.gauge(functionKind)]; n.size() == 0 || !here && s.realms < len(s.tenants) {
			continue
		}
		for _, k := range kinds() {
			want[n.gauge(k)] = float64(len(n.records[k]))
		}
	}
	return got, want
}

// stranger returns a word of another space in a text, unless the request has it, too: what one says, one may hear.
func stranger(text, own string, x exchange) string {
	if strings.Count(text, "space-") == strings.Count(text, own) {
		return ""
	}
	sent := strings.ToLower(fmt.Sprint(x.url, x.host, x.header, x.body))
	for _, word := range anyWord.FindAllString(text, -1) {
		if word != own && !strings.Contains(sent, word) {
			return word
		}
	}
	return ""
}

var anyWord = regexp.MustCompile(`space-[0-9a-f]{16}`)
