package dynamodb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

// must makes requests that succeed, and returns the answer of the last.
func must(t *testing.T, c *sdk.Client, all ...request) string {
	t.Helper()
	last := ""
	for _, r := range all {
		out, err := r(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		last = show(out, nil)
	}
	return last
}

// expect makes a request and compares its answer.
func expect(t *testing.T, c *sdk.Client, r request, want string) {
	t.Helper()
	if got := show(r(t.Context(), c)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// until makes a request again and again, until its answer has this in it.
func until(t *testing.T, c *sdk.Client, r request, part string) {
	t.Helper()
	for got, end := "", time.Now().Add(30*time.Second); !strings.Contains(got, part); got = show(r(t.Context(), c)) {
		if time.Now().After(end) {
			t.Fatalf("still %s, want %s", got, part)
		}
	}
}

// background makes a request beside the test, which waits for it.
func background(t *testing.T, c *sdk.Client, r request) (answer func() string) {
	done := make(chan string, 1)
	go func() { done <- show(r(context.WithoutCancel(t.Context()), c)) }()
	answer = sync.OnceValue(func() string { return <-done })
	t.Cleanup(func() { answer() })
	return answer
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	must(t, c, put(at("r", "a")), put(at("r", "b")), put(at("r", "free")))
	const hold = 2 * time.Second
	s.Set(dynamodb.Faults{Hold: hold})
	began := time.Now()
	first := transact("first", putting(at("r", "a", "n", num("1")), ""), putting(at("r", "b", "n", num("1")), ""),
		checking(at("r", "c"), "attribute_not_exists(#k)"))
	answer := background(t, c, first)
	const conflict = "(Code:TransactionConflict Message:Transaction is ongoing for the item)"
	until(t, c, transactGet(at("r", "free"), at("r", "a")), cancelled+"[None, TransactionConflict] [(Code:None) "+conflict+"]")
	const refused = "TransactionConflictException: Transaction is ongoing for the item"
	expect(t, c, put(at("r", "a")), refused)
	expect(t, c, remove(at("r", "b")), refused)
	expect(t, c, put(at("r", "c")), refused)
	expect(t, c, transact("", putting(at("r", "d"), ""), putting(at("r", "c"), ""), putting(at("r", "free"), "attribute_not_exists(#k)")),
		cancelled+"[None, TransactionConflict, ConditionalCheckFailed] [(Code:None) "+conflict+
			" (Code:ConditionalCheckFailed Message:The conditional request failed)]")
	expect(t, c, first, "TransactionInProgressException: The transaction with the given request token is already in progress.")
	expect(t, c, put(at("r", "free")), "()")
	expect(t, c, get(at("r", "d")), "()")

	// Its writes are seen one after the other, in any order.
	until(t, c, query("realm = :a", "r", filter("n = :n", ":n", num("1"))), " 1 3 {}]")
	if got, took := answer(), time.Since(began); got != "ok" || took < hold {
		t.Errorf("%s in %v", got, took)
	}
	expect(t, c, query("realm = :a", "r", filter("n = :n", ":n", num("1"))), "[[a b] 2 3 {}]")
	s.Set(dynamodb.Faults{})
	must(t, c, put(at("r", "a")), remove(at("r", "b")), transact("", putting(at("r", "c"), "")), transactGet(at("r", "a")))
}

// TestBank moves money between accounts in many transactions at once, while others count it.
func TestBank(t *testing.T) {
	t.Parallel()
	const accounts, each = 5, 100
	_, c := start(t)
	var all []attributes
	for i := range accounts {
		all = append(all, at("bank", fmt.Sprint("account#", i)))
		must(t, c, put(at("bank", fmt.Sprint("account#", i), "n", num(fmt.Sprint(each)))))
	}
	var moved, conflicts, counted atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	enough := func() bool {
		return ctx.Err() != nil || t.Failed() || moved.Load() >= 100 && conflicts.Load() >= 20 && counted.Load() >= 10
	}
	var clients sync.WaitGroup
	for range 6 {
		clients.Go(func() {
			for !enough() {
				switch got := move(t, c, all, 7); {
				case got == "ok":
					moved.Add(1)
				case strings.Contains(got, "TransactionConflict"):
					conflicts.Add(1)
				case !strings.Contains(got, "[ConditionalCheckFailed, None]"): // the account is empty
					t.Error(got)
				}
			}
		})
	}
	for range 2 {
		clients.Go(func() {
			for !enough() {
				if n, ok := total(t, c, all); ok && n != accounts*each {
					t.Errorf("a transaction saw %d", n)
				} else if ok {
					counted.Add(1)
				}
			}
		})
	}
	clients.Wait()
	if n, ok := total(t, c, all); !ok || n != accounts*each || ctx.Err() != nil {
		t.Errorf("%d in the end, %d moves, %d conflicts, counted %d times, %v", n, moved.Load(), conflicts.Load(), counted.Load(), ctx.Err())
	}
}

// move moves some money from any account to any other, if there is so much.
func move(t *testing.T, c *sdk.Client, accounts []attributes, n int) string {
	from, to := rand.IntN(len(accounts)), rand.IntN(len(accounts)-1)
	if to >= from {
		to++
	}
	much := num(fmt.Sprint(n))
	return show(transact("", updating(accounts[from], "SET n = n - :n", "n >= :n", ":n", much),
		updating(accounts[to], "SET n = n + :n", "", ":n", much))(t.Context(), c))
}

// total reads all accounts in a transaction, if no other is in its way.
func total(t *testing.T, c *sdk.Client, keys []attributes) (int, bool) {
	out, err := transactGet(keys...)(t.Context(), c)
	if err != nil {
		if !strings.Contains(err.Error(), "TransactionConflict") {
			t.Error(err)
		}
		return 0, false
	}
	n := 0
	for _, r := range out.(*sdk.TransactGetItemsOutput).Responses {
		more, err := strconv.Atoi(r.Item["n"].(*types.AttributeValueMemberN).Value)
		if err != nil {
			t.Error(err)
		}
		n += more
	}
	return n, true
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	add := func(token string) request {
		return transact(token, updating(at("r", "n"), "ADD n :one", "", ":one", num("1")))
	}
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			if got := show(add("t")(t.Context(), c)); got != "ok" && !strings.HasPrefix(got, "TransactionInProgressException") {
				t.Error(got)
			}
		})
	}
	calls.Wait()
	expect(t, c, get(at("r", "n"), "n"), "(Item:{n:1})")
	must(t, c, add("t"), add("u"))
	expect(t, c, get(at("r", "n"), "n"), "(Item:{n:2})")
	s.Forward(9 * time.Minute)
	must(t, c, add("t"), add("u"))
	expect(t, c, get(at("r", "n"), "n"), "(Item:{n:2})")
	s.Forward(time.Minute)
	must(t, c, add("t"))
	expect(t, c, get(at("r", "n"), "n"), "(Item:{n:3})")

	// A transaction that was cancelled may be tried again under its token.
	once := transact("v", putting(at("r", "v"), "attribute_not_exists(#k)"))
	must(t, c, put(at("r", "v")))
	expect(t, c, once, cancelled+"[ConditionalCheckFailed] [(Code:ConditionalCheckFailed Message:The conditional request failed)]")
	must(t, c, remove(at("r", "v")), once, once)
}

func TestTransactionLimits(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	many := func(n, size int) (items []types.TransactWriteItem, keys []attributes) {
		for i := range n {
			k := fmt.Sprintf("%03d", i)
			items = append(items, putting(at("r", k, "x", str(strings.Repeat("x", size))), ""))
			keys = append(keys, at("r", k))
		}
		return items, keys
	}
	items, keys := many(101, 10)
	const length = invalid + "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: " +
		"Member must have length less than or equal to 100"
	expect(t, c, transact("", items...), length)
	expect(t, c, transactGet(keys...), length)
	must(t, c, transact("", items[:100]...), transactGet(keys[:100]...))
	items, keys = many(11, 390<<10)
	expect(t, c, transact("", items...), invalid+"Transaction payload size cannot exceed 4 MB")
	must(t, c, transact("", items[:10]...), transact("", items[10]))
	expect(t, c, transactGet(keys...), invalid+"The aggregate size of the items in the transaction cannot exceed 4 MB")
}
