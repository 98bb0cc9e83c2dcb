package etcd

import (
	"context"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"

	"github.com/event-gateway/event-gateway/store"
)

// broken is a server that answers what a test tells it to.
type broken struct {
	etcdserverpb.UnimplementedKVServer
	etcdserverpb.UnimplementedWatchServer
	etcdserverpb.UnimplementedLeaseServer

	txn   func() (*etcdserverpb.TxnResponse, error)
	get   func(*etcdserverpb.RangeRequest) *etcdserverpb.RangeResponse
	watch func(stream int) []*etcdserverpb.WatchResponse // what the stream, of which 1 is the first, sends before it hangs

	mu      sync.Mutex
	streams int
}

func (b *broken) Txn(context.Context, *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	return b.txn()
}

func (b *broken) Range(_ context.Context, r *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	return b.get(r), nil
}

func (b *broken) LeaseGrant(context.Context, *etcdserverpb.LeaseGrantRequest) (*etcdserverpb.LeaseGrantResponse, error) {
	return &etcdserverpb.LeaseGrantResponse{ID: 1}, nil
}

func (b *broken) Watch(s etcdserverpb.Watch_WatchServer) error {
	if _, err := s.Recv(); err != nil {
		return err
	}
	b.mu.Lock()
	b.streams++
	answers := b.watch(b.streams)
	b.mu.Unlock()
	for _, r := range answers {
		if err := s.Send(r); err != nil {
			return err
		}
	}
	<-s.Context().Done()
	return nil
}

