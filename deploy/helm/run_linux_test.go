package helm_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestRun starts the gateway as the Deployment would: with its environment, its user and its volumes, and a root directory that cannot be
// written to. Only the ports are other ones. It asks what the probes ask, and ends it as Kubernetes does.
func TestRun(t *testing.T) {
	t.Parallel()
	binary := build(t)
	const open = "env[0].name=EVENT_GATEWAY_INVOKE,env[0].value=open"
	t.Run("etcd", func(t *testing.T) {
		t.Parallel()
		runs(t, render(t, minimal, "--set", open, "--set", "store="+servers.Etcd(t, 1).URL("chart")), binary)
	})
	t.Run("embed", func(t *testing.T) {
		t.Parallel()
		runs(t, render(t, "embed.yaml", "--set", open), binary)
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		runs(t, render(t, "memory.yaml", "--set", open, "--set", "config.tlsSecret=config-tls,events.tlsSecret=events-tls"), binary)
	})
}

func runs(t *testing.T, r release, binary string) {
	p := startPod(t, r, binary)
	c := r.pod(t).container(t)
	p.answers(c.LivenessProbe, 200)
	p.answers(c.ReadinessProbe, 200)

	called, finish, answered := make(chan bool), make(chan bool), make(chan string, 1)
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called <- true
		select {
		case <-finish:
			fmt.Fprint(w, `"done"`)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(function.Close)
	p.send("POST", p.config+"/v1/spaces/default/functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}}`, function.URL),
		"Authorization", "Bearer "+r.environment(t)["EVENT_GATEWAY_CONFIG_TOKEN"])
	go func() { answered <- p.send("POST", p.events+"/", `{}`, "Event", "invoke", "Function-ID", "f") }()
	select {
	case <-called:
	case got := <-answered:
		t.Fatalf("the function was not called: %s", got)
	}

	grace := time.Duration(r.pod(t).TerminationGracePeriodSeconds-c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	killed := time.After(grace)
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.answers(c.ReadinessProbe, 503)
	p.answers(c.LivenessProbe, 200) // or it would be killed while it drains
	close(finish)
	if got := <-answered; got != `"done"` {
		t.Errorf("who waited got %q", got)
	}
	select {
	case err := <-p.ended:
		p.ended <- nil
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-killed:
		t.Errorf("it had not ended after %v", grace)
	}
}
