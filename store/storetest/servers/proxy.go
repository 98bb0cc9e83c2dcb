package servers

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Proxy passes connections on to a server, until it is told otherwise. It runs in the test's process and ends with the test.
type Proxy struct {
	t        testing.TB
	addr     string
	upstream string

	mu    sync.Mutex
	proxy *toxiproxy.Proxy
	hangs bool
}

// NewProxy starts a proxy in front of the server at upstream, host:port.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, addr: ports(t, 1)[0], upstream: upstream}
	p.start()
	t.Cleanup(p.Cut)
	return p
}

// Addr returns the address of the proxy, host:port.
func (p *Proxy) Addr() string { return p.addr }

// Cut breaks the connections and refuses new ones.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proxy.Stop()
}

// Hang loses all data, in both directions, and neither side is told: connections stay, and new ones are accepted.
func (p *Proxy) Hang() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.hangs {
		p.add("timeout", `"timeout": 0`)
		p.hangs = true
	}
}

// Latency adds d to each round trip, half of it in each direction and that in whole milliseconds, instead of what the proxy did before.
func (p *Proxy) Latency(d time.Duration) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heal()
	p.add("latency", fmt.Sprintf(`"latency": %d`, (d/2).Milliseconds()))
}

// Heal passes on again. Connections that hung are broken, since data is missing from them.
func (p *Proxy) Heal() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heal()
}

func (p *Proxy) heal() {
	p.t.Helper()
	if p.hangs {
		p.proxy.Stop()
	}
	if !p.proxy.Enabled {
		// Another one, since taking its faults from this one could leave goroutines behind.
		p.start()
		p.hangs = false
		return
	}
	p.proxy.Toxics.ResetToxics(context.Background())
}

func (p *Proxy) start() {
	p.t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p.proxy = toxiproxy.NewProxy(server, p.upstream, p.addr, p.upstream)
	if err := p.proxy.Start(); err != nil {
		p.t.Fatalf("the proxy of %s: %v", p.upstream, err)
	}
}

func (p *Proxy) add(kind, attributes string) {
	p.t.Helper()
	for _, direction := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"type": %q, "stream": %q, "attributes": {%s}}`, kind, direction, attributes)
		if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			p.t.Fatalf("the proxy of %s: %v", p.upstream, err)
		}
	}
}
