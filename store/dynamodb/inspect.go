package dynamodb

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/event-gateway/event-gateway/store"
)

// Inspect reads a head and looks, as far as it may, at the table's keys, state and time to live.
func (s *Store) Inspect(ctx context.Context) (string, error) {
	name := &s.options.Table
	var table *types.TableDescription
	err := s.ifAllowed(ctx, func(ctx context.Context, client *dynamodb.Client) error {
		out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: name})
		if err == nil {
			table = out.Table
		}
		return err
	})
	if err == nil && table != nil {
		err = s.check(table)
	}
	if err == nil {
		_, err = s.readHead(ctx, store.Shared)
	}
	if err != nil {
		return "", err
	}
	is := "DynamoDB"
	if client := s.client.Load(); client != nil {
		is += " in " + client.Options().Region
	}
	err = s.ifAllowed(ctx, func(ctx context.Context, client *dynamodb.Client) error {
		out, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: name})
		if err == nil && !trims(out.TimeToLiveDescription) {
			is += " (the log of changes is never trimmed, since the table's time to live is not on \"" + expiresName + "\")"
		}
		return err
	})
	return is, err
}

// ifAllowed makes a request that needs a permission which no other does. Without it, nothing happens.
func (s *Store) ifAllowed(ctx context.Context, request func(context.Context, *dynamodb.Client) error) error {
	err := s.call(ctx, request)
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == accessDenied {
		return nil
	}
	return err
}

// check returns an error if the table is not, or not yet, what the store needs.
func (s *Store) check(table *types.TableDescription) error {
	keys := make(map[types.KeyType]string)
	for _, k := range table.KeySchema {
		keys[k.KeyType] = aws.ToString(k.AttributeName)
	}
	strings := make(map[string]bool)
	for _, a := range table.AttributeDefinitions {
		strings[aws.ToString(a.AttributeName)] = a.AttributeType == types.ScalarAttributeTypeS
	}
	if keys[types.KeyTypeHash] != realmName || keys[types.KeyTypeRange] != keyName || !strings[realmName] || !strings[keyName] {
		return s.unusable(wantKeys)
	}
	switch status := table.TableStatus; status {
	case types.TableStatusActive, types.TableStatusUpdating:
		return nil
	case types.TableStatusCreating:
		return fmt.Errorf("%s is not ready: it is %s", s.where(), status)
	default:
		return s.unusable("it is %s", status)
	}
}

func trims(d *types.TimeToLiveDescription) bool {
	on := d != nil && (d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling)
	return on && aws.ToString(d.AttributeName) == expiresName
}

// Realms reads the whole table, which costs as much as loading all realms.
func (s *Store) Realms(ctx context.Context) ([]store.Realm, error) {
	in := &dynamodb.ScanInput{
		TableName: &s.options.Table, ConsistentRead: aws.Bool(true),
		FilterExpression:          aws.String("#key = :head"),
		ProjectionExpression:      aws.String("#realm"),
		ExpressionAttributeNames:  map[string]string{"#realm": realmName, "#key": keyName},
		ExpressionAttributeValues: attributes{":head": text(headKey)},
	}
	var realms []store.Realm
	starts := make(map[[2]string]bool) // of pages, which come in no order
	for {
		var out *dynamodb.ScanOutput
		err := s.call(ctx, func(ctx context.Context, client *dynamodb.Client) (err error) {
			out, err = client.Scan(ctx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, item := range out.Items {
			realms = append(realms, store.Realm(textOf(item[realmName])))
		}
		if len(out.LastEvaluatedKey) == 0 {
			return realms, nil
		}
		start := [2]string{textOf(out.LastEvaluatedKey[realmName]), sortKey(out.LastEvaluatedKey)}
		if starts[start] {
			return nil, fmt.Errorf("%s: %w", s.where(), errRepeated)
		}
		starts[start] = true
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
