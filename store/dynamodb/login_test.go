package dynamodb_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

// unusable checks that all calls say why the store cannot be used, in one line and without a secret.
func unusable(t *testing.T, s *dynamodb.Store, want string) {
	t.Helper()
	for name, call := range map[string]func() error{
		"Inspect": func() error { _, err := s.Inspect(t.Context()); return err },
		"Load":    func() error { _, _, err := s.Load(t.Context(), "r"); return err },
		"Changes": func() error { _, _, err := s.Changes(t.Context(), "r", 3, time.Minute); return err },
		"Heads":   func() error { _, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, 0); return err },
		"Commit":  func() error { _, err := s.Commit(t.Context(), "r", store.Head{}, storetest.Commit("k", 0)); return err },
	} {
		err := call()
		if !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want ErrUnusable and %q", name, err, want)
		}
		if text := fmt.Sprint(err); strings.Contains(text, "secret") || strings.Contains(text, "\n") {
			t.Errorf("%s: got %q", name, text)
		}
	}
}

func TestRefusedLogin(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Set(emulator.Faults{List: []emulator.Fault{{Kind: emulator.UnrecognizedClient}}})
	s := open(t, server.URL())
	unusable(t, s, "the AWS credentials are refused (UnrecognizedClientException)")

	server.Set(emulator.Faults{List: []emulator.Fault{{Kind: emulator.ExpiredToken}}})
	if _, _, err := s.Load(t.Context(), "r"); err == nil || errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("expired credentials: got %v", err)
	}
	server.Set(emulator.Faults{})
	if _, _, err := s.Load(t.Context(), "r"); err != nil {
		t.Error(err)
	}
}

