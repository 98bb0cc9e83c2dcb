package dynamodb

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
)

// The names of attributes.
const (
	realmName   = "realm"
	keyName     = "key"
	headName    = "head"
	entryName   = "entry"
	expiresName = "expires"
	valueName   = "value"
	revName     = "rev"
)

const wantKeys = `its partition key must be the string "realm", and its sort key the string "key"`

// The sort keys. All begin with the version of the layout.
const (
	headKey = "v1/head"
	logs    = "v1/log/"
	records = "v1/records/"
)

// attributes are an item of the table.
type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func number(n uint64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatUint(n, 10)}
}

func entryKey(rev store.Rev) string { return fmt.Sprintf("%s%020d", logs, rev) }

// key returns the primary key of an item.
func key(realm store.Realm, sort string) attributes {
	return attributes{realmName: text(string(realm)), keyName: text(sort)}
}

func sortKey(a attributes) string { return textOf(a[keyName]) }

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// headOf reads a head. Of a realm that nobody wrote to there is no item.
func headOf(a attributes) (store.Head, error) {
	if a == nil {
		return store.Head{}, nil
	}
	head, err := store.ParseHead(textOf(a[headName]))
	if err == nil && head == (store.Head{}) { // also if there is none in the item
		err = errors.New("it is empty")
	}
	if err != nil {
		return store.Head{}, fmt.Errorf("the head of the realm %.60q cannot be read: %w", textOf(a[realmName]), err)
	}
	return head, nil
}

// revOf returns the revision of a log entry, or 0 for what is none: anybody may write items.
func revOf(a attributes) store.Rev {
	digits, ok := strings.CutPrefix(sortKey(a), logs)
	rev, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || len(digits) != 20 {
		return 0
	}
	return store.Rev(rev)
}

// commitOf reads a log entry.
func commitOf(a attributes) (store.Commit, error) {
	entry, ok := a[entryName].(*types.AttributeValueMemberB)
	if !ok {
		return store.Commit{}, fmt.Errorf("the item %.60q is no entry of a log", sortKey(a))
	}
	return store.DecodeCommit(revOf(a), entry.Value)
}

// itemOf reads a record. What somebody else wrote there is an item that no commit wrote: it must not stop the others.
func itemOf(a attributes) store.Item {
	item := store.Item{Key: strings.TrimPrefix(sortKey(a), records), Value: []byte{}}
	value, ok := a[valueName].(*types.AttributeValueMemberB)
	if !ok {
		return item
	}
	if value.Value != nil {
		item.Value = value.Value
	}
	if n, ok := a[revName].(*types.AttributeValueMemberN); ok {
		if rev, err := strconv.ParseUint(n.Value, 10, 64); err == nil {
			item.Rev = store.Rev(rev)
		}
	}
	return item
}
