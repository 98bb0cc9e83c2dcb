package dynamodb_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

type attributes = map[string]types.AttributeValue

func binary(s string) types.AttributeValue { return &types.AttributeValueMemberB{Value: []byte(s)} }

func number(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }

// with returns the item with some more attributes.
func with(item attributes, more attributes) attributes {
	for name, value := range more {
		item[name] = value
	}
	return item
}

// put writes an item behind the store's back.
func put(t *testing.T, plain *sdk.Client, item attributes) {
	t.Helper()
	if _, err := plain.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String(table), Item: item}); err != nil {
		t.Fatal(err)
	}
}

// all returns the table's items by their sort keys.
func all(t *testing.T, plain *sdk.Client) map[string]attributes {
	t.Helper()
	out, err := plain.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String(table), ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	items := make(map[string]attributes)
	for _, item := range out.Items {
		items[item["key"].(*types.AttributeValueMemberS).Value] = item
	}
	return items
}

// TestLayout: other versions of the gateway read and write the same items.
func TestLayout(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := store.Commit{ID: "id", Ops: []store.Op{{Key: "a/b", Value: []byte("x y")}, {Key: "c", Value: []byte{}}, {Key: "gone"}}}
	head, err := open(t, server.URL()).Commit(t.Context(), "r", store.Head{}, c)
	if err != nil {
		t.Fatal(err)
	}
	entry, _ := c.Encode()
	log := "v1/log/00000000000000000001"
	want := map[string]attributes{
		"v1/head":        with(key("r", "v1/head"), attributes{"head": text(head.String())}),
		log:              with(key("r", log), attributes{"entry": binary(string(entry))}),
		"v1/records/a/b": with(key("r", "v1/records/a/b"), attributes{"value": binary("x y"), "rev": number("1")}),
		"v1/records/c":   with(key("r", "v1/records/c"), attributes{"value": binary(""), "rev": number("1")}),
	}
	got := all(t, plainClient(t, server.URL()))
	expires, err := strconv.ParseInt(got[log]["expires"].(*types.AttributeValueMemberN).Value, 10, 64)
	if left := time.Until(time.Unix(expires, 0)); err != nil || left < 2*store.LogAge-time.Minute || left > 2*store.LogAge {
		t.Errorf("the log entry expires in %v, %v; want %v", left, err, 2*store.LogAge)
	}
	delete(got[log], "expires")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestExpiry: DynamoDB deletes old log entries, and nothing else.
func TestExpiry(t *testing.T) {
	t.Parallel()
	server := start(t)
	plain := plainClient(t, server.URL())
	_, err := plain.UpdateTimeToLive(t.Context(), &sdk.UpdateTimeToLiveInput{
		TableName:               aws.String(table),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: aws.Bool(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, server.URL())
	w := &storetest.Writer{T: t}
	w.Commit(s, 3)
	server.Forward(2*store.LogAge - time.Minute)
	if n := server.Expire(); n != 0 {
		t.Errorf("%d items are gone a minute too early", n)
	}
	server.Forward(2 * time.Minute)
	if n := server.Expire(); n != 3 {
		t.Errorf("%d items are gone, want the 3 log entries", n)
	}
	items, head, err := s.Load(t.Context(), "r")
	if len(items) != 1 || head != w.Head || err != nil {
		t.Errorf("got %v, %v, %v; want %v", items, head, err, w.Head)
	}
	w.Commit(s, 2)
	for after := range store.Rev(3) {
		if _, _, err := s.Changes(t.Context(), "r", after, 0); !errors.Is(err, store.ErrTrimmed) {
			t.Errorf("after %d: got %v, want ErrTrimmed", after, err)
		}
	}
	if commits, _, err := s.Changes(t.Context(), "r", 3, 0); len(commits) != 2 || err != nil {
		t.Errorf("after 3: got %v, %v", commits, err)
	}
}

// TestCommitsMeanwhile: the log is trimmed while commits are made and followed.
func TestCommitsMeanwhile(t *testing.T) {
	t.Parallel()
	server := start(t)
	plain := plainClient(t, server.URL())
	s := open(t, server.URL())
	w := &storetest.Writer{T: t}
	w.Commit(s, 1)
	_, live := storetest.NewLive(t, impatient(t, server.URL()), "r")
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		w.Commit(s, 100)
	})
	for at, last := store.Rev(1), false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		trim(t, plain, table, "r", at-1) // the transaction of the last one may be under way still
		items, head, err := s.Load(t.Context(), "r")
		if err != nil || len(items) != 1 || items[0].Rev != head.Rev {
			t.Fatalf("got %v, %v, %v", items, head, err)
		}
		at = head.Rev
	}
	wg.Wait()
	storetest.Eventually(t, "the gateway has all", func() bool { return live.Snapshot().Head == w.Head })
}

func TestHoleInTheLog(t *testing.T) {
	t.Parallel()
	server := start(t)
	storetest.HoleInTheLog(t, open(t, server.URL()), func(rev store.Rev) error {
		in := &sdk.DeleteItemInput{TableName: aws.String(table), Key: key("r", fmt.Sprintf("v1/log/%020d", rev))}
		_, err := plainClient(t, server.URL()).DeleteItem(t.Context(), in)
		return err
	})
}

