package main

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/dynamodb"
)

const (
	tableName   = "gateway"
	tableRegion = "us-east-1" // of the Lambda host
)

// reads are the operations that a role may use which may write nothing.
var reads = []string{"GetItem", "BatchGetItem", "Query", "TransactGetItems"}

// requests are how often each operation was asked for.
type requests = map[string]int

// front is one Lambda's way to a DynamoDB. It notes what is asked for, and may refuse it.
type front struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	since  requests               // asked for since the last look
	all    requests               // asked for ever
	before func(operation string) // called before a request is passed on; nil: nothing is
}

// startFront starts a front of the server. If operations are given, all others are refused, as by IAM.
func startFront(t *testing.T, endpoint string, allowed ...string) *front {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: transport, ErrorLog: log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // what was cut behind it is cut before it
	}
	f := &front{t: t, since: requests{}, all: requests{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
		f.note(operation)
		if len(allowed) > 0 && !slices.Contains(allowed, operation) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"it is not authorized to perform: dynamodb:`+operation+`"}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { f.Close(); transport.CloseIdleConnections() })
	return f
}

func (f *front) note(operation string) {
	f.mu.Lock()
	f.since[operation]++
	f.all[operation]++
	before := f.before
	f.mu.Unlock()
	if before != nil {
		before(operation)
	}
}

// hold has f called before each request is passed on.
func (f *front) hold(before func(operation string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

// count returns how often an operation was asked for.
func (f *front) count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[operation]
}

// store returns what EVENT_GATEWAY_STORE is set to. The region and who it is are in the environment.
func (f *front) store() string { return "dynamodb://" + tableName + "?endpoint=" + f.URL }

// asked wants these to have been asked for since the last look.
func (f *front) asked(want requests) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.since
	f.since = requests{}
	if !maps.Equal(got, want) {
		f.t.Errorf("DynamoDB was asked for %v, want %v", got, want)
	}
}

// used wants these and no others to have been asked for.
func (f *front) used(want ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := slices.Sorted(maps.Keys(f.all)); !slices.Equal(got, want) {
		f.t.Errorf("DynamoDB was asked for %v, want %v", got, want)
	}
}

// plainClient returns a client of DynamoDB, to look behind the gateway.
func plainClient(endpoint string) *sdk.Client {
	return sdk.New(sdk.Options{BaseEndpoint: &endpoint, Region: tableRegion, Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})
}

// openTable opens the store in the table.
func openTable(t *testing.T, endpoint string) store.Store {
	t.Helper()
	s, err := dynamodb.Open(dynamodb.Options{Table: tableName, Region: tableRegion, Endpoint: endpoint, Username: "key", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func createTable(t *testing.T, endpoint string) {
	t.Helper()
	in := &sdk.CreateTableInput{TableName: aws.String(tableName), BillingMode: types.BillingModePayPerRequest}
	for name, kind := range map[string]types.KeyType{"realm": types.KeyTypeHash, "key": types.KeyTypeRange} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS})
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: &name, KeyType: kind})
	}
	slices.SortFunc(in.KeySchema, func(a, b types.KeySchemaElement) int { return strings.Compare(string(a.KeyType), string(b.KeyType)) })
	if _, err := plainClient(endpoint).CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	wait := sdk.NewTableExistsWaiter(plainClient(endpoint), func(o *sdk.TableExistsWaiterOptions) { o.MinDelay, o.MaxDelay = time.Millisecond, 50*time.Millisecond })
	if err := wait.Wait(t.Context(), &sdk.DescribeTableInput{TableName: aws.String(tableName)}, time.Minute); err != nil {
		t.Fatal(err)
	}
}

// trimLog does what time does to the log: none of it is left.
func trimLog(t *testing.T, endpoint string) {
	t.Helper()
	c := plainClient(endpoint)
	out, err := c.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String(tableName), KeyConditionExpression: aws.String("#realm = :realm AND begins_with(#key, :log)"),
		ProjectionExpression: aws.String("#realm, #key"), ExpressionAttributeNames: map[string]string{"#realm": "realm", "#key": "key"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":realm": &types.AttributeValueMemberS{Value: string(store.Shared)}, ":log": &types.AttributeValueMemberS{Value: "v1/log/"},
		},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil || len(out.Items) == 0 {
		t.Fatalf("%v: there is no log", err)
	}
	for _, key := range out.Items {
		if _, err := c.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String(tableName), Key: key}); err != nil {
			t.Fatal(err)
		}
	}
}
