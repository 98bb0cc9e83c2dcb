package dynamodb

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
)

// Commit writes the head, a log entry and the items in one transaction, if the head is still the given one. If DynamoDB cancels it because
// another one is under way, that one may land or not. So the head is looked at before the next try, which costs less than a try.
func (s *Store) Commit(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	next := at.Next(c)
	entry, err := c.Encode()
	if err != nil {
		return store.Head{}, err
	}
	writes := s.writes(realm, at, next, c, entry)
	first := true
	err = s.insist(ctx, func() error {
		if !first {
			switch now, err := s.readHead(ctx, realm); {
			case err != nil:
				return err
			case now != at:
				return store.ErrConflict
			}
		}
		first = false
		return s.call(ctx, func(ctx context.Context, client *dynamodb.Client) error {
			_, err := client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes}, once)
			return err
		})
	})
	var cancelled *types.TransactionCanceledException
	switch {
	case errors.As(err, &cancelled) && count(cancelled, "ConditionalCheckFailed") > 0:
		return store.Head{}, store.ErrConflict
	case err != nil:
		return store.Head{}, err
	}
	return next, nil
}

// writes returns what the transaction does. Only the head has a condition.
func (s *Store) writes(realm store.Realm, at, next store.Head, c store.Commit, entry []byte) []types.TransactWriteItem {
	head, log := key(realm, headKey), key(realm, entryKey(next.Rev))
	head[headName] = text(next.String())
	log[entryName] = binary(entry)
	log[expiresName] = number(uint64(time.Now().Add(2 * store.LogAge).Unix()))
	put := s.put(head)
	put.Put.ExpressionAttributeNames = map[string]string{"#head": headName}
	put.Put.ConditionExpression = aws.String("attribute_not_exists(#head)")
	if at != (store.Head{}) {
		put.Put.ConditionExpression = aws.String("#head = :at")
		put.Put.ExpressionAttributeValues = attributes{":at": text(at.String())}
	}
	writes := append(make([]types.TransactWriteItem, 0, 2+len(c.Ops)), put, s.put(log))
	for _, op := range c.Ops {
		item := key(realm, records+op.Key)
		if op.Value == nil {
			writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.options.Table, Key: item}})
			continue
		}
		item[valueName], item[revName] = binary(op.Value), number(uint64(next.Rev))
		writes = append(writes, s.put(item))
	}
	return writes
}

func (s *Store) put(item attributes) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.options.Table, Item: item}}
}
