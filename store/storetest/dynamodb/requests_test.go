package dynamodb_test

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// request is a call.
type request func(context.Context, *sdk.Client) (any, error)

func describe(ctx context.Context, c *sdk.Client) (any, error) {
	out, err := c.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: aws.String(table)})
	if err != nil {
		return nil, err
	}
	d := out.Table
	fresh := d.CreationDateTime.After(time.Now().Add(-time.Hour))
	return []any{d.TableStatus, *d.TableName, d.KeySchema, d.BillingModeSummary.BillingMode, *d.TableArn, *d.ItemCount, fresh}, nil
}

// create creates the table and waits until it can be used.
func create(ctx context.Context, c *sdk.Client) (any, error) {
	_, err := c.CreateTable(ctx, &sdk.CreateTableInput{
		TableName: aws.String(table), BillingMode: types.BillingModePayPerRequest,
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("realm"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("key"), KeyType: types.KeyTypeRange},
		},
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("key"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("realm"), AttributeType: types.ScalarAttributeTypeS},
		},
	})
	if err != nil {
		return nil, err
	}
	w := sdk.NewTableExistsWaiter(c, func(o *sdk.TableExistsWaiterOptions) { o.MinDelay = 20 * time.Millisecond })
	return "ok", w.Wait(ctx, &sdk.DescribeTableInput{TableName: aws.String(table)}, time.Minute)
}

// drop deletes the table and waits until it is gone.
func drop(ctx context.Context, c *sdk.Client) (any, error) {
	if _, err := c.DeleteTable(ctx, &sdk.DeleteTableInput{TableName: aws.String(table)}); err != nil {
		return nil, err
	}
	w := sdk.NewTableNotExistsWaiter(c, func(o *sdk.TableNotExistsWaiterOptions) { o.MinDelay = 20 * time.Millisecond })
	return "ok", w.Wait(ctx, &sdk.DescribeTableInput{TableName: aws.String(table)}, time.Minute)
}

func updateTTL(attribute string, on bool) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		return c.UpdateTimeToLive(ctx, &sdk.UpdateTimeToLiveInput{
			TableName: aws.String(table), TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &attribute, Enabled: &on},
		})
	}
}

func describeTTL(ctx context.Context, c *sdk.Client) (any, error) {
	return c.DescribeTimeToLive(ctx, &sdk.DescribeTimeToLiveInput{TableName: aws.String(table)})
}

func put(item attributes, change ...func(*sdk.PutItemInput)) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		in := &sdk.PutItemInput{TableName: aws.String(table), Item: item}
		for _, f := range change {
			f(in)
		}
		return c.PutItem(ctx, in)
	}
}

// putIf puts an item on a condition, with its values.
func putIf(item attributes, condition string, v ...any) request {
	return put(item, func(in *sdk.PutItemInput) {
		in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues = &condition, placeholders(condition), values(v...)
	})
}

// placeholders returns those that the expressions have for attributes that need one.
func placeholders(expressions ...string) map[string]string {
	var m map[string]string
	for short, name := range map[string]string{"#k": "key", "#v": "value", "#r": "realm"} {
		if strings.Contains(strings.Join(expressions, " "), short) {
			if m == nil {
				m = map[string]string{}
			}
			m[short] = name
		}
	}
	return m
}

func remove(key attributes, change ...func(*sdk.DeleteItemInput)) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		in := &sdk.DeleteItemInput{TableName: aws.String(table), Key: key}
		for _, f := range change {
			f(in)
		}
		return c.DeleteItem(ctx, in)
	}
}

func get(key attributes, projection ...string) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		in := &sdk.GetItemInput{TableName: aws.String(table), Key: key, ConsistentRead: aws.Bool(true)}
		if len(projection) > 0 {
			in.ProjectionExpression = &projection[0]
		}
		return c.GetItem(ctx, in)
	}
}

func batch(keys ...attributes) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		out, err := c.BatchGetItem(ctx, &sdk.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{table: {Keys: append([]attributes{}, keys...), ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return nil, err
		}
		got := map[string]attributes{} // their order says nothing
		for _, i := range out.Responses[table] {
			got[text(i["realm"])+"/"+text(i["key"])] = i
		}
		return []any{got, out.UnprocessedKeys}, nil
	}
}

