package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// password is that of all users in these tests.
const password = "password-that-nobody-may-see"

// command is a run of the binary that ends by itself.
type command struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr bytes.Buffer
}

func newCommand(t *testing.T, dir string, args ...string) *command {
	c := &command{Cmd: exec.Command(binary, args...), t: t}
	c.Dir, c.Stdout, c.Stderr = dir, &c.stdout, &c.stderr
	return c
}

// ends waits for the command and compares its exit code. Each of want stands in what it said: in stdout if the code is 0, and else in
// stderr, which then has as many lines.
func (c *command) ends(code int, want ...string) {
	c.t.Helper()
	timer := time.AfterFunc(2*time.Minute, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	_ = c.Wait()
	said, all := c.stdout.String(), c.stdout.String()+c.stderr.String()
	good := c.ProcessState.ExitCode() == code && !strings.Contains(all, password) && !strings.Contains(all, "goroutine")
	if code != 0 {
		said = c.stderr.String()
		good = good && strings.Count(said, "\n") == len(want)
	}
	for _, w := range want {
		good = good && strings.Contains(said, w)
	}
	if !good {
		c.t.Errorf("%q: exit code %d, want %d and %q\n%s", c.Args[1:], c.ProcessState.ExitCode(), code, want, all)
	}
}

func (c *command) begin() *command {
	c.t.Helper()
	if err := c.Start(); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// says runs the binary in a folder.
func says(t *testing.T, dir string, code int, want []string, args ...string) {
	t.Helper()
	newCommand(t, dir, args...).begin().ends(code, want...)
}

// etcdServer returns the endpoint of an etcd in a process of its own: a gateway with the embedded one. Passwords take long under the race detector.
func etcdServer(t *testing.T) (endpoint string) {
	t.Helper()
	addr := storetest.FreeAddr(t)
	start(t, t.TempDir(), "-dev", "-embed-cli-addr="+addr)
	return addr
}

func openEtcd(t *testing.T, endpoint, prefix string) *etcd.Store {
	t.Helper()
	s, err := etcd.Open(etcd.Options{Endpoints: []string{endpoint}, Prefix: prefix, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// withUsers makes an etcd ask for a login: gateway may read and write below /p/v1/, reader may read, and stranger nothing.
func withUsers(t *testing.T, endpoint string) {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for user, permission := range map[string]clientv3.PermissionType{"gateway": clientv3.PermissionType(clientv3.PermReadWrite), "reader": clientv3.PermissionType(clientv3.PermRead)} {
		must(c.RoleAdd(ctx, user))
		must(c.RoleGrantPermission(ctx, user, "/p/v1/", clientv3.GetPrefixRangeEnd("/p/v1/"), permission))
	}
	must(c.RoleAdd(ctx, "root"))
	for _, user := range []string{"root", "gateway", "reader", "stranger"} {
		must(c.UserAdd(ctx, user, password))
		if user != "stranger" {
			must(c.UserGrantRole(ctx, user, user))
		}
	}
	must(c.AuthEnable(ctx))
}

// TestUnusableStores: what will not work until somebody changes something is one clear line, and exit code 2, from the gateway as from the commands.
func TestUnusableStores(t *testing.T) {
	t.Parallel()
	endpoint, open := etcdServer(t), etcdServer(t)
	withUsers(t, endpoint)
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	webAddr := strings.TrimPrefix(web.URL, "http://")
	f := func(url, want string) {
		t.Helper()
		dir, want := t.TempDir(), "the store cannot be used: "+want
		var commands []*command
		for _, args := range [][]string{
			{"-events-port=0", "-config-port=0", "-lineage-key-file=" + keyFile(t), "-store=" + url},
			{"store", "check", url}, {"store", "copy", url, "etcd://" + open}, {"store", "copy", "etcd://" + open, url},
		} {
			commands = append(commands, newCommand(t, dir, args...).begin())
		}
		for i, name := range []string{"", "store: ", "FROM: ", "TO: "} {
			commands[i].ends(2, "event-gateway: "+name+want)
		}
	}
	f("etcd://gateway:wrong"+password+"@"+endpoint+"/p?timeout=30s", "etcd at "+endpoint+": the user or the password is wrong (etcdserver: authentication failed")
	f("etcd://nobody:"+password+"@"+endpoint+"/p?timeout=30s", "etcd at "+endpoint+": the user or the password is wrong")
	f("etcd://"+endpoint+"/p?timeout=30s", "etcd at "+endpoint+": the URL needs a user (etcdserver: user name is empty)")
	f("etcd://stranger:"+password+"@"+endpoint+"/p?timeout=30s", "etcd at "+endpoint+": the user needs to read and write below /p/v1/ (etcdserver: permission denied)")
	f("etcd://gateway:"+password+"@"+webAddr, "what is at "+webAddr+" is no etcd, or its TLS is another one than the URL says")
	f("etcd://"+webAddr+"/p?tls=true", "what is at "+webAddr+" is no etcd, or its TLS is another one than the URL says")
	f("etcd://"+oldEtcd(t), "etcd 3.3.27 is too old, 3.4 or later is needed")
}

func keyFile(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(name, []byte("a key of lineages"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestWrongURLs: nothing of a URL that cannot be read is told, and no password of any.
func TestWrongURLs(t *testing.T) {
	t.Parallel()
	f := func(url, want string) {
		t.Helper()
		says(t, t.TempDir(), 2, []string{"event-gateway: -store: " + want}, "-store="+url)
		says(t, t.TempDir(), 2, []string{"event-gateway: store: " + want}, "store", "check", url)
		says(t, t.TempDir(), 2, []string{"event-gateway: FROM: " + want}, "store", "copy", url, "etcd://other")
	}
	for _, url := range []string{"etcd://me:" + password + "%zz@h", "etcd:me:" + password + "@h", "etcd:/me:" + password + "@h", "me:" + password + "@h"} {
		f(url, "it is no URL: it must look like etcd://host:2379/prefix")
	}
	f("redis://me:"+password+"@h", `"redis:" is no kind of store`)
	f("redis://"+password+"@h", `"redis:" is no kind of store`)
	f("etcd://me:"+password+"@h?nothing=1", `etcd://h: the parameter "nothing" is unknown`)
	f("etcd://me:"+password+"@h?password-file=x", "etcd://h: there is a password and a password-file")
	f("etcd://me@h?password-file=nowhere", "etcd://h: open nowhere: no such file or directory")
	f("etcd://me@h", "etcd://h: a user needs a name and a password")
	f("etcd://me@h?password="+password, `etcd://h: the parameter "password" is unknown`)
	f("consul://h/p?token="+password, `consul://h/p: the parameter "token" is unknown`)
	f("consul://"+password+"@h", "consul://h: there are no users: a token is written with a colon before it, consul://:TOKEN@HOST")
	f("dynamodb://gateway?endpoint=http://me:"+password+"@h", "dynamodb://: endpoint: it is not a URL such as http://host:8000")
	for _, separator := range []string{"/", "?", "#"} { // which url.Parse does not take for a part of the password
		for _, kind := range []string{"etcd", "zookeeper", "dynamodb"} {
			f(kind+"://me:12"+separator+password+"@h", kind+"://: ")
		}
	}
}

func TestStoreUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := func(want string, args ...string) {
		t.Helper()
		says(t, dir, 2, []string{want}, append([]string{"store"}, args...)...)
	}
	f("after store comes check or copy", password)
	f("takes the URL of one store, and there are 0 arguments", "check")
	f("takes the URL of one store, and there are 2 arguments", "check", password, "x", "--deep")
	f("takes the URLs of two stores, and there are 1 arguments", "copy", password)
	f("not defined: -nothing", "check", "etcd://h", "-nothing")
	f(`-to is "other"`, "copy", "etcd://h", "etcd://i", "--to", "other")
	f("FROM and TO are the same store", "copy", "etcd://a:"+password+"@h/p", "etcd://a:"+password+"@h/p")
	f("FROM and TO are the same store", "copy", "embed:", "embed:")
	f("FROM is memory:", "copy", "memory:", "etcd://h")
	f("TO is memory:", "copy", "etcd://h", "memory:")
	f("store: there is no embedded store here: stat default.etcd", "check", "embed:")
	f("FROM: there is no embedded store here: stat elsewhere", "copy", "embed:", "etcd://h", "-embed-data-dir=elsewhere")
	f("does not answer", "check", "etcd://127.0.0.1:2?timeout=1s")
	if files, _ := os.ReadDir(dir); len(files) > 0 {
		t.Errorf("it left %v", files)
	}
	for code, args := range map[int][]string{2: nil, 0: {"-help"}} {
		c := exec.Command(binary, append([]string{"store"}, args...)...)
		out, _ := c.CombinedOutput()
		if got := c.ProcessState.ExitCode(); got != code || !bytes.HasPrefix(out, []byte("Usage: event-gateway store check")) {
			t.Errorf("%q: code %d, want %d: %s", args, got, code, out)
		}
	}
	secret := newCommand(t, dir, "store", "copy", "etcd://me@h", "consul://h")
	secret.Env = append(os.Environ(), "EVENT_GATEWAY_STORE_PASSWORD="+password)
	secret.begin().ends(2, "FROM and TO would both be given the password in EVENT_GATEWAY_STORE_PASSWORD: use the parameters password-file and token-file instead")
	for _, args := range [][]string{{"store", "check", "-h"}, {"store", "copy", "--help"}, {"-help"}} {
		if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("event-gateway store c")) {
			t.Errorf("%q: %v: %s", args, err, out)
		}
	}
}

// TestStoreCommands takes a configuration from the embedded store to an etcd with a login, and on.
func TestStoreCommands(t *testing.T) {
	t.Parallel()
	endpoint, dir := etcdServer(t), t.TempDir()
	withUsers(t, endpoint)
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	login := "etcd://gateway@" + endpoint + "/p?timeout=30s&password-file=" + secret
	reader := "etcd://reader:" + password + "@" + endpoint + "/p?timeout=30s"

	p := start(t, dir, "-dev")
	p.configure(201, "POST", "functions", `{"functionId":"f","type":"awslambda","provider":{"arn":"arn:aws:lambda:us-east-1:377024778620:function:f","region":"us-east-1","awsAccessKeyId":"id","awsSecretAccessKey":"`+password+`"}}`)
	p.configure(201, "POST", "subscriptions", `{"functionId":"f","event":"http","method":"GET","path":"/a"}`)
	before := p.configure(200, "GET", "subscriptions", "")
	inUse := "another process is using the data directory default.etcd: end it, or start it with -embed-cli-addr HOST:PORT and use etcd://HOST:PORT here"
	says(t, dir, 2, []string{"store: " + inUse}, "store", "check", "embed:")
	says(t, dir, 2, []string{"FROM: " + inUse}, "store", "copy", "embed:", login)
	if code := p.signal(syscall.SIGTERM); code != 0 {
		t.Fatal(code)
	}

	says(t, dir, 0, []string{"store     etcd 3.", " at default.etcd, ", "writes    allowed", `realm     "_": revision 2, 2 records, a log of 2 commits`}, "store", "check", "embed:", "--deep")
	says(t, dir, 0, []string{"copied    2 records to 1 realm, ", "verified  "}, "store", "copy", "embed:", login)
	says(t, dir, 0, []string{"copied    0 records to 1 realm, ", "verified  "}, "store", "copy", "embed:", login)
	says(t, dir, 0, []string{" at etcd://" + endpoint + "/p, answered in ", "realms    the shared realm is there, at revision 1"}, "store", "check", login)
	fromEnv := newCommand(t, dir, "store", "check", "etcd://gateway@"+endpoint+"/p?timeout=30s")
	fromEnv.Env = append(os.Environ(), "EVENT_GATEWAY_STORE_PASSWORD="+password)
	fromEnv.begin().ends(0, "writes    allowed")
	// What may only be read can be checked, and copied from.
	says(t, dir, 1, []string{"writes: etcd at " + endpoint + ": the user needs to read and write below /p/v1/ (etcdserver: permission denied) (-read-only leaves them out)"}, "store", "check", reader)
	says(t, dir, 0, []string{" at etcd://" + endpoint + "/p, ", "writes    not tried"}, "store", "check", reader, "-read-only")
	says(t, dir, 1, []string{`TO: realm "_": the store cannot be used: etcd at `}, "store", "copy", "-to=shared", "embed:", strings.Replace(reader, "/p?", "/p/v1/other?", 1))
	says(t, dir, 0, []string{"copied    2 records to 1 realm, "}, "store", "copy", "-to", "hosted", reader, "embed:", "-embed-data-dir", "hosted.etcd")
	says(t, dir, 0, []string{`realm     "default": revision 1, 2 records`}, "store", "check", "embed:", "-embed-data-dir=hosted.etcd", "-deep")
	says(t, dir, 0, []string{"copied    2 records to 1 realm, "}, "store", "copy", "-to=shared", "embed:", "embed:", "-embed-data-dir=hosted.etcd", "-to-embed-data-dir=shared.etcd")
	says(t, dir, 0, []string{`realm     "_": revision 1, 2 records`}, "store", "check", "embed:", "-embed-data-dir=shared.etcd", "-deep")
	says(t, dir, 1, []string{"TO holds 2 records that FROM does not have like that: "}, "store", "copy", login, "embed:", "-embed-data-dir=hosted.etcd")

	// A gateway serves the copy.
	other := start(t, t.TempDir(), "-dev", "-store="+login)
	if after := other.configure(200, "GET", "subscriptions", ""); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

// TestStoreCopyIsBrokenOff ends copies in the middle, by a signal and without a warning, and runs them again.
func TestStoreCopyIsBrokenOff(t *testing.T) {
	t.Parallel()
	endpoint, dir := etcdServer(t), t.TempDir()
	from, to := openEtcd(t, endpoint, "/from"), openEtcd(t, endpoint, "/to")
	const records = 600
	head := store.Head{}
	for i := range records { // two of them are the largest commit
		var err error
		c := store.Commit{ID: fmt.Sprint(i), Ops: []store.Op{{Key: fmt.Sprintf("functions/default/%04d", i), Value: bytes.Repeat([]byte("x"), store.MaxValueBytes)}}}
		if head, err = from.Commit(t.Context(), store.Shared, head, c); err != nil {
			t.Fatal(err)
		}
	}
	way := servers.NewProxy(t, endpoint)
	way.Latency(20 * time.Millisecond) // so that there is a middle
	args := []string{"store", "copy", "etcd://" + endpoint + "/from?timeout=30s", "etcd://" + way.Addr() + "/to?timeout=30s"}
	// breaksOff sends a signal when there is more of TO than before.
	at := store.Rev(0)
	breaksOff := func(s os.Signal) *command {
		t.Helper()
		c := newCommand(t, dir, args...).begin()
		moved, err := to.Heads(t.Context(), map[store.Realm]store.Rev{store.Shared: at}, time.Minute)
		if err == nil {
			err = c.Process.Signal(s)
		}
		if err != nil || moved[store.Shared].Rev == 0 {
			t.Fatal(moved, err)
		}
		return c
	}
	written := func() store.Rev {
		t.Helper()
		items, head, err := to.Load(t.Context(), store.Shared)
		if err != nil || len(items) == 0 || len(items) == records {
			t.Fatalf("%d records are there, %v: it was not in the middle", len(items), err)
		}
		return head.Rev
	}
	breaksOff(os.Interrupt).ends(1, "interrupted; ")
	at = written()
	c := breaksOff(syscall.SIGKILL)
	_ = c.Wait()
	if now := written(); now <= at {
		t.Errorf("it was at revision %d and is at %d", at, now)
	}
	way.Heal()
	says(t, dir, 0, []string{"verified  FROM and TO were read and compared: 600 records"}, args...)
	says(t, dir, 1, []string{`"_": 600 records cannot be read by this version`}, "store", "check", "--deep", args[3])
	items, _, err := to.Load(t.Context(), store.Shared)
	if err != nil || len(items) != records {
		t.Errorf("%d records, %v", len(items), err)
	}
}

// oldEtcd serves what an etcd of 2018 would answer to a look at it.
func oldEtcd(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	etcdserverpb.RegisterKVServer(s, oldServer{})
	etcdserverpb.RegisterMaintenanceServer(s, oldServer{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-served })
	return l.Addr().String()
}

type oldServer struct {
	etcdserverpb.UnimplementedKVServer
	etcdserverpb.UnimplementedMaintenanceServer
}

func (oldServer) Range(context.Context, *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	return &etcdserverpb.RangeResponse{Header: &etcdserverpb.ResponseHeader{}}, nil
}

func (oldServer) Status(context.Context, *etcdserverpb.StatusRequest) (*etcdserverpb.StatusResponse, error) {
	return &etcdserverpb.StatusResponse{Header: &etcdserverpb.ResponseHeader{}, Version: "3.3.27"}, nil
}
