package invoke

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers for the names of a test, on 127.0.0.1. What it says of a name may change with each question.
type nameServer struct {
	t    *testing.T
	conn net.PacketConn

	mu    sync.Mutex
	names map[string][]string // lists of addresses with commas, one for each question; the last one stays
}

func newNameServer(t *testing.T, names map[string][]string) *nameServer {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{t: t, conn: conn, names: names}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return s
}

// resolver returns one that asks s and nobody else.
func (s *nameServer) resolver(preferGo bool) *net.Resolver {
	return &net.Resolver{PreferGo: preferGo, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

func (s *nameServer) serve() {
	for buffer := make([]byte, 512); ; {
		n, from, err := s.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(buffer[:n]); err != nil || len(m.Questions) != 1 {
			s.t.Error(m, err)
			continue
		}
		answer := s.answer(m)
		packed, err := answer.Pack()
		if err != nil {
			s.t.Error(err)
			continue
		}
		_, _ = s.conn.WriteTo(packed, from)
	}
}

func (s *nameServer) answer(m dnsmessage.Message) dnsmessage.Message {
	q := m.Questions[0]
	a := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RCode: dnsmessage.RCodeNameError}, Questions: m.Questions}
	for _, address := range s.take(strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))) {
		a.RCode = dnsmessage.RCodeSuccess
		ip, err := netip.ParseAddr(address)
		if err != nil {
			s.t.Error(err)
		}
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
		if q.Type == dnsmessage.TypeA && ip.Is4() {
			a.Answers = append(a.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
		} else if q.Type == dnsmessage.TypeAAAA && ip.Is6() {
			a.Answers = append(a.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return a
}

// take returns what a name stands for.
func (s *nameServer) take(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lists := s.names[name]
	if len(lists) == 0 {
		return nil
	}
	if len(lists) > 1 {
		s.names[name] = lists[1:]
	}
	return strings.Split(lists[0], ",")
}

// out is a way out whose dials are recorded.
type out struct {
	*Egress
	mu    sync.Mutex
	asked []string // the addresses that the guard was asked about
	let   []string // and those that it allowed
}

func newOut(t *testing.T, o EgressOptions, r *net.Resolver) *out {
	g := newGuard(o)
	w := &out{}
	d := guarded(func(network, address string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = append(w.asked, address)
		err := g.check(network, address)
		if err == nil {
			w.let = append(w.let, address)
			if !strings.HasPrefix(address, "127.0.0.1:") {
				t.Errorf("%s was allowed", address)
				err = &blockedError{errors.New("this test connects nowhere else")}
			}
		}
		return err
	})
	d.Resolver = r
	w.Egress = newEgress(d)
	t.Cleanup(w.Close)
	return w
}

func (w *out) call(t *testing.T, host string) error {
	resp, err := send(t.Context(), w.transport, http.MethodPost, &url.URL{Scheme: "http", Host: host, Path: "/latest/meta-data/"}, headerOf("application/json"), nil)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// TestGuardSpellings: whatever way an address that is not allowed is written, no connection is made. The resolver of the C library reads
// more of them than Go's: with that, the test runs in a process of its own.
func TestGuardSpellings(t *testing.T) {
	child := os.Getenv("SPELLINGS") != ""
	if !child {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.run=^TestGuardSpellings$")
		cmd.Env = append(os.Environ(), "SPELLINGS=1", "GODEBUG=netdns=cgo")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("with the C library: %v: %s", err, text)
		}
	}
	names := newNameServer(t, map[string][]string{
		"meta.test": {"169.254.169.254"}, "mapped.test": {"::ffff:169.254.169.254"}, "nat.test": {"64:ff9b::a9fe:a9fe"},
		"local.test": {"127.0.0.1"}, "six.test": {"::1"}, "ten.test": {"10.0.0.1"}, "link.test": {"fe80::1"}, "zero.test": {"0.0.0.0"}, "zeros.test": {"::"},
		"both.test": {"127.0.0.1,::1"},
	})
	all := prefixes("0.0.0.0/0", "::/0")
	f := func(o EgressOptions, hosts string) {
		t.Helper()
		w := newOut(t, o, names.resolver(!child))
		for host := range strings.FieldsSeq(hosts) {
			w.asked, w.let = nil, nil
			err := w.call(t, host)
			var blocked *blockedError
			var name *net.DNSError
			isBlocked := errors.As(err, &blocked)
			if !isBlocked && !errors.As(err, &name) || len(w.let) > 0 {
				t.Errorf("%s: asked about %v, allowed %v: %v", host, w.asked, w.let, err)
			}
			if isBlocked != (len(w.asked) > 0) {
				t.Errorf("%s: asked about %v: %v", host, w.asked, err)
			}
			if known := strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), ".test"); known && !child && !isBlocked {
				t.Errorf("%s: %v", host, err)
			}
		}
	}
	never := `169.254.169.254 169.254.43518 169.16689662 2852039166 0xa9fea9fe 0xa9.0xfe.0xa9.0xfe 0251.0376.0251.0376 025177524776
		0xA9FEA9FE [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [::FFFF:A9FE:A9FE] [0:0:0:0:0:ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [64:ff9b::169.254.169.254]
		[2002:a9fe:a9fe::] [fe80::1] [fe80::1%25eth0] [fe80::1%25lo] [fd00:ec2::254] [::] [::%25lo] 0.0.0.0 0 0x0 00 0.0 255.255.255.255 224.0.0.1 [ff02::1]`
	local := " 127.0.0.1 127.1 127.0.1 0x7f.1 0x7f000001 2130706433 017700000001 0177.0.0.1 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [64:ff9b::7f00:1] localhost 10.1 0xa.1 [fc00::1] 192.168.1"
	if !child { // no name of the test is to be asked of others
		never += " 169.254.169.254. meta.test META.test meta.test. mapped.test nat.test link.test zero.test zeros.test"
		local += " 127.0.0.1. local.test local.test. six.test ten.test both.test localhost."
	}
	f(EgressOptions{Hosted: true}, never+local)
	f(EgressOptions{Allow: all}, never)
	f(EgressOptions{Hosted: true, Allow: all}, never)
	f(EgressOptions{Deny: prefixes("127.0.0.0/8", "::1/128", "10.0.0.0/8", "192.168.0.0/16", "fc00::/7", "64:ff9b::/96")}, never+local)
}

// TestGuardRebinding: a name that stood for an address that is allowed is refused once it stands for another. Here 127.0.0.1 is the public one.
func TestGuardRebinding(t *testing.T) {
	t.Parallel()
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	f := func(answers []string, wantCalls int, wantAsked ...string) {
		t.Helper()
		calls = 0
		var lists []string
		for _, a := range answers {
			lists = append(lists, a, a) // a look-up asks for both families
		}
		w := newOut(t, EgressOptions{Hosted: true, Allow: prefixes("127.0.0.1/32")}, newNameServer(t, map[string][]string{"rebind.test": lists}).resolver(true))
		for i := range answers {
			err := w.call(t, "rebind.test:"+port)
			var blocked *blockedError
			if ok := i < wantCalls; ok && err != nil || !ok && !errors.As(err, &blocked) {
				t.Errorf("%v, call %d: %v", answers, i, err)
			}
			w.Close() // or the next call would use the connection
		}
		for i, a := range wantAsked {
			wantAsked[i] = a + ":" + port
		}
		if !slices.Equal(w.asked, wantAsked) || calls != wantCalls {
			t.Errorf("%v: %d calls, asked about %v", answers, calls, w.asked)
		}
	}
	f([]string{"127.0.0.1", "169.254.169.254"}, 1, "127.0.0.1", "169.254.169.254")
	f([]string{"127.0.0.1", "127.0.0.1", "127.0.0.2"}, 2, "127.0.0.1", "127.0.0.1", "127.0.0.2")
	f([]string{"127.0.0.1", "10.0.0.1"}, 1, "127.0.0.1", "10.0.0.1")
	f([]string{"127.0.0.1", "::1"}, 1, "127.0.0.1", "[::1]")
	f([]string{"169.254.169.254,127.0.0.1"}, 1, "127.0.0.1") // sorted as RFC 6724 says; each address that is dialled is looked at
	f([]string{"10.0.0.1,169.254.169.254"}, 0, "10.0.0.1", "169.254.169.254")
}

// TestNoHost: a name that nobody has is told apart.
func TestNoHost(t *testing.T) {
	t.Parallel()
	w := newOut(t, EgressOptions{}, newNameServer(t, nil).resolver(true))
	err := callError(t.Context(), w.call(t, "nobody.test"))
	if err.Class != Temporary || err.Message != "it could not be reached: there is no host of that name" {
		t.Error(err)
	}
}
