package invoke

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"code.dny.dev/ssrf"
)

// EgressOptions say where calls may go. Link-local addresses, the metadata services of clouds and what is no address of a host are
// refused whatever they say.
type EgressOptions struct {
	// Hosted is for a gateway whose functions belong to strangers: private and loopback addresses are refused.
	Hosted bool
	// Credentials says with whose credentials functions on clouds may be called. Empty: the gateway's own, too; if it is Hosted, only
	// those that a function has.
	Credentials Credentials
	// Allow and Deny change that. Deny wins.
	Allow, Deny []netip.Prefix
	// Never lists what is refused always. A loopback address stands for all of them.
	Never []netip.AddrPort
}

// RuntimeAPI returns where the runtime's API of a Lambda function is, which no call may ever reach. env is what the environment has as
// AWS_LAMBDA_RUNTIME_API; it is empty elsewhere.
func RuntimeAPI(env string) []netip.AddrPort {
	if env == "" {
		return nil
	}
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	list := []netip.AddrPort{netip.AddrPortFrom(local, 9001)}
	if api, err := netip.ParseAddrPort(env); err == nil {
		return append(list, api)
	}
	if _, port, err := net.SplitHostPort(env); err == nil { // the name can only be one of this machine
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			list = append(list, netip.AddrPortFrom(local, uint16(n)))
		}
	}
	return list
}

// guard decides about the addresses that connections are about to be made to.
type guard struct {
	public      *ssrf.Guardian
	never       []netip.Prefix
	endpoints   []netip.AddrPort
	allow, deny []netip.Prefix
	nat64       netip.Prefix
	compatible  netip.Prefix // IPv4 addresses written as IPv6 ones, in the oldest way
}

// blockedError is a dial that the guard refused.
type blockedError struct{ cause error }

func (e *blockedError) Error() string { return e.cause.Error() }
func (e *blockedError) Unwrap() error { return e.cause }

func newGuard(o EgressOptions) *guard {
	g := &guard{
		public: ssrf.New(ssrf.WithAnyPort()),
		never: prefixes(
			"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8",
			// IPv4 addresses within others, which something on the way may take out again.
			"::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32", "2002::/16",
			// Services of clouds that lie elsewhere: Azure, Alibaba Cloud, Oracle Cloud, AWS (metadata, name server, credentials of
			// pods), Google Cloud, Scaleway.
			"168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::/32", "fd20:ce::/32", "fd00:42::42/128",
		),
		nat64: netip.MustParsePrefix("64:ff9b::/96"), compatible: netip.MustParsePrefix("::/96"),
		allow: unmapped(o.Allow), deny: unmapped(o.Deny),
	}
	for _, s := range o.Never {
		ip := plain(s.Addr())
		if ip.IsUnspecified() {
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		g.endpoints = append(g.endpoints, netip.AddrPortFrom(ip, s.Port()))
	}
	if !o.Hosted {
		g.allow = append(g.allow, prefixes(
			"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "::1/128", "fc00::/7")...)
	}
	return g
}

// check refuses an address with a *blockedError.
func (g *guard) check(network, address string) error {
	to, err := netip.ParseAddrPort(address)
	if err == nil && network != "tcp4" && network != "tcp6" {
		err = ssrf.ErrProhibitedNetwork
	}
	if err == nil {
		err = g.refusal(plain(to.Addr()), to.Port())
	}
	if err != nil {
		return &blockedError{err}
	}
	return nil
}

// refusal says why ip is refused.
func (g *guard) refusal(ip netip.Addr, port uint16) error {
	switch {
	case contains(g.never, ip), contains(g.deny, ip), g.isEndpoint(ip, port), g.compatible.Contains(ip) && ip != netip.IPv6Loopback():
		return fmt.Errorf("%w: %s", ssrf.ErrProhibitedIP, ip)
	case !contains(g.allow, ip):
		return g.public.SafeAddr(ip)
	case g.nat64.Contains(ip): // what counts is where it leads
		all := ip.As16()
		return g.refusal(netip.AddrFrom4([4]byte(all[12:])), port)
	}
	return nil
}

func (g *guard) isEndpoint(ip netip.Addr, port uint16) bool {
	return slices.ContainsFunc(g.endpoints, func(s netip.AddrPort) bool {
		return s.Port() == port && (s.Addr() == ip || s.Addr().IsLoopback() && ip.IsLoopback())
	})
}

// plain returns ip without the ways to write the same address differently.
func plain(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

// unmapped returns the list with IPv4 ranges that were written as IPv6 ones, ::ffff:10.0.0.0/104, as what they are.
func unmapped(list []netip.Prefix) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range list {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		all = append(all, p)
	}
	return all
}

func contains(list []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}
