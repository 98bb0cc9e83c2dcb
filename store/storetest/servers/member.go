package servers

import (
	"context"
	"os/exec"
	"sync"
	"testing"
)

// Member is one server. Its methods, except Addr, may end the test, so they are for the test's goroutine.
type Member struct {
	name    string
	addr    string
	peer    string // its address for the other members
	command func() *exec.Cmd
	output  tail

	mu      sync.Mutex
	process *process // nil if it does not run
	frozen  bool
}

// Addr returns its address for clients, host:port. It keeps it.
func (m *Member) Addr() string { return m.addr }

// Kill ends it at once (kill -9) and returns when it has ended.
func (m *Member) Kill(t testing.TB) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process == nil {
		t.Fatalf("%s does not run", m.name)
	}
	m.kill(t)
}

// Start starts it again, with its data and its ports, and returns when it takes connections. Cluster.WaitReady waits for more.
func (m *Member) Start(t testing.TB) {
	t.Helper()
	m.listens(t, m.spawn(t))
}

// Freeze stops its process as it is (SIGSTOP): its connections stay, and nothing answers.
func (m *Member) Freeze(t testing.TB) {
	t.Helper()
	m.signal(t, true, freeze)
}

// Thaw lets a frozen process go on (SIGCONT).
func (m *Member) Thaw(t testing.TB) {
	t.Helper()
	m.signal(t, false, thaw)
}

func (m *Member) signal(t testing.TB, frozen bool, send func(pid int) error) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process == nil {
		t.Fatalf("%s does not run", m.name)
	}
	if err := send(m.process.cmd.Process.Pid); err != nil {
		t.Fatalf("%s: %v", m.name, err)
	}
	m.frozen = frozen
}

func (m *Member) spawn(t testing.TB) *process {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != nil {
		t.Fatalf("%s runs already", m.name)
	}
	cmd := m.command()
	cmd.Stdout, cmd.Stderr = &m.output, &m.output
	p, err := startProcess(cmd)
	if err != nil {
		t.Fatalf("%s: %v", m.name, err)
	}
	m.process = p
	return p
}

// listens waits until it takes connections.
func (m *Member) listens(t testing.TB, p *process) {
	t.Helper()
	eventually(t, m.name+" does not listen", func(ctx context.Context) error {
		select {
		case <-p.ended:
			t.Fatalf("%s ended while it started: %v", m.name, p.err)
		default:
		}
		conn, err := dial(ctx, m.addr)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// kill wants m.mu.
func (m *Member) kill(t testing.TB) {
	t.Helper()
	if !m.process.kill() {
		t.Errorf("%s had ended by itself: %v", m.name, m.process.err)
	}
	m.process, m.frozen = nil, false
}

// end kills it if it still runs, and shows what it wrote if the test failed.
func (m *Member) end(t testing.TB) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != nil {
		m.kill(t)
	}
	if t.Failed() {
		t.Logf("%s at %s wrote last:\n%s", m.name, m.addr, m.output.String())
	}
}

func (m *Member) runs() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process != nil && !m.frozen
}
