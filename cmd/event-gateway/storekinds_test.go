package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestStoreKinds takes a configuration through all kinds of databases and back, checks each, and has a gateway serve it from there.
func TestStoreKinds(t *testing.T) {
	t.Parallel()
	table := dynamodb.Start(t)
	table.CreateTable("gateway")
	endpoint := etcdServer(t)
	kinds := []string{
		"etcd://" + endpoint + "/first",
		servers.Consul(t, 1).URL("p"),
		servers.ZooKeeper(t, 1).URL("p"),
		"dynamodb://me:" + password + "@gateway?region=eu-west-1&endpoint=" + table.URL(),
		"etcd://" + endpoint + "/last",
	}
	answer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"statusCode":200,"body":"from the function"}`)
	}))
	t.Cleanup(answer.Close)
	p := start(t, t.TempDir(), "-store="+kinds[0])
	p.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}}`, answer.URL))
	p.configure(201, "POST", "subscriptions", `{"functionId":"f","event":"http","method":"GET","path":"/a"}`)
	before := p.configure(200, "GET", "subscriptions", "")

	dir := t.TempDir()
	for i, to := range kinds[1:] {
		says(t, dir, 0, []string{"copied    2 records to 1 realm, ", "verified  "}, "store", "copy", kinds[i], to)
		says(t, dir, 0, []string{"writes    allowed", `realm     "_": revision 1, 2 records, a log of 1 commit`}, "store", "check", "-deep", to)
		p := start(t, t.TempDir(), "-store="+to)
		if after := p.configure(200, "GET", "subscriptions", ""); after != before {
			t.Errorf("before %s\nafter  %s", before, after)
		}
		if got := p.send(200, "GET", p.events+"/a", ""); got != "from the function" {
			t.Error(got)
		}
	}
}

// TestUnusableKinds: a refused login, a missing table and an old server are one line, and exit code 2.
func TestUnusableKinds(t *testing.T) {
	t.Parallel()
	f := func(url, want string) {
		t.Helper()
		says(t, t.TempDir(), 2, []string{"event-gateway: store: the store cannot be used: " + want}, "store", "check", url)
		args := []string{"-events-port=0", "-config-port=0", "-lineage-key-file=" + keyFile(t), "-store=" + url}
		says(t, t.TempDir(), 2, []string{"event-gateway: the store cannot be used: " + want}, args...)
	}
	consul := servers.Consul(t, 1, `acl { enabled = true, default_policy = "deny", tokens { initial_management = "11111111-2222-3333-4444-555555555555" } }`).Addrs()[0]
	f("consul://"+consul+"/p", "consul at "+consul+": 403 Forbidden: ")
	f("consul://:"+password+"@"+consul+"/p", "consul at "+consul+": 403 Forbidden: ")
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"Config":{"Version":"1.13.9"}}`) }))
	t.Cleanup(old.Close)
	f("consul"+strings.TrimPrefix(old.URL, "http"), "consul 1.13.9 is too old, 1.14 or later is needed")

	zookeeper := servers.ZooKeeper(t, 1).URL("p")
	locked := strings.Replace(zookeeper, "://", "://owner:first@", 1)
	says(t, t.TempDir(), 0, []string{"writes    allowed"}, "store", "check", locked)
	f(zookeeper, "ZooKeeper at ")
	f(strings.Replace(zookeeper, "://", "://owner:"+password+"@", 1), "ZooKeeper at ")

	table := dynamodb.Start(t)
	table.CreateTable("gateway")
	at := "?region=eu-west-1&endpoint=" + table.URL()
	f("dynamodb://me:"+password+"@missing"+at, "the DynamoDB table missing in eu-west-1 at "+table.URL()+": there is no such table: make one as docs/stores.md says (ResourceNotFoundException: ")
	table.Deny("GetItem")
	f("dynamodb://me:"+password+"@gateway"+at, "the DynamoDB table gateway in eu-west-1 at "+table.URL()+": api error AccessDeniedException: ")
}

// TestFrozenGateway stops a gateway for longer than its session with the database, as a paused machine is, while another one changes the
// routes. When it goes on, it serves the new ones within two seconds, and at no time anything else than the one or the other.
func TestFrozenGateway(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name   string
		url    func(t *testing.T) string
		frozen time.Duration
	}{
		{"zookeeper", func(t *testing.T) string { return servers.ZooKeeper(t, 1).URL("p") + "?session=4s" }, 6 * time.Second},
		{"consul", func(t *testing.T) string { return servers.Consul(t, 1).URL("p") }, 12 * time.Second}, // longer than it waits for a change
		{"etcd", func(t *testing.T) string { return "etcd://" + etcdServer(t) }, 14 * time.Second},       // longer than its connection is alive unseen
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"statusCode":200,"body":"ok"}`) }))
			t.Cleanup(f.Close)
			key := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(key, []byte("a key of lineages"), 0o600); err != nil {
				t.Fatal(err)
			}
			url := kind.url(t)
			writer, frozen := start(t, t.TempDir(), "-store="+url, "-lineage-key-file="+key), start(t, t.TempDir(), "-store="+url, "-lineage-key-file="+key)
			writer.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}}`, f.URL))
			subscribe := func(path string) {
				writer.configure(201, "POST", "subscriptions", fmt.Sprintf(`{"functionId":"f","event":"http","method":"GET","path":%q}`, path))
			}
			subscribe("/kept")
			subscribe("/deleted")
			for _, path := range []string{"/kept", "/deleted"} {
				reaches(t, frozen, path, 200, 20*time.Second)
			}
			if err := frozen.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			writer.configure(204, "DELETE", "subscriptions/http,GET,%2Fdeleted", "")
			subscribe("/made")
			time.Sleep(kind.frozen)
			if err := frozen.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			reaches(t, frozen, "/made", 200, 2*time.Second, "/kept")
			reaches(t, frozen, "/deleted", 404, 0)
			t.Logf("%v after it went on", time.Since(began))
		})
	}
}

// reaches waits until a path is answered with the status, while the others are served all the time.
func reaches(t *testing.T, p *process, path string, status int, limit time.Duration, others ...string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		for _, other := range others {
			if got := get(t, p, other); got != 200 {
				t.Fatalf("%s: %d", other, got)
			}
		}
		got := get(t, p, path)
		if got == status {
			return
		}
		if time.Since(began) > limit {
			t.Fatalf("%s: %d after %v, want %d", path, got, limit, status)
		}
	}
}

func get(t *testing.T, p *process, path string) int {
	t.Helper()
	resp, err := http.Get(p.events + path)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