// serve returns a store whose server is b.
func (b *broken) serve(t *testing.T) *Store {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	etcdserverpb.RegisterKVServer(server, b)
	etcdserverpb.RegisterWatchServer(server, b)
	etcdserverpb.RegisterLeaseServer(server, b)
	var served sync.WaitGroup
	served.Go(func() {
		if err := server.Serve(l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { server.Stop(); served.Wait() })
	s, err := Open(Options{Endpoints: []string{l.Addr().String()}, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

const (
	headOfR = "/event-gateway/v1/heads/r"
	itemOfR = "/event-gateway/v1/records/r/k"
	itemsOf = "/event-gateway/v1/records/r/"
)

func header() *etcdserverpb.ResponseHeader { return &etcdserverpb.ResponseHeader{Revision: 7} }

func page(more bool, keys ...string) *etcdserverpb.RangeResponse {
	r := &etcdserverpb.RangeResponse{Header: header(), More: more, Count: int64(len(keys))}
	for _, key := range keys {
		r.Kvs = append(r.Kvs, &mvccpb.KeyValue{Key: []byte(key), Value: []byte(store.Head{Rev: 1}.String())})
	}
	return r
}

func transaction(pages ...*etcdserverpb.RangeResponse) *etcdserverpb.TxnResponse {
	r := &etcdserverpb.TxnResponse{Header: header()}
	for _, p := range pages {
		r.Responses = append(r.Responses, &etcdserverpb.ResponseOp{Response: &etcdserverpb.ResponseOp_ResponseRange{ResponseRange: p}})
	}
	return r
}

// TestBrokenTransactions: answers that etcd would not give are errors which name the server.
func TestBrokenTransactions(t *testing.T) {
	t.Parallel()
	head, none := page(false, headOfR), page(false)
	put := transaction(head, none)
	put.Responses[1] = &etcdserverpb.ResponseOp{Response: &etcdserverpb.ResponseOp_ResponsePut{ResponsePut: &etcdserverpb.PutResponse{}}}
	empty := transaction(head, none)
	empty.Responses[0] = &etcdserverpb.ResponseOp{}
	for name, answer := range map[string]*etcdserverpb.TxnResponse{
		"nothing":              {},
		"no responses":         transaction(),
		"one response":         transaction(head),
		"another response":     put,
		"an empty response":    empty,
		"no header":            {Responses: transaction(head, none).Responses},
		"more than nothing":    transaction(head, page(true)),
		"a short key":          transaction(head, page(false, "/")),
		"no key":               transaction(head, page(true, "")),
		"another range's key":  transaction(head, page(false, headOfR)),
		"another key":          transaction(page(false, itemOfR), none),
		"two of one key":       transaction(page(false, headOfR, headOfR), none),
		"a key that goes back": transaction(head, page(false, itemOfR+"2", itemOfR+"1")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &broken{txn: func() (*etcdserverpb.TxnResponse, error) { return answer, nil }}
			s := b.serve(t)
			calls := map[string]func() error{
				"Load":    func() error { _, _, err := s.Load(t.Context(), "r"); return err },
				"Changes": func() error { _, _, err := s.Changes(t.Context(), "r", 0, 0); return err },
				"Heads": func() error {
					_, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0, "q": 0}, 0)
					return err
				},
			}
			for name, call := range calls {
				if err := call(); err == nil || !strings.HasPrefix(err.Error(), "etcd at "+s.where()+": ") {
					t.Errorf("%s: got %v", name, err)
				}
			}
		})
	}
}

// TestBrokenCount: the number of keys that are left is a guess, whatever it is.
func TestBrokenCount(t *testing.T) {
	t.Parallel()
	for _, count := range []int64{math.MinInt64, -1, 0, 1 << 60} {
		b := &broken{txn: func() (*etcdserverpb.TxnResponse, error) {
			items := page(false, itemOfR)
			items.Count = count
			return transaction(page(false, headOfR), items), nil
		}}
		if items, _, err := b.serve(t).Load(t.Context(), "r"); len(items) != 1 || err != nil {
			t.Errorf("%d: got %v, %v", count, items, err)
		}
	}
}

// TestBrokenPages: the second page of a load, and those of the heads.
func TestBrokenPages(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*etcdserverpb.RangeRequest) *etcdserverpb.RangeResponse{
		"the first again": func(r *etcdserverpb.RangeRequest) *etcdserverpb.RangeResponse {
			if strings.HasPrefix(string(r.Key), itemsOf) {
				return page(true, itemOfR)
			}
			return page(true, headOfR)
		},
		"more than nothing": func(*etcdserverpb.RangeRequest) *etcdserverpb.RangeResponse { return page(true) },
		"a short key":       func(*etcdserverpb.RangeRequest) *etcdserverpb.RangeResponse { return page(false, "/") },
		"no header":         func(*etcdserverpb.RangeRequest) *etcdserverpb.RangeResponse { return &etcdserverpb.RangeResponse{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &broken{get: answer, txn: func() (*etcdserverpb.TxnResponse, error) {
				return transaction(page(false, headOfR), page(true, itemOfR)), nil
			}}
			s := b.serve(t)
			_, _, loadErr := s.Load(t.Context(), "r")
			_, realmsErr := s.Realms(t.Context())
			for _, err := range []error{loadErr, realmsErr} {
				if err == nil || !strings.HasPrefix(err.Error(), "etcd at "+s.where()+": ") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestBrokenWatch: after streams of nonsense comes one that tells of a commit.
func TestBrokenWatch(t *testing.T) {
	t.Parallel()
	created := &etcdserverpb.WatchResponse{Created: true}
	tells := func(kvs ...*mvccpb.KeyValue) *etcdserverpb.WatchResponse {
		r := new(etcdserverpb.WatchResponse)
		for _, kv := range kvs {
			r.Events = append(r.Events, &mvccpb.Event{Kv: kv})
		}
		return r
	}
	known, next := store.Head{Rev: 1}, store.Head{Rev: 2}
	moved := page(false, headOfR)
	moved.Kvs[0].Value = []byte(next.String())
	b := &broken{
		get: func(*etcdserverpb.RangeRequest) *etcdserverpb.RangeResponse { return page(false, headOfR) },
		watch: func(stream int) []*etcdserverpb.WatchResponse {
			if stream == 1 {
				return []*etcdserverpb.WatchResponse{tells(moved.Kvs[0]), created}
			}
			return []*etcdserverpb.WatchResponse{created, tells(nil, &mvccpb.KeyValue{}, &mvccpb.KeyValue{Key: []byte("/")}), tells(moved.Kvs[0])}
		},
	}
	b.txn = func() (*etcdserverpb.TxnResponse, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.streams < 2 {
			return transaction(page(false, headOfR)), nil
		}
		return transaction(moved), nil
	}
	heads, err := b.serve(t).Heads(t.Context(), map[store.Realm]store.Rev{"r": known.Rev}, time.Minute)
	if heads["r"] != next || err != nil {
		t.Errorf("got %v, %v", heads, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.streams != 2 {
		t.Errorf("%d streams", b.streams)
	}
}