// TestBrokenRecords: what cannot be read is left out, or an error of that realm, and harms nothing else.
func TestBrokenRecords(t *testing.T) {
	t.Parallel()
	server := start(t)
	plain := plainClient(t, server.URL())
	huge := binary(strings.Repeat("x", 390<<10))
	head := store.Head{Rev: 1, Digest: 2, Chain: 3}
	far := store.Head{Rev: 1<<64 - 1, Digest: 2, Chain: 3}
	for _, item := range []attributes{
		with(key("x", "v1/head"), attributes{"head": text("what?")}),
		with(key("x2", "v1/head"), attributes{"head": number("7")}),
		with(key("x3", "v1/head"), attributes{"huge": huge}),
		with(key("y", "v1/head"), attributes{"head": text(head.String())}),
		with(key("y", "v1/log/00000000000000000001"), attributes{"entry": binary("{")}),
		with(key("y", "v1/records/a"), attributes{"value": binary("no revision")}),
		with(key("y", "v1/records/b"), attributes{"value": text("a string"), "rev": number("1")}),
		with(key("y", "v1/records/c"), attributes{"value": binary("x"), "rev": number("-1.5")}),
		with(key("y", "v1/records/d"), attributes{"other": huge}),
		with(key("y", "v1/records/e"), attributes{"value": binary("x"), "rev": number("99999999999999999999999")}),
		key("y", "v1/records/"),
		with(key("z", "v1/head"), attributes{"head": text(far.String())}),
	} {
		put(t, plain, item)
	}
	s := open(t, server.URL())
	for _, realm := range []store.Realm{"x", "x2", "x3"} {
		if _, _, err := s.Load(t.Context(), realm); err == nil || errors.Is(err, store.ErrUnusable) || len(err.Error()) > 300 {
			t.Errorf("Load of %s: %v", realm, err)
		}
	}
	if _, err := s.Commit(t.Context(), "x", store.Head{}, storetest.Commit("k", 0)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Commit to x: %v, want ErrConflict", err)
	}
	items, at, err := s.Load(t.Context(), "y")
	if err != nil || at != head || len(items) != 6 {
		t.Errorf("Load of y: %v, %v, %v", items, at, err)
	}
	for _, item := range items {
		if item.Rev != 0 || item.Value == nil {
			t.Errorf("Load of y: got %+v, want an item that no commit wrote", item)
		}
	}
	for _, wait := range []time.Duration{0, time.Minute} {
		if _, _, err := s.Changes(t.Context(), "x", 0, wait); err == nil || errors.Is(err, store.ErrTrimmed) {
			t.Errorf("Changes of x: %v", err)
		}
		for _, realm := range []store.Realm{"y", "z"} {
			if _, _, err := s.Changes(t.Context(), realm, 0, wait); !errors.Is(err, store.ErrTrimmed) {
				t.Errorf("Changes of %s: %v, want ErrTrimmed", realm, err)
			}
		}
	}
	// While the watch runs: items of nobody, in and beside the places of heads and logs.
	for _, sort := range []string{
		"a", "head", "v1", "v1/", "v1/head/", "v1/log", "v1/log/", "v1/log/x", "v1/log/00000000000000000001x", "v1/log/1", "v1/recordsx", "z",
	} {
		put(t, plain, with(key("r", sort), attributes{"head": text("x"), "entry": binary("x")}))
	}
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(open(t, server.URL()), 3)
	f.Reaches(w)
	moved, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0, "x": 1, "x2": 1, "x3": 1}, time.Minute)
	if err != nil || len(moved) != 1 || moved["r"] != w.Head {
		t.Errorf("got %v, %v; want r at %v", moved, err, w.Head)
	}
	if items, head, err := s.Load(t.Context(), "r"); len(items) != 1 || head != w.Head || err != nil {
		t.Errorf("Load of r: %v, %v, %v", items, head, err)
	}
}

// TestMadeAnew: somebody deletes all of a realm, and it is written to again.
func TestMadeAnew(t *testing.T) {
	t.Parallel()
	server := start(t)
	plain := plainClient(t, server.URL())
	s := open(t, server.URL())
	w := &storetest.Writer{T: t}
	w.Commit(s, 5)
	for sort := range all(t, plain) {
		if _, err := plain.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String(table), Key: key("r", sort)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Commit(t.Context(), "r", w.Head, storetest.Commit("k", 5)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a commit to what was there: got %v, want ErrConflict", err)
	}
	anew := &storetest.Writer{T: t}
	anew.Commit(s, 2)
	if _, _, err := s.Changes(t.Context(), "r", w.Head.Rev, 0); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("got %v, want ErrTrimmed", err)
	}
	if items, head, err := s.Load(t.Context(), "r"); len(items) != 1 || head != anew.Head || err != nil {
		t.Errorf("got %v, %v, %v; want %v", items, head, err, anew.Head)
	}
}

// TestRealms: the realms that somebody wrote to, at once.
func TestRealms(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Set(emulator.Faults{Lag: time.Minute})
	s := open(t, server.URL())
	if realms, err := s.Realms(t.Context()); len(realms) != 0 || err != nil {
		t.Errorf("got %v, %v; want none", realms, err)
	}
	large := store.Commit{ID: "id", Ops: []store.Op{{Key: "k", Value: make([]byte, store.MaxValueBytes)}}}
	names := []store.Realm{"a", "b", "c", "d", "e", "f", "g", "h", store.Shared}
	for _, realm := range names { // more than a page of them
		if _, err := s.Commit(t.Context(), realm, store.Head{}, large); err != nil {
			t.Fatal(err)
		}
	}
	realms, err := s.Realms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(realms)
	slices.Sort(names)
	if !slices.Equal(realms, names) || server.Calls("Scan") < 3 {
		t.Errorf("got %v in %d calls, want %v", realms, server.Calls("Scan"), names)
	}
}
