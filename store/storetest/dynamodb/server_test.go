package dynamodb_test

import (
	"context"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

func TestKill(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	must(t, c, put(at("r", "k")))
	url := s.URL()
	s.Kill()
	s.Kill()
	if got := show(get(at("r", "k"))(t.Context(), c)); !strings.Contains(got, "request send failed") {
		t.Error(got)
	}
	s.Start()
	s.Start()
	if s.URL() != url {
		t.Error(s.URL())
	}
	expect(t, c, get(at("r", "k")), "(Item:{key:k realm:r})")

	// A transaction under way ends, but nobody is told.
	s.Set(dynamodb.Faults{Hold: time.Second})
	answer := background(t, c, transact("", putting(at("r", "k", "n", num("1")), ""), putting(at("r", "l", "n", num("1")), "")))
	until(t, c, transactGet(at("r", "k")), "TransactionConflict")
	s.Kill()
	if got := answer(); !strings.Contains(got, "request send failed") {
		t.Error(got)
	}
	s.Start()
	expect(t, c, transactGet(at("r", "k"), at("r", "l")), "(Responses:[(Item:{key:k n:1 realm:r}) (Item:{key:l n:1 realm:r})])")
}

func TestFreeze(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	// arrives makes a call that is given up when it has arrived.
	arrives := func(key string) {
		ctx, cancel := context.WithCancel(t.Context())
		before := s.Calls("PutItem")
		done := make(chan string, 1)
		go func() { done <- show(put(at("r", key))(ctx, c)) }()
		for end := time.Now().Add(30 * time.Second); s.Calls("PutItem") == before && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		cancel()
		if got := <-done; !strings.Contains(got, "context canceled") {
			t.Error(got)
		}
	}
	s.Freeze()
	s.Freeze()
	arrives("late")
	answer := background(t, c, get(at("r", "none")))
	s.Thaw()
	s.Thaw()
	if got := answer(); got != "()" {
		t.Error(got)
	}
	until(t, c, get(at("r", "late")), "Item:")

	s.Freeze()
	arrives("lost")
	s.Kill()
	s.Thaw()
	s.Start()
	expect(t, c, get(at("r", "lost")), "()")
}

func TestExpire(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	in := func(d time.Duration) any { return num(strconv.FormatInt(time.Now().Add(d).Unix(), 10)) }
	must(t, c, put(at("r", "old", "until", in(-time.Minute))), put(at("r", "young", "until", in(time.Hour))), put(at("r", "none")),
		put(at("r", "text", "until", str("1"))))
	f := func(n int, want string) {
		t.Helper()
		if got := s.Expire(); got != n {
			t.Errorf("%d items expired, want %d", got, n)
		}
		expect(t, c, query("realm = :a", "r"), want)
	}
	f(0, "[[none old text young] 4 4 {}]")
	must(t, c, updateTTL("until", true))
	f(1, "[[none text young] 3 3 {}]")
	s.Forward(2 * time.Hour)
	expect(t, c, get(at("r", "young"), "realm"), "(Item:{realm:r})")
	f(1, "[[none text] 2 2 {}]")
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	const signed = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-west-1/dynamodb/aws4_request,SignedHeaders=host, Signature=00"
	f := func(operation, auth, body string, status int, want string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", operation)
		req.Header.Set("Authorization", auth)
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status || !strings.Contains(string(b), want) {
			t.Errorf("%s %.100s: %d %s %v, want %d %s", operation, body, resp.StatusCode, b, err, status, want)
		}
		if sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE(b)), 10); status < 413 && resp.Header.Get("X-Amz-Crc32") != sum {
			t.Errorf("checksum %s, want %s", resp.Header.Get("X-Amz-Crc32"), sum)
		}
	}
	const get, key = "DynamoDB_20120810.GetItem", `"TableName":"events","Key":{"realm":{"S":"r"},"key":{"S":"k"}}`
	f(get, signed, "{"+key+"}", 200, "{}")
	f(get, "", "{"+key+"}", 400, `"__type":"com.amazon.coral.service#MissingAuthenticationTokenException"`)
	f(get, "AWS4-HMAC-SHA256 Signature=00", "{"+key+"}", 400, "IncompleteSignatureException")
	f("DynamoDB_20120810.UpdateItem", signed, "{}", 400, "UnknownOperationException")
	f(get, signed, "{"+key+`,"AttributesToGet":["n"]}`, 400, "the parameter AttributesToGet of GetItem is not known to this server")
	f(get, signed, "{"+key, 400, "SerializationException")
	f(get, signed, `{"TableName":7}`, 400, "SerializationException")
	f(get, signed, `{}`, 400, "Value null at 'tableName'")
	f(get, signed, `{"TableName":"a"}`, 400, "must be between 3 and 255 characters long")
	put := func(value, want string) {
		t.Helper()
		f("DynamoDB_20120810.PutItem", signed, `{"TableName":"events","Item":{"realm":{"S":"r"},"key":{"S":"k"},"v":`+value+`}}`, 400, want)
	}
	put(`{"SS":["a"]}`, "attribute values of type SS are not known to this server")
	put(`{"M":{}}`, "attribute values of type M are not known to this server")
	put(`{}`, "Supplied AttributeValue is empty")
	put(`{"X":1}`, "Supplied AttributeValue is empty")
	put(`{"S":"a","N":"1"}`, "more than one datatypes")
	put(`{"N":1}`, "SerializationException")
	put(`{"B":"_"}`, "SerializationException")
	put(`{"NULL":false}`, "Null attribute value types must have the value of true")
	put(`"a"`, "SerializationException")
	f("DynamoDB_20120810.PutItem", signed, strings.Repeat("x", 16<<20+1), 413, "")
}
