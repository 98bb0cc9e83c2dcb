package faults_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-zookeeper/zk"
	consul "github.com/hashicorp/consul/api"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

func startMemory(t testing.TB, _ int) *cluster {
	s := memory.New()
	t.Cleanup(func() { s.Close() })
	return &cluster{
		open:  func([]string, time.Duration) (store.Database, error) { return kept{s}, nil },
		ready: func(testing.TB) {},
		trim:  func(_ testing.TB, realm store.Realm, upTo store.Rev) { s.Trim(realm, upTo) },
	}
}

// kept is a database in memory that outlives its clients.
type kept struct{ store.Database }

func (kept) Close() error { return nil }

func startEtcd(t testing.TB, members int) *cluster {
	c := of(servers.Etcd(t, members))
	c.open = openURL("etcd://%s/?timeout=%v")
	c.trim = func(t testing.TB, realm store.Realm, upTo store.Rev) {
		t.Helper()
		client, err := clientv3.New(clientv3.Config{Endpoints: c.addrs, Logger: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		log := fmt.Sprintf("/event-gateway/v1/log/%s/", realm)
		r, err := client.Delete(t.Context(), log, clientv3.WithRange(fmt.Sprintf("%s%020d", log, upTo+1)))
		if err == nil {
			_, err = client.Compact(t.Context(), r.Header.Revision, clientv3.WithCompactPhysical())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// trimEach trims the log one entry at a time, up to and including a revision.
func trimEach(t testing.TB, upTo store.Rev, remove func(rev store.Rev) error) {
	t.Helper()
	for rev := store.Rev(1); rev <= upTo; rev++ {
		if err := remove(rev); err != nil {
			t.Fatal(err)
		}
	}
}

func startConsul(t testing.TB, members int) *cluster {
	c := of(servers.Consul(t, members))
	c.open = openURL("consul://%s/?timeout=%v")
	c.trim = func(t testing.TB, realm store.Realm, upTo store.Rev) {
		t.Helper()
		config := consul.DefaultNonPooledConfig()
		config.Address = c.addrs[0]
		client, err := consul.NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		trimEach(t, upTo, func(rev store.Rev) error {
			_, err := client.KV().Delete(fmt.Sprintf("event-gateway/v1/log/%s/%020d", realm, rev), nil)
			return err
		})
	}
	return c
}

func startZooKeeper(t testing.TB, members int) *cluster {
	c := of(servers.ZooKeeper(t, members))
	c.open = openURL("zookeeper://%s/?timeout=%v")
	c.trim = func(t testing.TB, realm store.Realm, upTo store.Rev) {
		t.Helper()
		client, events, err := zk.Connect(c.addrs, 10*time.Second, zk.WithLogger(silent{}))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			client.Close()
			for range events {
			}
		}()
		trimEach(t, upTo, func(rev store.Rev) error {
			err := client.Delete(fmt.Sprintf("/event-gateway/v1/log/%s/%020d", realm, rev), -1)
			if errors.Is(err, zk.ErrNoNode) {
				return nil
			}
			return err
		})
	}
	return c
}

type silent struct{}

func (silent) Printf(string, ...any) {}

func startDynamoDB(t testing.TB, _ int) *cluster {
	const table = "gateway"
	s := emulator.Start(t)
	s.CreateTable(table)
	host := strings.TrimPrefix(s.URL(), "http://")
	c := &cluster{addrs: []string{host}, members: []member{emulated{s, host}}, ready: func(testing.TB) {}}
	c.leader = func(testing.TB) member { return c.members[0] }
	c.open = openURL("dynamodb://id:secret@" + table + "?region=eu-west-1&endpoint=http://%s&timeout=%v")
	c.trim = func(t testing.TB, realm store.Realm, upTo store.Rev) {
		t.Helper()
		client := dynamodb.New(dynamodb.Options{
			Region: "eu-west-1", BaseEndpoint: aws.String(s.URL()), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		})
		trimEach(t, upTo, func(rev store.Rev) error {
			_, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(table), Key: map[string]types.AttributeValue{
				"realm": &types.AttributeValueMemberS{Value: string(realm)},
				"key":   &types.AttributeValueMemberS{Value: fmt.Sprintf("v1/log/%020d", rev)},
			}})
			return err
		})
	}
	c.trouble = func(on bool) {
		if !on {
			s.Set(emulator.Faults{})
			return
		}
		s.Set(emulator.Faults{Seed: rand.Uint64(), Hold: 2 * time.Millisecond, List: []emulator.Fault{
			{Kind: emulator.Throttle, Rate: 0.03}, {Kind: emulator.ThrottleRequests, Rate: 0.03}, {Kind: emulator.Conflict, Rate: 0.03},
			{Kind: emulator.Internal, Rate: 0.02}, {Kind: emulator.InternalAfter, Rate: 0.03}, {Kind: emulator.Close, Rate: 0.02},
			{Kind: emulator.CloseAfter, Rate: 0.03}, {Kind: emulator.Hang, Rate: 0.005}, {Kind: emulator.HangAfter, Rate: 0.01},
			{Kind: emulator.Unprocessed, Rate: 0.1, Ops: []string{"BatchGetItem"}},
		}})
	}
	return c
}

// emulated is the one server that the emulator of DynamoDB is, in this process.
type emulated struct {
	s    *emulator.Server
	host string
}

func (e emulated) Addr() string      { return e.host }
func (e emulated) Kill(testing.TB)   { e.s.Kill() }
func (e emulated) Start(testing.TB)  { e.s.Start() }
func (e emulated) Freeze(testing.TB) { e.s.Freeze() }
func (e emulated) Thaw(testing.TB)   { e.s.Thaw() }
