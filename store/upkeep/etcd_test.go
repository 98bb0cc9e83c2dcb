package upkeep_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/upkeep"
)

// TestEtcd copies 10,000 records from one prefix to others, through both layouts and back, while somebody writes.
func TestEtcd(t *testing.T) {
	t.Parallel()
	endpoint := etcdServer(t)
	from, hosted, back := openEtcd(t, endpoint, "/from"), openEtcd(t, endpoint, "/hosted"), openEtcd(t, endpoint, "/back")
	w := fill(t, from, store.Shared)
	for i := range 5000 {
		space := fmt.Sprint("space-", i%20)
		w.put(function(space, fmt.Sprint(i))).put(subscription(space, "GET", fmt.Sprint("/", i)))
	}
	w.commit()

	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		// It begins when some have been copied.
		if _, err := hosted.Heads(ctx, map[store.Realm]store.Rev{"space-0": 0}, time.Minute); err != nil {
			t.Error(err)
			return
		}
		for i := range 5 {
			w.put(function("space-1", fmt.Sprint(i))).put(function("later", fmt.Sprint(i)))
			w.commit()
		}
	})
	out, err := copyOf(t.Context(), t, from, hosted, upkeep.Hosted)
	writing.Wait()
	cancel()
	if err == nil { // and what came after its end
		out, err = copyOf(t.Context(), t, from, hosted, upkeep.Hosted)
	}
	if err != nil {
		t.Fatal(out, err)
	}
	if out, err := copyOf(t.Context(), t, hosted, back, upkeep.Shared); err != nil {
		t.Fatal(out, err)
	}
	want := contents(t, from)
	same(t, "there and back", contents(t, back), want)
	if len(want) < 10_000 {
		t.Errorf("%d records", len(want))
	}
	if realms, err := hosted.Realms(t.Context()); err != nil || len(realms) < 20 {
		t.Errorf("%d realms, %v", len(realms), err)
	}
	for _, s := range []store.Database{hosted, back} {
		consistent(t, s)
	}
}

// TestEtcdStrangeRecords: what somebody else wrote into the database is named, and copied as it is.
func TestEtcdStrangeRecords(t *testing.T) {
	t.Parallel()
	endpoint := etcdServer(t)
	from, to := openEtcd(t, endpoint, "/from"), openEtcd(t, endpoint, "/to")
	fill(t, from, "acme").put(function("acme", "f")).commit()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	put := func(key, value string) {
		t.Helper()
		if _, err := c.Put(t.Context(), "/from/v1/"+key, value); err != nil {
			t.Fatal(err)
		}
	}
	put("records/acme/functions/acme/strange", "x")
	out, err := check(t.Context(), from, upkeep.CheckOptions{Deep: true})
	if want := `realm "acme": no commit has written 1 record: "functions/acme/strange"`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%s%v, want %s", out, err, want)
	}
	if out, err := copyOf(t.Context(), t, from, to, upkeep.Same); err != nil || !strings.Contains(out, `"acme: functions/acme/strange"`) {
		t.Error(out, err)
	}
	same(t, "copied", contents(t, to), contents(t, from))
	consistentButWidgets(t, to)

	put("records/acme/functions/acme/g", `9 {"later than the head":1}`)
	put("log/acme/00000000000000000001", `{"id":"other","ops":[]}`)
	out, err = check(t.Context(), from, upkeep.CheckOptions{Deep: true})
	for _, want := range []string{
		`"acme": no commit has written 2 records: "functions/acme/g", "functions/acme/strange"`, `"acme": the records do not match the digest`,
		`"acme": the log does not lead to the head`, `"acme": 2 records are not what the log says: "functions/acme/f", "functions/acme/g"`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s%v: no %s", out, err, want)
		}
	}
	// A copy has a digest and a log of its own, that are right.
	third := openEtcd(t, endpoint, "/third")
	if out, err := copyOf(t.Context(), t, from, third, upkeep.Same); err != nil {
		t.Error(out, err)
	}
	consistentButWidgets(t, third)
	put("heads/acme", "nonsense")
	fill(t, from, "zebra").put(function("zebra", "f")).commit()
	out, err = check(t.Context(), from, upkeep.CheckOptions{Deep: true})
	if err == nil || !strings.HasPrefix(err.Error(), `realm "acme": "nonsense" is no head of a realm`) || !strings.Contains(out, `"zebra": revision 1, 1 record`) {
		t.Error(out, err)
	}
	if _, err := copyOf(t.Context(), t, from, third, upkeep.Same); err == nil || !strings.Contains(err.Error(), `FROM: realm "acme"`) {
		t.Error(err)
	}
}
