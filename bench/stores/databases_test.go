package stores

import (
	"fmt"
	"strings"
	"testing"
	"time"

	faithful "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

const table = "gateway"

var databases = []database{
	{name: "etcd", start: one(servers.Etcd), dial: dialEtcd},
	{name: "consul", start: one(func(t testing.TB, n int) *servers.Cluster { return servers.Consul(t, n) }), dial: dialConsul},
	{name: "zookeeper", start: one(servers.ZooKeeper), dial: dialZooKeeper},
	{name: "dynamodb", start: func(t *testing.T) (string, string) {
		s := faithful.Start(t)
		s.CreateTable(table)
		return fmt.Sprintf("dynamodb://key:secret@%s?region=eu-west-1&endpoint=%s", table, s.URL()), strings.TrimPrefix(s.URL(), "http://")
	}, dial: dialDynamoDB, poll: time.Second},
}

// one starts a cluster of one server.
func one(start func(testing.TB, int) *servers.Cluster) func(*testing.T) (string, string) {
	return func(t *testing.T) (string, string) {
		c := start(t, 1)
		c.WaitReady(t)
		return c.URL("event-gateway"), c.Members[0].Addr()
	}
}