// TestSecretRepeated: AWS repeats what was signed when the signature is wrong, with the session token.
func TestSecretRepeated(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"com.amazon.coral.service#InvalidSignatureException",`+
			`"message":"The Canonical String should have been\n'POST\nx-amz-security-token:secret'"}`)
	}))
	defer server.Close()
	unusable(t, open(t, server.URL), "the AWS credentials are refused (InvalidSignatureException)")
}

// TestSomethingElse: the endpoint is some other server.
func TestSomethingElse(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://localhost:1/")
		w.WriteHeader(int(status.Load()))
		fmt.Fprint(w, "<html>")
	}))
	defer server.Close()
	s := open(t, server.URL)
	for _, code := range []int64{301, 403, 404, 405} {
		status.Store(code)
		unusable(t, s, fmt.Sprintf("what answers there is no DynamoDB (status %d)", code))
	}
	for _, code := range []int64{200, 500, 503} { // or something is broken on the way
		status.Store(code)
		if _, err := s.Inspect(t.Context()); err == nil || errors.Is(err, store.ErrUnusable) {
			t.Errorf("status %d: got %v", code, err)
		}
	}
}

// TestLeastPermissions: a gateway works with those that the documentation tells.
func TestLeastPermissions(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Deny("Scan", "DescribeTable", "DescribeTimeToLive", "UpdateItem", "ConditionCheckItem", "UpdateTimeToLive", "CreateTable", "DeleteTable")
	s := open(t, server.URL())
	if is, err := s.Inspect(t.Context()); is != "DynamoDB in eu-west-1" || err != nil {
		t.Errorf("got %q, %v", is, err)
	}
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(s, 3)
	f.Reaches(w)
	if _, err := s.Commit(t.Context(), "r", w.Head, store.Commit{ID: "id", Ops: []store.Op{{Key: "k", Was: 3}}}); err != nil {
		t.Error(err)
	}
	if items, _, err := s.Load(t.Context(), "r"); len(items) != 0 || err != nil {
		t.Errorf("got %v, %v", items, err)
	}
	trim(t, plainClient(t, server.URL()), table, "r", 1)
	if _, _, err := s.Changes(t.Context(), "r", 0, 0); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("got %v, want ErrTrimmed", err)
	}
	if n := f.Failures(); n != 0 {
		t.Errorf("the follower failed %d times", n)
	}
	denied := func(action string, call func() error) {
		t.Helper()
		server.Deny(action)
		if err := call(); !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), "not authorized to perform: dynamodb:"+action) {
			t.Errorf("without %s: got %v", action, err)
		}
	}
	heads := func() error { _, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, 0); return err }
	write := func() error {
		_, err := s.Commit(t.Context(), "q", store.Head{}, store.Commit{ID: "id", Ops: []store.Op{{Key: "k"}}})
		return err
	}
	denied("GetItem", func() error { _, err := s.Inspect(t.Context()); return err })
	denied("Query", func() error { _, _, err := s.Load(t.Context(), "r"); return err })
	denied("BatchGetItem", heads)
	denied("PutItem", write)
	denied("DeleteItem", write)
	denied("Scan", func() error { _, err := s.Realms(t.Context()); return err })
}

func TestMissingTable(t *testing.T) {
	t.Parallel()
	server := emulator.Start(t)
	unusable(t, open(t, server.URL()), "the DynamoDB table gateway in eu-west-1 at "+server.URL()+": there is no such table: make one as docs/stores.md says")
}

// TestWrongTable: also with no permission to look at its keys.
func TestWrongTable(t *testing.T) {
	t.Parallel()
	for _, keys := range [][2]string{{"pk", "key"}, {"realm", "sort"}} {
		server := emulator.Start(t)
		create(t, plainClient(t, server.URL()), table, keys)
		s := open(t, server.URL())
		for _, denied := range []string{"Scan", "DescribeTable"} {
			server.Deny(denied)
			if _, err := s.Inspect(t.Context()); !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), `its partition key must be the string "realm"`) {
				t.Errorf("%s denied: got %v", denied, err)
			}
		}
	}
}

// create makes a table, and waits until it can be used.
func create(t *testing.T, plain *sdk.Client, table string, keys [2]string) {
	t.Helper()
	in := &sdk.CreateTableInput{TableName: &table, BillingMode: types.BillingModePayPerRequest}
	for i, kind := range []types.KeyType{types.KeyTypeHash, types.KeyTypeRange} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &keys[i], AttributeType: types.ScalarAttributeTypeS})
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: &keys[i], KeyType: kind})
	}
	if _, err := plain.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "the table can be used", func() bool {
		out, err := plain.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: &table})
		return err == nil && out.Table.TableStatus == types.TableStatusActive
	})
}

func TestInspect(t *testing.T) {
	t.Parallel()
	server := start(t)
	plain := plainClient(t, server.URL())
	s := open(t, server.URL())
	is := func(want string) {
		t.Helper()
		if is, err := s.Inspect(t.Context()); is != want || err != nil {
			t.Errorf("got %q, %v; want %q", is, err, want)
		}
	}
	const untrimmed = `DynamoDB in eu-west-1 (the log of changes is never trimmed, since the table's time to live is not on "expires")`
	is(untrimmed)
	ttl := func(attribute string) {
		t.Helper()
		_, err := plain.UpdateTimeToLive(t.Context(), &sdk.UpdateTimeToLiveInput{
			TableName:               aws.String(table),
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &attribute, Enabled: aws.Bool(true)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ttl("expires")
	is("DynamoDB in eu-west-1")
	if _, err := plain.DeleteTable(t.Context(), &sdk.DeleteTableInput{TableName: aws.String(table)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Inspect(t.Context()); !errors.Is(err, store.ErrUnusable) {
		t.Errorf("of a table that is being deleted: got %v", err)
	}
}

// TestEnvironment: what is not in the options comes from where all programs of AWS look for it.
func TestEnvironment(t *testing.T) {
	server := start(t)
	works := func(o dynamodb.Options) {
		t.Helper()
		s := openWith(t, o)
		if _, _, err := s.Load(t.Context(), "r"); err != nil {
			t.Error(err)
		}
	}
	fails := func(o dynamodb.Options, want string) {
		t.Helper()
		o.Timeout = 30 * time.Second
		unusable(t, openWith(t, o), want)
	}
	fails(dynamodb.Options{Table: table, Endpoint: server.URL(), Username: "AKIAEXAMPLE", Password: "example-secret"}, "no region is given")
	t.Setenv("AWS_REGION", region)
	fails(dynamodb.Options{Table: table, Endpoint: server.URL()}, "no AWS credentials")
	t.Setenv("AWS_ENDPOINT_URL", server.URL())
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example-secret")
	t.Setenv("AWS_MAX_ATTEMPTS", "nonsense")
	fails(dynamodb.Options{Table: table}, "AWS_MAX_ATTEMPTS")
	t.Setenv("AWS_MAX_ATTEMPTS", "7")
	works(dynamodb.Options{Table: table})
	befalls(server, emulator.Internal, 5, "GetItem") // no more than the store would try by itself
	before := server.Calls("GetItem")
	s := openWith(t, dynamodb.Options{Table: table})
	if _, _, err := s.Load(t.Context(), "r"); err == nil || server.Calls("GetItem") != before+3 {
		t.Errorf("got %v after %d tries", err, server.Calls("GetItem")-before)
	}
	server.Set(emulator.Faults{})

	os.Unsetenv("AWS_ACCESS_KEY_ID")     // t.Setenv puts it back
	os.Unsetenv("AWS_SECRET_ACCESS_KEY") // likewise
	shared := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(shared, []byte("[profile other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", shared)
	works(dynamodb.Options{Table: table, Profile: "other"})
	fails(dynamodb.Options{Table: table, Profile: "none"}, "the AWS settings cannot be used")

	// What gives credentials is away for now.
	t.Setenv("AWS_EC2_METADATA_DISABLED", "")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
	s = openWith(t, dynamodb.Options{Table: table, Timeout: 30 * time.Second})
	if _, _, err := s.Load(t.Context(), "r"); err == nil || errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), "no AWS credentials") {
		t.Errorf("got %v", err)
	}
}
