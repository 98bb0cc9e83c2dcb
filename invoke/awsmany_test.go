package invoke_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

// TestAWSMany: functions with keys of their own, however many, share connections and keep no goroutines.
func TestAWSMany(t *testing.T) {
	const functions, callers = 10_000, 8
	var dialled, calls atomic.Int64
	kinds := awsKinds()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		calls.Add(1)
		for _, kind := range kinds {
			if kind.target == r.Header.Get("X-Amz-Target") {
				_, _ = io.WriteString(w, kind.took)
			}
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			dialled.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	awsEnv(t, s.URL)
	e := invoke.NewEgress(invoke.EgressOptions{})
	t.Cleanup(e.Close)
	goroutines, heap := runtime.NumGoroutine(), heapOf()
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
	opened := make([]invoke.Invoker, functions)
	for i := range opened {
		kind := kinds[i%len(kinds)]
		settings := fmt.Sprintf(`%s,"awsAccessKeyId":"AKID%d","awsSecretAccessKey":"own/secret+key"`, kind.settings, i)
		if i%3 == 0 {
			settings += fmt.Sprintf(`,"endpoint":%q`, s.URL)
		}
		f, err := rules.DecodeFunction(fmt.Appendf(nil, `{"functionId":"f","type":%q,"provider":{"region":"eu-west-1",%s}}`, kind.name, settings), "default", "")
		if err == nil {
			opened[i], err = openAt(e, invoke.GatewayCredentials, f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	each := (heapOf() - heap) / functions
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < functions; i = next.Add(1) - 1 {
				if _, err := opened[i](t.Context(), payload(`{}`)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	// A connection has two goroutines here and one in the server. There are two pools: that of endpoints and that of AWS.
	most := int64(2*callers + 8)
	if n := dialled.Load(); n > most {
		t.Errorf("%d connections for %d callers", n, callers)
	}
	if n := int64(runtime.NumGoroutine() - goroutines); n > 3*most+10 {
		t.Errorf("%d more goroutines", n)
	}
	if n := calls.Load(); n != functions {
		t.Errorf("%d calls", n)
	}
	t.Logf("%d connections, %d more goroutines, %d bytes of each function", dialled.Load(), runtime.NumGoroutine()-goroutines, each)
	if each > 16<<10 {
		t.Errorf("a function takes %d bytes", each)
	}
}

func heapOf() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
