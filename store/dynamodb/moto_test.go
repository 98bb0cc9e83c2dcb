package dynamodb_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestMoto: somebody else's idea of DynamoDB. moto does not isolate transactions, and copies the whole table for each; so requests take
// turns here, each subtest has a table of its own, and what needs many transactions is left out.
func TestMoto(t *testing.T) {
	endpoint := oneByOne(t, servers.Moto(t))
	create(t, plainClient(t, endpoint), table, [2]string{"realm", "key"})
	s := open(t, endpoint)
	(&storetest.Writer{T: t}).Commit(s, 2)
	if is, err := s.Inspect(t.Context()); !strings.HasPrefix(is, "DynamoDB in eu-west-1 (the log of changes is never trimmed") || err != nil {
		t.Errorf("it is %q, %v", is, err)
	}
	if realms, err := s.Realms(t.Context()); !slices.Equal(realms, []store.Realm{"r"}) || err != nil {
		t.Errorf("it has %v, %v", realms, err)
	}
	other := options(endpoint)
	other.Table = "other"
	unusable(t, openWith(t, other), "there is no such table")

	var tables atomic.Int64
	storetest.Run(t, func(t *testing.T) storetest.Env {
		o := options(endpoint)
		o.Table, o.Timeout, o.Poll = fmt.Sprint(table, tables.Add(1)), 30*time.Second, 5*poll
		plain := plainClient(t, endpoint)
		create(t, plain, o.Table, [2]string{"realm", "key"})
		return storetest.Env{
			Open: func() store.Store { return openWith(t, o) },
			Trim: func(realm store.Realm, upTo store.Rev) { trim(t, plain, o.Table, realm, upTo) },
		}
	}, "a realm of many items", "is one consistent state while others write", "a long log comes whole", "misses no commit",
		"the log holds every commit of many writers once") // moto would need minutes
}

// oneByOne returns the URL of a server that passes requests on, one at a time.
func oneByOne(t *testing.T, to string) string {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.Transport, proxy.ErrorLog = transport, log.New(io.Discard, "", 0)
	var turn sync.Mutex
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		defer turn.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}
