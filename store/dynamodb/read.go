package dynamodb

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
)

// condition says which sort keys a query is for.
type condition struct {
	expression string
	values     attributes
}

// query reads items of a realm in the order of their keys, page after page. Of many it should not begin anew because one was throttled.
func (s *Store) query(ctx context.Context, realm store.Realm, keys condition, each func(attributes) error) error {
	keys.values[":realm"] = text(string(realm))
	in := &dynamodb.QueryInput{
		TableName: &s.options.Table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#realm = :realm AND " + keys.expression),
		ExpressionAttributeNames:  map[string]string{"#realm": realmName, "#key": keyName},
		ExpressionAttributeValues: keys.values,
	}
	for {
		var out *dynamodb.QueryOutput
		err := s.insist(ctx, func() error {
			return s.call(ctx, func(ctx context.Context, client *dynamodb.Client) (err error) {
				out, err = client.Query(ctx, in)
				return err
			})
		})
		if err != nil {
			return err
		}
		for _, item := range out.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		if sortKey(out.LastEvaluatedKey) <= sortKey(in.ExclusiveStartKey) {
			return fmt.Errorf("%s: %w", s.where(), errRepeated)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// transactGet reads items, nil where there is none. DynamoDB refuses that while a transaction is about to write one of them.
func (s *Store) transactGet(ctx context.Context, keys []attributes) ([]attributes, error) {
	gets := make([]types.TransactGetItem, len(keys))
	for i, key := range keys {
		gets[i].Get = &types.Get{TableName: &s.options.Table, Key: key}
	}
	items := make([]attributes, len(keys))
	err := s.call(ctx, func(ctx context.Context, client *dynamodb.Client) error {
		out, err := client.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: gets})
		if err == nil {
			for i := range min(len(items), len(out.Responses)) {
				items[i] = out.Responses[i].Item
			}
		}
		return err
	})
	return items, err
}
