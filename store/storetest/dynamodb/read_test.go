package dynamodb_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

func ptr[T any](v T) *T { return &v }

func TestPages(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	var keys []string
	var wanted []attributes
	for i := range 25 {
		k := fmt.Sprintf("item#%02d", i)
		keys = append(keys, k)
		wanted = append(wanted, at("r", k))
		must(t, c, put(at("r", k, "x", str(strings.Repeat("x", 100<<10)))))
	}
	f := func(backwards bool, pages ...int32) {
		t.Helper()
		var got []string
		var sizes []int32
		for p := sdk.NewQueryPaginator(c, &sdk.QueryInput{TableName: ptr(table), KeyConditionExpression: ptr("realm = :r"),
			ExpressionAttributeValues: values(":r", str("r")), ConsistentRead: ptr(true), ScanIndexForward: ptr(!backwards)}); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range out.Items {
				got = append(got, text(i["key"]))
			}
			sizes = append(sizes, out.Count)
		}
		if backwards {
			slices.Reverse(got)
		}
		if !slices.Equal(got, keys) || !slices.Equal(sizes, pages) {
			t.Errorf("pages of %v, want %v: %v", sizes, pages, got)
		}
	}
	f(false, 10, 10, 5)
	f(true, 10, 10, 5)
	expect(t, c, query("realm = :a", "r", filter("x = :x", ":x", str(""))), "[[] 0 10 {key:item#09 realm:r}]")
	expect(t, c, scan("x = :x", "", ":x", str("")), "[[] 0 10 {key:item#09 realm:r}]")

	// One BatchGetItem returns at most 1 MB of a partition.
	left, seen := wanted, map[string]bool{}
	for rounds := 0; len(left) > 0; rounds++ {
		out, err := c.BatchGetItem(t.Context(), &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{table: {
			Keys: left, ConsistentRead: ptr(true), ProjectionExpression: ptr("#k"), ExpressionAttributeNames: map[string]string{"#k": "key"},
		}}})
		if err != nil || rounds > 2 || len(out.Responses[table]) > 10 {
			t.Fatalf("round %d: %d items, %v", rounds, len(out.Responses[table]), err)
		}
		for _, i := range out.Responses[table] {
			seen[text(i["key"])] = true
		}
		left = out.UnprocessedKeys[table].Keys
	}
	if len(seen) != len(wanted) {
		t.Errorf("%d of %d items", len(seen), len(wanted))
	}
}

// TestLag holds that reads that are not strongly consistent see an older state, as do those of several items.
func TestLag(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	reads := map[string]request{
		"GetItem": func(ctx context.Context, c *sdk.Client) (any, error) {
			return c.GetItem(ctx, &sdk.GetItemInput{TableName: ptr(table), Key: at("r", "k")})
		},
		"BatchGetItem": func(ctx context.Context, c *sdk.Client) (any, error) {
			keys := types.KeysAndAttributes{Keys: []attributes{at("r", "k")}}
			return c.BatchGetItem(ctx, &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{table: keys}})
		},
		"Query": func(ctx context.Context, c *sdk.Client) (any, error) {
			return c.Query(ctx, &sdk.QueryInput{
				TableName: ptr(table), KeyConditionExpression: ptr("realm = :r"), ExpressionAttributeValues: values(":r", str("r")),
			})
		},
		"Scan": func(ctx context.Context, c *sdk.Client) (any, error) {
			return c.Scan(ctx, &sdk.ScanInput{TableName: ptr(table)})
		},
	}
	f := func(want string) {
		t.Helper()
		for name, r := range reads {
			if got := show(r(t.Context(), c)); strings.Contains(got, "n:") != (want != "") || !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %q", name, got, want)
			}
		}
	}
	s.Set(dynamodb.Faults{Lag: time.Hour})
	must(t, c, put(at("r", "k", "n", num("1"))))
	f("")
	s.Forward(time.Hour)
	f("n:1")
	must(t, c, put(at("r", "k", "n", num("2"))))
	f("n:1")
	must(t, c, remove(at("r", "k")))
	f("n:1")
	expect(t, c, get(at("r", "k")), "()")
	s.Forward(time.Hour)
	f("")
	s.Set(dynamodb.Faults{Lag: -1})
	must(t, c, put(at("r", "k", "n", num("3"))))
	f("n:3")
	s.Set(dynamodb.Faults{})
	must(t, c, put(at("r", "k", "n", num("4"))))
	for name, r := range reads {
		t.Run(name, func(t *testing.T) { until(t, c, r, "n:4") })
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	f := func(r request, read, write float64) {
		t.Helper()
		before := s.Counts()
		_ = show(r(t.Context(), c))
		after := s.Counts()
		if r, w := after.Read-before.Read, after.Write-before.Write; r != read || w != write {
			t.Errorf("%v read and %v write units, want %v and %v", r, w, read, write)
		}
	}
	size := func(n int) attributes { return at("r", "k", "x", str(strings.Repeat("x", n-len("realmrkeykx")))) }
	lazy := func(ctx context.Context, c *sdk.Client) (any, error) {
		return c.GetItem(ctx, &sdk.GetItemInput{TableName: ptr(table), Key: at("r", "k")})
	}
	s.Set(dynamodb.Faults{Lag: -1})
	f(get(at("r", "k")), 1, 0)
	f(lazy, 0.5, 0)
	f(put(size(1024)), 0, 1)
	f(put(size(1025)), 0, 2)
	f(put(size(100)), 0, 2)
	f(put(size(4096)), 0, 4)
	f(putIf(size(100), "attribute_not_exists(#k)"), 0, 4)
	f(get(at("r", "k")), 1, 0)
	f(transactGet(at("r", "k"), at("r", "none")), 4, 0)
	f(put(size(4097)), 0, 5)
	f(get(at("r", "k")), 2, 0)
	f(get(at("r", "k"), "n"), 2, 0)
	f(lazy, 1, 0)
	f(batch(at("r", "k"), at("r", "none")), 3, 0)
	f(query("realm = :a", "r"), 2, 0)
	f(query("realm = :a", "none"), 1, 0)
	f(scan("", ""), 2, 0)
	f(transact("t", putting(at("r", "a"), ""), checking(at("r", "k"), "attribute_exists(#k)")), 0, 2+10)
	f(transact("t", putting(at("r", "a"), ""), checking(at("r", "k"), "attribute_exists(#k)")), 2+4, 0)
	f(remove(at("r", "k")), 0, 5)
	f(remove(at("r", "k")), 0, 1)

	asked := func(how types.ReturnConsumedCapacity) request {
		return func(ctx context.Context, c *sdk.Client) (any, error) {
			out, err := c.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{
				TransactItems: []types.TransactWriteItem{putting(at("r", "b"), "")}, ReturnConsumedCapacity: how,
			})
			if err != nil {
				return nil, err
			}
			return out.ConsumedCapacity, nil
		}
	}
	expect(t, c, asked("NONE"), "[]")
	expect(t, c, asked("TOTAL"), "[(CapacityUnits:2 TableName:events WriteCapacityUnits:2)]")
	expect(t, c, asked("INDEXES"), "[(CapacityUnits:2 Table:(CapacityUnits:2 WriteCapacityUnits:2) TableName:events WriteCapacityUnits:2)]")
	expect(t, c, asked("ALL"), invalid+"1 validation error detected: Value 'ALL' at 'returnConsumedCapacity' failed to satisfy constraint: "+
		"Member must satisfy enum value set: [INDEXES, TOTAL, NONE]")
}
