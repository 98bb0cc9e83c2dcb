package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
)

// query returns what reads all records of a table, page after page, with the SDK as it is and the credentials of the environment.
func query(table, endpoint string) func(context.Context) (int, error) {
	return func(ctx context.Context) (n int, err error) {
		c, err := config.LoadDefaultConfig(ctx, config.WithBaseEndpoint(endpoint))
		if err != nil {
			return 0, err
		}
		pages := dynamodb.NewQueryPaginator(dynamodb.NewFromConfig(c), &dynamodb.QueryInput{
			TableName: &table, ConsistentRead: aws.Bool(true),
			KeyConditionExpression:   aws.String("#realm = :realm AND begins_with(#key, :records)"),
			ExpressionAttributeNames: map[string]string{"#realm": "realm", "#key": "key"},
			ExpressionAttributeValues: map[string]types.AttributeValue{
				":realm":   &types.AttributeValueMemberS{Value: string(store.Shared)},
				":records": &types.AttributeValueMemberS{Value: "v1/records/"},
			},
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
}
