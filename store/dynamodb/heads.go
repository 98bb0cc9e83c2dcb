package dynamodb

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/event-gateway/event-gateway/store"
)

// readHead reads one head.
func (s *Store) readHead(ctx context.Context, realm store.Realm) (head store.Head, err error) {
	err = s.call(ctx, func(ctx context.Context, client *dynamodb.Client) error {
		out, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.options.Table, Key: key(realm, headKey), ConsistentRead: aws.Bool(true)})
		if err == nil {
			head, err = headOf(out.Item)
		}
		return err
	})
	return head, err
}

// readHeads leaves out what is no head, so that one broken realm does not stop the others; Load and Changes fail for it.
func (s *Store) readHeads(ctx context.Context, known map[store.Realm]store.Rev) (map[store.Realm]store.Head, error) {
	moved, err := s.headsOf(ctx, slices.Collect(maps.Keys(known)))
	maps.DeleteFunc(moved, func(realm store.Realm, head store.Head) bool { return head.Rev == known[realm] })
	return moved, err
}

const batchKeys = 100 // what DynamoDB allows in one BatchGetItem

// headsOf reads the heads of realms, but for those that are broken.
func (s *Store) headsOf(ctx context.Context, realms []store.Realm) (map[store.Realm]store.Head, error) {
	heads := make(map[store.Realm]store.Head, len(realms))
	for some := range slices.Chunk(realms, batchKeys) {
		keys := make([]attributes, len(some))
		for i, realm := range some {
			keys[i], heads[realm] = key(realm, headKey), store.Head{}
		}
		items, err := s.batch(ctx, keys)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			realm := store.Realm(textOf(item[realmName]))
			if heads[realm], err = headOf(item); err != nil {
				delete(heads, realm)
			}
		}
	}
	return heads, nil
}

// batch reads items, of which those that are not there are left out.
func (s *Store) batch(ctx context.Context, keys []attributes) (items []attributes, err error) {
	err = s.insist(ctx, func() error {
		return s.call(ctx, func(ctx context.Context, client *dynamodb.Client) error {
			asked := map[string]types.KeysAndAttributes{s.options.Table: {Keys: keys, ConsistentRead: aws.Bool(true)}}
			out, err := client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: asked})
			if err != nil {
				return err
			}
			items = append(items, out.Responses[s.options.Table]...)
			if keys = out.UnprocessedKeys[s.options.Table].Keys; len(keys) > 0 {
				return errUnprocessed
			}
			return nil
		})
	})
	return items, err
}
