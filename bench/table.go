package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

const tableName = "event-gateway"

// table is a table of the project's DynamoDB, which is in a process of its own.
type table struct{ *process }

func startTable(ctx context.Context) (*table, error) {
	p, err := start(ctx, "dynamodb")
	return &table{p}, err
}

// url is for Lambdas, whose environment has the region and the credentials.
func (t *table) url() string { return "dynamodb://" + tableName + "?endpoint=" + t.hello }

// urlWithKeys is for processes that have no such environment.
func (t *table) urlWithKeys() string {
	return strings.Replace(t.url(), "://", "://key:secret@", 1) + "&region=eu-west-1"
}

// counts returns what the server was asked meanwhile.
func (t *table) counts(meanwhile func() error) (dynamodb.Counts, error) {
	before, err := t.counted()
	if err != nil {
		return before, err
	}
	if err := meanwhile(); err != nil {
		return before, err
	}
	after, err := t.counted()
	for operation, n := range before.Calls {
		if after.Calls[operation] -= n; after.Calls[operation] == 0 {
			delete(after.Calls, operation)
		}
	}
	after.Read, after.Write = after.Read-before.Read, after.Write-before.Write
	return after, err
}

func (t *table) counted() (counts dynamodb.Counts, err error) {
	said, err := t.ask("counts")
	if err == nil {
		err = json.Unmarshal([]byte(said), &counts)
	}
	return counts, err
}

// playDynamoDB is the server. It answers each question with what it has counted.
func playDynamoDB([]string) (url string, answer func(string) string, err error) {
	defer func() {
		if why, failed := recover().(unusable); failed {
			err = fmt.Errorf("%s", string(why))
		}
	}()
	s := dynamodb.Start(owner{})
	s.CreateTable(tableName)
	return s.URL(), func(string) string { return string(marshal(s.Counts())) }, nil
}

// owner stands for the test that such a server belongs to: this process, which ends it.
type owner struct{ testing.TB }

type unusable string

func (owner) Helper()                           {}
func (owner) Cleanup(func())                    {}
func (owner) Fatal(args ...any)                 { panic(unusable(fmt.Sprint(args...))) }
func (owner) Fatalf(format string, args ...any) { panic(unusable(fmt.Sprintf(format, args...))) }
func (owner) Errorf(format string, args ...any) { panic(unusable(fmt.Sprintf(format, args...))) }
