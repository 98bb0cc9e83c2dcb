package stores

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
)

type dynamoDBClient struct {
	c    *dynamodb.Client
	last string // of the key that is swapped
}

func dialDynamoDB(t *testing.T, raw string) client {
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	d := &dynamoDBClient{c: dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(u.Query().Get("endpoint")), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})}
	item := benchKey("read")
	item["head"] = text(aHead)
	if _, err := d.c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(table), Item: item}); err != nil {
		t.Fatal(err)
	}
	return d
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func benchKey(key string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"realm": text("bench"), "key": text(key)}
}

func (d *dynamoDBClient) read(ctx context.Context) error {
	_, err := d.c.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(table), Key: benchKey("read"), ConsistentRead: aws.Bool(true)})
	return err
}

func (d *dynamoDBClient) swap(ctx context.Context) error {
	item := benchKey("swap")
	next := aRecord
	if d.last == next {
		next += "w"
	}
	item["value"] = text(next)
	put := &types.Put{
		TableName: aws.String(table), Item: item,
		ConditionExpression: aws.String("attribute_not_exists(#v)"), ExpressionAttributeNames: map[string]string{"#v": "value"},
	}
	if d.last != "" {
		put.ConditionExpression = aws.String("#v = :last")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":last": text(d.last)}
	}
	_, err := d.c.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Put: put}}})
	d.last = next
	return err
}

var errNoWatch = errors.New("DynamoDB has nothing to watch a key with")

func (d *dynamoDBClient) put(context.Context, string) error               { return errNoWatch }
func (d *dynamoDBClient) watch(context.Context, int, chan<- string) error { return errNoWatch }
func (d *dynamoDBClient) readAll(ctx context.Context, realm store.Realm) (n int, err error) {
	pages := dynamodb.NewQueryPaginator(d.c, &dynamodb.QueryInput{
		TableName: aws.String(table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#realm = :realm AND begins_with(#key, :records)"),
		ExpressionAttributeNames:  map[string]string{"#realm": "realm", "#key": "key"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":realm": text(string(realm)), ":records": text("v1/records/")},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		n += len(page.Items)
	}
	return n, nil
}
