package dynamodb_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

// befall sets one fault, for the next call.
func befall(s *dynamodb.Server, k dynamodb.Kind) {
	s.Set(dynamodb.Faults{List: []dynamodb.Fault{{Kind: k, Times: 1}}})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	n := 0
	f := func(k dynamodb.Kind, want string, applied bool) {
		t.Helper()
		n++
		key := at("r", fmt.Sprint(n))
		befall(s, k)
		if got := show(put(key)(t.Context(), c)); !strings.Contains(got, want) {
			t.Errorf("got %s\nwant %s", got, want)
		}
		if s.Counts().Faults[k] != 1 {
			t.Errorf("%d: %v", k, s.Counts())
		}
		if got := show(get(key)(t.Context(), c)); applied != (got != "()") {
			t.Errorf("%d left %s", k, got)
		}
	}
	f(dynamodb.Throttle, "ProvisionedThroughputExceededException: ", false)
	f(dynamodb.ThrottleRequests, "ThrottlingException: Rate of requests exceeds the allowed throughput.", false)
	f(dynamodb.Conflict, "TransactionConflictException: Transaction is ongoing for the item", false)
	f(dynamodb.Internal, "InternalServerError: ", false)
	f(dynamodb.InternalAfter, "InternalServerError: ", true)
	f(dynamodb.Close, "request send failed", false)
	f(dynamodb.CloseAfter, "request send failed", true)
	f(dynamodb.UnrecognizedClient, "UnrecognizedClientException: The security token included in the request is invalid.", false)
	f(dynamodb.ExpiredToken, "ExpiredTokenException: The security token included in the request is expired", false)

	two := transact("", putting(at("r", "a"), ""), putting(at("r", "b"), ""))
	befall(s, dynamodb.Throttle)
	throttled := cancelled + "[ThrottlingError, None] [(Code:ThrottlingError Message:Throughput exceeds"
	if got := show(two(t.Context(), c)); !strings.HasPrefix(got, throttled) {
		t.Error(got)
	}
	befall(s, dynamodb.Conflict)
	expect(t, c, transactGet(at("r", "a"), at("r", "b")),
		cancelled+"[TransactionConflict, None] [(Code:TransactionConflict Message:Transaction is ongoing for the item) (Code:None)]")
	befall(s, dynamodb.Unprocessed)
	must(t, c, two)
	befall(s, dynamodb.Unprocessed)
	expect(t, c, batch(at("r", "a"), at("r", "b")), "[{r/a:{key:a realm:r}} {events:(Keys:[{key:b realm:r}] ConsistentRead:true)}]")
}

// TestHang waits for what does not come.
func TestHang(t *testing.T) {
	t.Parallel()
	f := func(k dynamodb.Kind, applied bool) {
		s, c := start(t)
		befall(s, k)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answer := make(chan string, 1)
		go func() { answer <- show(put(at("r", "k"))(ctx, c)) }()
		for end := time.Now().Add(30 * time.Second); s.Counts().Faults[k] == 0; {
			if time.Now().After(end) {
				t.Fatal("the call did not arrive")
			}
		}
		if applied {
			until(t, c, get(at("r", "k")), "Item:")
		} else {
			expect(t, c, get(at("r", "k")), "()")
		}
		select {
		case a := <-answer:
			t.Errorf("%d answered %s", k, a)
		default:
		}
		cancel()
		if a := <-answer; !strings.Contains(a, "context canceled") {
			t.Error(a)
		}
	}
	f(dynamodb.Hang, false)
	f(dynamodb.HangAfter, true)
}

// TestRetries holds that the SDK's own retries of a transaction apply it once.
func TestRetries(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	c := client(t, s.URL(), retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 10 * time.Millisecond }))
	kinds := []dynamodb.Kind{dynamodb.InternalAfter, dynamodb.CloseAfter, dynamodb.Internal, dynamodb.Close, dynamodb.ThrottleRequests}
	for i, k := range kinds {
		befall(s, k)
		must(t, c, transact("", updating(at("r", "n"), "ADD n :one", "", ":one", num("1"))))
		befall(s, k)
		expect(t, c, get(at("r", "n"), "n"), fmt.Sprintf("(Item:{n:%d})", i+1))
	}
	if n := s.Calls("TransactWriteItems"); n != 10 {
		t.Errorf("%d calls", n)
	}
}

func TestChoiceOfCalls(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	run := func(f dynamodb.Faults) string {
		s.Set(f)
		got := ""
		for range 30 {
			if _, err := put(at("r", "k"))(t.Context(), c); err != nil {
				got += "x"
			} else {
				got += "."
			}
		}
		return got
	}
	one := func(f dynamodb.Fault) dynamodb.Faults {
		f.Kind = dynamodb.Internal
		return dynamodb.Faults{Seed: 1, List: []dynamodb.Fault{f}}
	}
	f := func(f dynamodb.Fault, want string) {
		t.Helper()
		if got := run(one(f)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	none := strings.Repeat(".", 30)
	f(dynamodb.Fault{}, strings.Repeat("x", 30))
	f(dynamodb.Fault{Ops: []string{"GetItem"}}, none)
	f(dynamodb.Fault{Ops: []string{"GetItem", "PutItem"}, Skip: 2, Times: 3}, "..xxx"+none[5:])
	half := run(one(dynamodb.Fault{Rate: 0.5}))
	if n := strings.Count(half, "x"); n < 5 || n > 25 {
		t.Errorf("half of the calls: %s", half)
	}
	f(dynamodb.Fault{Rate: 0.5}, half)
	f(dynamodb.Fault{Rate: 0.5, Times: 1}, firstOnly(half))

	s.Set(dynamodb.Faults{Latency: 300 * time.Millisecond})
	began := time.Now()
	must(t, c, get(at("r", "k")))
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

// firstOnly keeps the first x.
func firstOnly(s string) string {
	i := strings.IndexByte(s, 'x')
	return s[:i+1] + strings.ReplaceAll(s[i+1:], "x", ".")
}

func TestDeny(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	f := func(r request, action string) {
		t.Helper()
		s.Deny(action)
		expect(t, c, r, "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/gateway/i-0a1b2c3d4e5f60718 is not authorized "+
			"to perform: dynamodb:"+action+" on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/events "+
			"because no identity-based policy allows the dynamodb:"+action+" action")
		s.Deny()
		if got := show(r(t.Context(), c)); strings.Contains(got, "AccessDenied") {
			t.Error(got)
		}
	}
	k := at("r", "k")
	f(describe, "DescribeTable")
	f(get(k), "GetItem")
	f(batch(k), "BatchGetItem")
	f(put(k), "PutItem")
	f(remove(k), "DeleteItem")
	f(query("realm = :a", "r"), "Query")
	f(scan("", ""), "Scan")
	f(transactGet(k), "GetItem")
	all := transact("", putting(at("r", "a"), ""), deleting(at("r", "b"), ""), updating(at("r", "c"), "REMOVE x", ""),
		checking(at("r", "d"), "attribute_not_exists(#k)"))
	for _, action := range []string{"PutItem", "DeleteItem", "UpdateItem", "ConditionCheckItem"} {
		f(all, action)
	}
	f(updateTTL("until", true), "UpdateTimeToLive")
	f(describeTTL, "DescribeTimeToLive")
	f(drop, "DeleteTable")
	f(create, "CreateTable")
}
