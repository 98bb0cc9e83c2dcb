package servers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// zookeeperJar is Debian's; it names the jars that it needs.
const zookeeperJar = "/usr/share/java/zookeeper.jar"

const zookeeperLog = `log4j.rootLogger=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %-5p [%t] %c{1} - %m%n
`

// ZooKeeper starts a ZooKeeper of so many servers, standalone if it is one, and returns when it takes writes. Its sessions last 1 to 10 seconds.
func ZooKeeper(t testing.TB, members int) *Cluster {
	t.Helper()
	java, err := exec.LookPath("java")
	if _, noJar := os.Stat(zookeeperJar); err != nil || noJar != nil {
		missing(t, "ZooKeeper needs java and "+zookeeperJar+", Debian's package zookeeper: `make servers` installs it, or says how")
	}
	addrs := ports(t, 3*members)
	c := &Cluster{scheme: "zookeeper", ready: zookeeperReady, leads: zookeeperLeads}
	var ensemble strings.Builder
	for i := range members {
		if members > 1 {
			fmt.Fprintf(&ensemble, "server.%d=%s:%s\n", i+1, addrs[3*i+1], port(addrs[3*i+2]))
		}
	}
	for i := range members {
		m := &Member{name: fmt.Sprintf("zookeeper%d", i), addr: addrs[3*i]}
		dir := t.TempDir()
		zookeeperFiles(t, dir, m.addr, i+1, ensemble.String())
		m.command = func() *exec.Cmd {
			return command(dir, java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.jmx.log4j.disable=true",
				"-Dzookeeper.preAllocSize=1024", // KB a log file, instead of 64 MB
				"-cp", dir+string(os.PathListSeparator)+zookeeperJar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg")
		}
		c.Members = append(c.Members, m)
	}
	c.start(t)
	return c
}

// zookeeperFiles writes the configuration of a server into dir. What the operating system has outlives a killed process: forceSync is off.
func zookeeperFiles(t testing.TB, dir, addr string, id int, ensemble string) {
	t.Helper()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`dataDir=%s
clientPortAddress=127.0.0.1
clientPort=%s
tickTime=500
initLimit=40
syncLimit=8
maxClientCnxns=0
forceSync=no
admin.enableServer=false
4lw.commands.whitelist=*
%s`, data, port(addr), ensemble)
	for name, text := range map[string]string{"zoo.cfg": config, "log4j.properties": zookeeperLog, "data/myid": fmt.Sprint(id)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// zookeeperReady opens a session with the member and closes it: both are writes.
func zookeeperReady(ctx context.Context, m *Member) error {
	conn, err := dial(ctx, m.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	type session struct {
		Size, Version int32
		Seen          int64 // the last transaction
		Timeout       int32 // in milliseconds
		ID            int64
		PasswordSize  int32
		Password      [16]byte
		ReadOnly      bool
	}
	var opened session
	asked := session{Size: int32(binary.Size(opened)) - 4, Timeout: 2000, PasswordSize: 16}
	if err := binary.Write(conn, binary.BigEndian, asked); err != nil {
		return err
	}
	// The answer is the same, without Seen.
	answer := make([]byte, binary.Size(opened)-8)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return fmt.Errorf("it opens no session: %w", err)
	}
	end := struct{ Size, Request, Type int32 }{8, 1, -11}
	if err := binary.Write(conn, binary.BigEndian, end); err != nil {
		return err
	}
	if _, err := io.ReadAll(conn); err != nil {
		return fmt.Errorf("it does not close the session: %w", err)
	}
	return nil
}

func zookeeperLeads(ctx context.Context, m *Member) (bool, error) {
	conn, err := dial(ctx, m.addr)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("srvr")); err != nil {
		return false, err
	}
	status, err := io.ReadAll(conn)
	return bytes.Contains(status, []byte("Mode: leader")) || bytes.Contains(status, []byte("Mode: standalone")), err
}

// dial returns a connection that ends with ctx.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	return conn, nil
}