// query reads what meets a condition with the values :a, :b and so on, which are separated by spaces.
func query(condition, v string, change ...func(*sdk.QueryInput)) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		in := &sdk.QueryInput{TableName: aws.String(table), KeyConditionExpression: &condition, ConsistentRead: aws.Bool(true)}
		in.ExpressionAttributeValues = attributes{}
		for i, s := range strings.Split(v, " ") {
			in.ExpressionAttributeValues[":"+string(rune('a'+i))] = str(s)
		}
		for _, f := range change {
			f(in)
		}
		in.ExpressionAttributeNames = placeholders(condition, aws.ToString(in.FilterExpression))
		out, err := c.Query(ctx, in)
		if err != nil {
			return nil, err
		}
		var keys []string
		for _, i := range out.Items {
			keys = append(keys, text(i["key"]))
		}
		return []any{keys, out.Count, out.ScannedCount, out.LastEvaluatedKey}, nil
	}
}

func limit(n int32) func(*sdk.QueryInput) { return func(in *sdk.QueryInput) { in.Limit = &n } }

func after(k attributes) func(*sdk.QueryInput) {
	return func(in *sdk.QueryInput) { in.ExclusiveStartKey = k }
}

func filter(expression string, v ...any) func(*sdk.QueryInput) {
	return func(in *sdk.QueryInput) {
		in.FilterExpression = &expression
		for name, value := range values(v...) {
			in.ExpressionAttributeValues[name] = value
		}
	}
}

func backwards(in *sdk.QueryInput) { in.ScanIndexForward = aws.Bool(false) }

func counted(in *sdk.QueryInput) { in.Select = types.SelectCount }

func scan(filter, projection string, v ...any) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		out, err := c.Scan(ctx, &sdk.ScanInput{
			TableName: aws.String(table), ConsistentRead: aws.Bool(true),
			FilterExpression: expression(filter), ProjectionExpression: expression(projection),
			ExpressionAttributeNames: placeholders(filter, projection), ExpressionAttributeValues: values(v...),
		})
		if err != nil {
			return nil, err
		}
		return []any{out.Items, out.Count, out.ScannedCount, out.LastEvaluatedKey}, nil
	}
}

func expression(e string) *string {
	if e == "" {
		return nil
	}
	return &e
}

// transact makes a transaction with a token, if it is not empty.
func transact(token string, items ...types.TransactWriteItem) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		_, err := c.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{
			TransactItems: append([]types.TransactWriteItem{}, items...), ClientRequestToken: expression(token),
		})
		return "ok", err
	}
}

func putting(item attributes, condition string, v ...any) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: aws.String(table), Item: item, ConditionExpression: expression(condition),
		ExpressionAttributeNames: placeholders(condition), ExpressionAttributeValues: values(v...),
	}}
}

func updating(key attributes, update, condition string, v ...any) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: aws.String(table), Key: key, UpdateExpression: &update, ConditionExpression: expression(condition),
		ExpressionAttributeNames: placeholders(update, condition), ExpressionAttributeValues: values(v...),
	}}
}

func deleting(key attributes, condition string) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName: aws.String(table), Key: key, ConditionExpression: expression(condition), ExpressionAttributeNames: placeholders(condition),
	}}
}

func checking(key attributes, condition string, v ...any) types.TransactWriteItem {
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: aws.String(table), Key: key, ConditionExpression: &condition,
		ExpressionAttributeNames: placeholders(condition), ExpressionAttributeValues: values(v...),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

func transactGet(keys ...attributes) request {
	return func(ctx context.Context, c *sdk.Client) (any, error) {
		in := &sdk.TransactGetItemsInput{TransactItems: []types.TransactGetItem{}}
		for _, k := range keys {
			in.TransactItems = append(in.TransactItems, types.TransactGetItem{Get: &types.Get{TableName: aws.String(table), Key: k}})
		}
		return c.TransactGetItems(ctx, in)
	}
}
