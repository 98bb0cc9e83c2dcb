package stores

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/event-gateway/event-gateway/store"
)

type consulClient struct {
	addr  string
	t     *testing.T
	kv    *api.KV
	index uint64 // of the key that is swapped
}

func dialConsul(t *testing.T, raw string) client {
	c := &consulClient{addr: hostOf(t, raw), t: t}
	c.kv = c.dial()
	if _, err := c.kv.Put(&api.KVPair{Key: "bench/read", Value: []byte(aHead)}, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *consulClient) dial() *api.KV {
	config := api.DefaultNonPooledConfig()
	config.Transport.DisableKeepAlives = false
	config.Address = c.addr
	client, err := api.NewClient(config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(config.Transport.CloseIdleConnections)
	return client.KV()
}

func (c *consulClient) read(ctx context.Context) error {
	_, _, err := c.kv.Get("bench/read", (&api.QueryOptions{RequireConsistent: true}).WithContext(ctx))
	return err
}

func (c *consulClient) swap(ctx context.Context) error {
	ok, r, _, err := c.kv.Txn(api.KVTxnOps{{Verb: api.KVCAS, Key: "bench/swap", Value: []byte(aRecord), Index: c.index}}, (&api.QueryOptions{}).WithContext(ctx))
	if err != nil || !ok {
		return swapped(err == nil && ok)
	}
	c.index = r.Results[0].ModifyIndex
	return nil
}

func (c *consulClient) put(ctx context.Context, value string) error {
	_, err := c.kv.Put(&api.KVPair{Key: "bench/watched", Value: []byte(value)}, (&api.WriteOptions{}).WithContext(ctx))
	return err
}

func (c *consulClient) watch(ctx context.Context, n int, seen chan<- string) error {
	if err := c.put(ctx, "before"); err != nil {
		return err
	}
	for range n {
		kv := c.dial()
		_, meta, err := kv.Get("bench/watched", nil)
		if err != nil {
			return err
		}
		index := meta.LastIndex
		go func() {
			for ctx.Err() == nil {
				pair, meta, err := kv.Get("bench/watched", (&api.QueryOptions{WaitIndex: index, WaitTime: time.Minute}).WithContext(ctx))
				if err != nil {
					return
				}
				if meta.LastIndex != index {
					index = meta.LastIndex
					seen <- string(pair.Value)
				}
			}
		}()
	}
	time.Sleep(time.Second) // until they wait
	return nil
}

func (c *consulClient) readAll(ctx context.Context, realm store.Realm) (int, error) {
	pairs, _, err := c.kv.List("event-gateway/v1/records/"+string(realm)+"/", (&api.QueryOptions{}).WithContext(ctx))
	return len(pairs), err
}
