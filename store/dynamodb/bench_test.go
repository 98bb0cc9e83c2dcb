package dynamodb_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/dynamodb"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

// Each benchmark of the store stands beside one of what AWS's own client needs for the least that could do the same.

func BenchmarkCommit(b *testing.B) {
	s := open(b, startQuick(b).URL())
	value := []byte(strings.Repeat("v", 300))
	var head store.Head
	i := 0
	for b.Loop() {
		i++
		c := store.Commit{ID: fmt.Sprint(i), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: value}}}
		var err error
		if head, err = s.Commit(b.Context(), "r", head, c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTransactWriteItems(b *testing.B) {
	c := plainClient(b, startQuick(b).URL())
	item := key("r", "k")
	item["value"] = &types.AttributeValueMemberB{Value: []byte(strings.Repeat("v", 300))}
	for i := 0; b.Loop(); i++ {
		put := types.Put{TableName: aws.String(table), Item: item, ConditionExpression: aws.String("attribute_not_exists(rev)")}
		if i > 0 {
			put.ConditionExpression = aws.String("rev = :at")
			put.ExpressionAttributeValues = map[string]types.AttributeValue{":at": text(fmt.Sprint(i - 1))}
		}
		item["rev"] = text(fmt.Sprint(i))
		in := &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Put: &put}}}
		if _, err := c.TransactWriteItems(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChangesNothing(b *testing.B) {
	s := open(b, startQuick(b).URL())
	head := fill(b, s, 600)
	for b.Loop() {
		if commits, _, err := s.Changes(b.Context(), "r", head.Rev, 0); len(commits) != 0 || err != nil {
			b.Fatal(commits, err)
		}
	}
}

func BenchmarkGetItem(b *testing.B) {
	server := startQuick(b)
	fill(b, open(b, server.URL()), 600)
	c := plainClient(b, server.URL())
	for b.Loop() {
		in := &sdk.GetItemInput{TableName: aws.String(table), Key: key("r", "v1/head"), ConsistentRead: aws.Bool(true)}
		if r, err := c.GetItem(b.Context(), in); err != nil || len(r.Item) != 3 {
			b.Fatal(r, err)
		}
	}
}

func BenchmarkLoad100k(b *testing.B) {
	s := open(b, startQuick(b).URL())
	fill(b, s, 100_000)
	for b.Loop() {
		if items, _, err := s.Load(b.Context(), "r"); len(items) != 100_000 || err != nil {
			b.Fatal(len(items), err)
		}
	}
}

func BenchmarkQuery100k(b *testing.B) {
	server := startQuick(b)
	fill(b, open(b, server.URL()), 100_000)
	c := plainClient(b, server.URL())
	for b.Loop() {
		n := 0
		in := &sdk.QueryInput{
			TableName: aws.String(table), ConsistentRead: aws.Bool(true),
			KeyConditionExpression:   aws.String("realm = :r AND begins_with(#k, :k)"),
			ExpressionAttributeNames: map[string]string{"#k": "key"},
			ExpressionAttributeValues: map[string]types.AttributeValue{
				":r": text("r"), ":k": text("v1/records/"),
			},
		}
		for pages := sdk.NewQueryPaginator(c, in); pages.HasMorePages(); {
			page, err := pages.NextPage(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			n += len(page.Items)
		}
		if n != 100_000 {
			b.Fatal(n)
		}
	}
}

// BenchmarkSeen: 50 instances wait for one change. It is seen within the time of a poll.
func BenchmarkSeen(b *testing.B) {
	server := startQuick(b)
	o := options(server.URL())
	o.Poll = 0 // the default
	stores := make([]*dynamodb.Store, 50)
	for i := range stores {
		stores[i] = openWith(b, o)
	}
	writer := open(b, server.URL())
	var head store.Head
	var took []time.Duration
	for b.Loop() {
		var wg sync.WaitGroup
		seen := make([]time.Time, len(stores))
		for i, s := range stores {
			wg.Go(func() {
				if commits, _, err := s.Changes(b.Context(), "r", head.Rev, time.Minute); len(commits) != 1 || err != nil {
					b.Error(commits, err)
				}
				seen[i] = time.Now()
			})
		}
		time.Sleep(rand.N(time.Second))
		begin := time.Now()
		next, err := writer.Commit(b.Context(), "r", head, commit("k", head.Rev))
		if err != nil {
			b.Fatal(err)
		}
		wg.Wait()
		head = next
		for _, at := range seen {
			took = append(took, at.Sub(begin))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "ms-p99")
}

// startQuick starts a database whose transactions take no longer than its work.
func startQuick(b *testing.B) *emulator.Server {
	s := start(b)
	s.Set(emulator.Faults{Hold: 1})
	return s
}

// fill writes n items of 300 bytes.
func fill(t testing.TB, s *dynamodb.Store, n int) store.Head {
	t.Helper()
	value := []byte(strings.Repeat("v", 300))
	var head store.Head
	for i := 0; i < n; {
		c := store.Commit{ID: fmt.Sprint(i)}
		for len(c.Ops) < store.MaxOps && i < n {
			c.Ops = append(c.Ops, store.Op{Key: fmt.Sprintf("subscription/%06d", i), Value: value})
			i++
		}
		var err error
		if head, err = s.Commit(t.Context(), "r", head, c); err != nil {
			t.Fatal(err)
		}
	}
	return head
}
