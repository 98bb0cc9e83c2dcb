package invoke

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// allows asks a guard about an address as a dialer does, once it knows it. Nothing is connected to.
func allows(t *testing.T, g *guard, address string) bool {
	t.Helper()
	network := "tcp4"
	if strings.HasPrefix(address, "[") {
		network = "tcp6"
	}
	err := g.check(network, address)
	var blocked *blockedError
	if err != nil && !errors.As(err, &blocked) {
		t.Errorf("%s: %v", address, err)
	}
	return err == nil
}

// TestGuard: which addresses are allowed in a shared gateway, in a hosted one, and in one of each whose operator allows everything.
func TestGuard(t *testing.T) {
	t.Parallel()
	all := prefixes("0.0.0.0/0", "::/0")
	guards := []*guard{
		newGuard(EgressOptions{}), newGuard(EgressOptions{Hosted: true}),
		newGuard(EgressOptions{Allow: all}), newGuard(EgressOptions{Hosted: true, Allow: all}),
	}
	f := func(address string, want ...bool) {
		t.Helper()
		for i, g := range guards {
			if got := allows(t, g, address); got != want[i] {
				t.Errorf("%s, guard %d: %v", address, i, got)
			}
		}
	}
	for _, public := range []string{
		"93.184.216.34:443", "93.184.216.34:22", "[::ffff:93.184.216.34]:443", "[2606:2800:220:1::1]:443",
	} {
		f(public, true, true, true, true)
	}
	for _, private := range []string{
		"127.0.0.1:80", "127.9.9.9:9000", "[::1]:80", "[::1%lo]:80", "[::ffff:127.0.0.1]:80", "[::ffff:7f00:1]:80",
		"10.1.2.3:80", "172.16.0.1:80", "192.168.1.1:8080", "[::ffff:10.1.2.3]:80", "100.64.0.1:80",
		"[fd12:3456::1]:80", "[fd12:3456::1%eth0]:80", "[fc00::1]:80",
	} {
		f(private, true, false, true, true)
	}
	for _, special := range []string{
		"192.0.2.1:80", "198.18.0.1:80", "192.0.0.8:80", "[2001:db8::1]:80", "[fec0::1]:80", "[64:ff9b::5db8:d822]:80", "[64:ff9b::7f00:1]:80",
	} {
		f(special, false, false, true, true)
	}
	for _, never := range []string{
		"169.254.169.254:80", "169.254.170.2:80", "169.254.0.1:80", "[::ffff:169.254.169.254]:80", "[::ffff:a9fe:a9fe]:80",
		"[64:ff9b::a9fe:a9fe]:80", "[64:ff9b::169.254.169.254]:80", "[64:ff9b::a83f:8110]:80", "[64:ff9b:1::a9fe:a9fe]:80",
		"[2002:a9fe:a9fe::]:80", "[::a9fe:a9fe]:80", "[::127.0.0.1]:9001", "[::2]:80", "[2001::1]:80", "[::ffff:0:a9fe:a9fe]:80",
		"[fe80::1]:80", "[fe80::1%eth0]:80", "[fe80::a9fe:a9fe%eth0]:80", "[fd00:ec2::254]:80", "[fd00:ec2::254%eth0]:80", "[fd00:ec2::23]:80",
		"[fd20:ce::254]:80", "[fd00:42::42]:80", "168.63.129.16:80", "[::ffff:168.63.129.16]:80", "100.100.100.200:80", "192.0.0.192:80",
		"0.0.0.0:80", "0.1.2.3:80", "[::]:80", "[::ffff:0.0.0.0]:80", "224.0.0.1:80", "240.0.0.1:80", "255.255.255.255:80", "[ff02::1]:80",
		"not an address", "", "127.0.0.1", "localhost:80",
	} {
		f(never, false, false, false, false)
	}
	for _, network := range []string{"udp4", "unix", "tcp"} {
		if guards[2].check(network, "93.184.216.34:443") == nil {
			t.Errorf("%s is allowed", network)
		}
	}
}

