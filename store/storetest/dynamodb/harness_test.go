package dynamodb_test

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const table = "events"

type attributes = map[string]types.AttributeValue

func str(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue   { return &types.AttributeValueMemberN{Value: s} }
func bin(s string) types.AttributeValue   { return &types.AttributeValueMemberB{Value: []byte(s)} }
func boolean(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }
func null() types.AttributeValue          { return &types.AttributeValueMemberNULL{Value: true} }
func text(v types.AttributeValue) string  { return v.(*types.AttributeValueMemberS).Value }

// at returns the key of an item, and with its further attributes the item.
func at(realm, key string, more ...any) attributes {
	m := attributes{"realm": str(realm), "key": str(key)}
	maps.Copy(m, values(more...))
	return m
}

// values are names and their values; nil if there are none.
func values(more ...any) attributes {
	if len(more) == 0 {
		return nil
	}
	m := attributes{}
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1].(types.AttributeValue)
	}
	return m
}

// start starts a server with one table, and returns it and a client that tries once.
func start(t *testing.T) (*dynamodb.Server, *sdk.Client) {
	t.Helper()
	s := dynamodb.Start(t)
	s.CreateTable(table)
	return s, client(t, s.URL(), once())
}

// once is a retryer that makes each call once, but for those whose answer AWS's client lost: it may close the connection when the answer
// comes before it is quite done with the request.
func once() aws.Retryer {
	lost := func(err error) aws.Ternary { return aws.BoolTernary(errors.Is(err, net.ErrClosed)) }
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(lost)}
		o.MaxBackoff = 10 * time.Millisecond
	})
}

func client(t *testing.T, url string, retryer aws.Retryer) *sdk.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return sdk.New(sdk.Options{
		BaseEndpoint: &url, Region: "eu-west-1", HTTPClient: &http.Client{Transport: transport}, Retryer: retryer,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", ""),
	})
}

// startMoto starts an emulator of AWS and returns its address.
func startMoto(t *testing.T) string {
	if _, err := exec.LookPath("moto_server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no moto_server: pip install 'moto[server]'")
		}
		t.Skip("NOT COMPARED WITH MOTO: no moto_server: pip install 'moto[server]'")
	}
	cmd := exec.Command("moto_server", "-H", "127.0.0.1", "-p", "0")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, read := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`).FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
	})
	select {
	case a := <-address:
		return a
	case <-read:
		t.Fatal("moto_server ended")
	case <-time.After(time.Minute):
		t.Fatal("moto_server is not ready after a minute")
	}
	return ""
}

// show writes an answer or an error in a short form: the members that are set, in the order of their names.
func show(out any, err error) string {
	var cancelled *types.TransactionCanceledException
	var failed *types.ConditionalCheckFailedException
	var api smithy.APIError
	switch {
	case errors.As(err, &cancelled):
		return cancelled.ErrorMessage() + " " + short(reflect.ValueOf(cancelled.CancellationReasons))
	case errors.As(err, &failed) && failed.Item != nil:
		return failed.ErrorCode() + ": " + failed.ErrorMessage() + " " + short(reflect.ValueOf(failed.Item))
	case errors.As(err, &api):
		return api.ErrorCode() + ": " + api.ErrorMessage()
	case err != nil:
		return err.Error()
	}
	return short(reflect.ValueOf(out))
}

func short(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if m, ok := v.Interface().(*types.AttributeValueMemberS); ok {
			return m.Value
		}
		if m, ok := v.Interface().(*types.AttributeValueMemberB); ok {
			return fmt.Sprintf("0x%x", m.Value)
		}
		return short(v.Elem())
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			all = append(all, short(v.Index(i)))
		}
		return "[" + strings.Join(all, " ") + "]"
	case reflect.Map:
		var all []string
		for _, k := range v.MapKeys() {
			all = append(all, k.String()+":"+short(v.MapIndex(k)))
		}
		slices.Sort(all)
		return "{" + strings.Join(all, " ") + "}"
	case reflect.Struct:
		if v.NumField() == 2 && v.Type().Field(0).Name == "Value" {
			return fmt.Sprint(v.Field(0).Interface())
		}
		var all []string
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() && f.Name != "ResultMetadata" && !v.Field(i).IsZero() {
				all = append(all, f.Name+":"+short(v.Field(i)))
			}
		}
		return "(" + strings.Join(all, " ") + ")"
	}
	return fmt.Sprint(v.Interface())
}
