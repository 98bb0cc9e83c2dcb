package etcd

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/event-gateway/event-gateway/store"
)

// TestLostLeaseWaitsForNobody: a commit whose lease is lost ends with its caller's ctx, though others hold the lease.
func TestLostLeaseWaitsForNobody(t *testing.T) {
	t.Parallel()
	var s *Store
	held := make(chan struct{}, 1)
	b := &broken{txn: func() (*etcdserverpb.TxnResponse, error) {
		if err := s.leasing.enter(t.Context()); err != nil {
			return nil, err
		}
		held <- struct{}{}
		return nil, rpctypes.ErrGRPCLeaseNotFound
	}}
	s = b.serve(t)
	if _, err := s.currentLease(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := s.Commit(ctx, "r", store.Head{}, store.Commit{ID: "id", Ops: []store.Op{{Key: "k", Value: []byte("v")}}})
		done <- err
	}()
	<-held
	stopped := time.AfterFunc(time.Second, cancel) // by then it knows that the lease is lost; else it ends for its ctx anyway
	defer stopped.Stop()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		s.leasing.leave()
	case <-time.After(10 * time.Second):
		s.leasing.leave()
		t.Errorf("it waits for the lease after its ctx has ended: %v", <-done)
	}
}