// TestGuardLists: Allow and Deny, however they are written.
func TestGuardLists(t *testing.T) {
	t.Parallel()
	f := func(hosted bool, allow, deny, address string, want bool) {
		t.Helper()
		g := newGuard(EgressOptions{Hosted: hosted, Allow: prefixes(strings.Fields(allow)...), Deny: prefixes(strings.Fields(deny)...)})
		if got := allows(t, g, address); got != want {
			t.Errorf("allow %q, deny %q, %s: %v", allow, deny, address, got)
		}
	}
	f(true, "10.1.0.0/16", "", "10.1.2.3:80", true)
	f(true, "10.1.0.0/16", "", "[::ffff:10.1.2.3]:80", true)
	f(true, "10.1.0.0/16", "", "10.2.2.3:80", false)
	f(true, "10.1.2.3/16", "", "10.1.9.9:80", true) // host bits do not count
	f(true, "::ffff:10.1.0.0/112", "", "10.1.2.3:80", true)
	f(true, "fd12::/16", "", "[fd12::1%eth0]:80", true)
	f(true, "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3:80", false)
	f(true, "10.1.2.3/32", "10.0.0.0/8", "10.1.2.3:80", false)
	f(false, "", "10.0.0.0/8", "10.1.2.3:80", false)
	f(false, "", "10.0.0.0/8", "[::ffff:10.1.2.3]:80", false)
	f(false, "", "::ffff:10.0.0.0/104", "10.1.2.3:80", false)
	f(false, "", "127.0.0.0/8", "127.0.0.1:80", false)
	f(false, "", "127.0.0.0/8", "[::1]:80", true)
	f(false, "", "93.184.216.0/24", "93.184.216.34:80", false)
	f(false, "", "2606::/16", "[2606:2800::1]:80", false)
	f(false, "169.254.0.0/16", "", "169.254.169.254:80", false)
	// IPv6 networks that reach the rest of the world by NAT64.
	f(true, "64:ff9b::/96", "", "[64:ff9b::5db8:d822]:80", true)
	f(true, "64:ff9b::/96", "", "[64:ff9b::10.1.2.3]:80", false)
	f(true, "64:ff9b::/96", "93.184.216.0/24", "[64:ff9b::5db8:d822]:80", false)
	f(false, "64:ff9b::/96", "", "[64:ff9b::10.1.2.3]:80", true)
}

// TestGuardRuntimeAPI: on Lambda the runtime's own API is out of reach, by whatever address, and whatever the settings say.
func TestGuardRuntimeAPI(t *testing.T) {
	t.Parallel()
	f := func(env string, want map[string]bool) {
		t.Helper()
		g := newGuard(EgressOptions{Allow: prefixes("0.0.0.0/0", "::/0"), Never: RuntimeAPI(env)})
		for address, want := range want {
			if got := allows(t, g, address); got != want {
				t.Errorf("%q, %s: %v", env, address, got)
			}
		}
	}
	f("", map[string]bool{"127.0.0.1:9001": true, "[::1]:9001": true})
	everywhere := map[string]bool{
		"127.0.0.1:9001": false, "127.0.0.2:9001": false, "127.255.255.254:9001": false, "[::1]:9001": false, "[::1%lo]:9001": false,
		"[::ffff:127.0.0.1]:9001": false, "[::ffff:7f00:1]:9001": false, "0.0.0.0:9001": false, "[::]:9001": false,
		"[64:ff9b::127.0.0.1]:9001": false, "127.0.0.1:9000": true, "10.0.0.1:9001": true,
	}
	f("127.0.0.1:9001", everywhere)
	f("localhost:9001", everywhere)
	f("[::1]:9001", everywhere)
	f("0.0.0.0:9001", everywhere)
	f("not an address", everywhere)
	f("0.0.0.0:8080", map[string]bool{"127.0.0.1:8080": false, "[::1]:8080": false, "127.0.0.1:80": true})
	f("127.0.0.1:8080", map[string]bool{"127.0.0.1:9001": false, "[::1]:8080": false, "127.0.0.1:80": true})
	f("runtime:8080", map[string]bool{"127.0.0.1:9001": false, "[::1]:8080": false, "127.0.0.1:80": true})
	f("[::ffff:10.0.0.7]:8080", map[string]bool{"127.0.0.1:9001": false, "10.0.0.7:8080": false, "10.0.0.7:80": true, "127.0.0.1:8080": true})
}

func TestRuntimeAPI(t *testing.T) {
	t.Parallel()
	f := func(env string, want ...string) {
		t.Helper()
		var got []string
		for _, a := range RuntimeAPI(env) {
			got = append(got, a.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", env, got, want)
		}
	}
	f("")
	f("127.0.0.1:9001", "127.0.0.1:9001", "127.0.0.1:9001")
	f("169.254.100.1:9001", "127.0.0.1:9001", "169.254.100.1:9001")
	f("localhost:8080", "127.0.0.1:9001", "127.0.0.1:8080")
	f("localhost:99999", "127.0.0.1:9001")
	f("localhost", "127.0.0.1:9001")
}

// FuzzGuard: whatever a dialer says, the guard answers, and never allows what may never be.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{"127.0.0.1:9001", "[::ffff:a9fe:a9fe]:80", "[fe80::1%eth0]:80", "[64:ff9b::a9fe:a9fe]:80", "1.1.1.1:443"} {
		f.Add(s)
	}
	g := newGuard(EgressOptions{Allow: prefixes("0.0.0.0/0", "::/0"), Never: RuntimeAPI("127.0.0.1:9001")})
	f.Fuzz(func(t *testing.T, address string) {
		if g.check("tcp6", address) != nil {
			return
		}
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			t.Fatal(err)
		}
		ip := to.Addr().Unmap()
		if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip.IsLoopback() && to.Port() == 9001 {
			t.Error(address)
		}
	})
}
