package dynamodb_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

// TestMain takes out of the environment whatever it says of AWS.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	goleak.VerifyTestMain(m)
}

const (
	table  = "gateway"
	region = "eu-west-1"
	poll   = 20 * time.Millisecond // in these tests
)

func TestStore(t *testing.T) {
	server := start(t)
	plain := plainClient(t, server.URL())
	storetest.Run(t, func(t *testing.T) storetest.Env {
		return storetest.Env{
			Open: func() store.Store { return open(t, server.URL()) },
			Trim: func(realm store.Realm, upTo store.Rev) { trim(t, plain, table, realm, upTo) },
		}
	})
}

// BenchmarkStore has transactions that take no longer than their work.
func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store {
		server := start(b)
		server.Set(emulator.Faults{Hold: 1})
		return open(b, server.URL())
	})
}

// start starts a database with a table for the test.
func start(t testing.TB) *emulator.Server {
	t.Helper()
	s := emulator.Start(t)
	s.CreateTable(table)
	return s
}

func options(endpoint string) dynamodb.Options {
	return dynamodb.Options{Table: table, Region: region, Endpoint: endpoint, Username: "AKIAEXAMPLE", Password: "example-secret", Poll: poll}
}

func open(t testing.TB, endpoint string) *dynamodb.Store {
	t.Helper()
	return openWith(t, options(endpoint))
}

func openWith(t testing.TB, o dynamodb.Options) *dynamodb.Store {
	t.Helper()
	s, err := dynamodb.Open(o)
	return storetest.Opened(t, s, err)
}

// plainClient returns a client of DynamoDB, to look behind the store.
func plainClient(t testing.TB, endpoint string) *sdk.Client {
	t.Helper()
	client := http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return sdk.New(sdk.Options{
		BaseEndpoint: &endpoint, Region: region, HTTPClient: &client,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "example-secret", ""),
	})
}

func key(realm, sort string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"realm": text(realm), "key": text(sort)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// trim deletes the first entries of a realm's log.
func trim(t testing.TB, plain *sdk.Client, table string, realm store.Realm, upTo store.Rev) {
	t.Helper()
	for rev := store.Rev(1); rev <= upTo; rev++ {
		in := &sdk.DeleteItemInput{TableName: &table, Key: key(string(realm), fmt.Sprintf("v1/log/%020d", rev))}
		if _, err := plain.DeleteItem(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
}
