package invoke

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestGuard: the guard is asked about addresses; nothing is connected to.
func TestGuard(t *testing.T) {
	allowed := newGuard()
	f := func(address string, want bool) {
		t.Helper()
		network := "tcp4" // as a dialer says it, once it knows the address
		if strings.HasPrefix(address, "[") {
			network = "tcp6"
		}
		err := allowed(network, address)
		var blocked *blockedError
		if (err == nil) != want || err != nil && !errors.As(err, &blocked) {
			t.Errorf("%s: %v", address, err)
		}
	}
	f("127.0.0.1:80", true)
	f("127.9.9.9:9000", true)
	f("[::1]:80", true)
	f("[::ffff:127.0.0.1]:80", true)
	f("10.1.2.3:80", true)
	f("172.16.0.1:80", true)
	f("192.168.1.1:8080", true)
	f("[fd12:3456::1]:80", true)
	f("93.184.216.34:443", true)
	f("[2606:2800:220:1::1]:443", true)

	f("169.254.169.254:80", false)
	f("169.254.170.2:80", false)
	f("[::ffff:169.254.169.254]:80", false)
	f("[::ffff:a9fe:a9fe]:80", false)
	f("[fe80::1]:80", false)
	f("[fe80::1%eth0]:80", false)
	f("[fd00:ec2::254]:80", false)
	f("[fd00:ec2::254%eth0]:80", false)
	f("[fd00:ec2::23]:80", false)
	f("[fd20:ce::254]:80", false)
	f("168.63.129.16:80", false)
	f("100.100.100.200:80", false)
	f("[64:ff9b::a9fe:a9fe]:80", false)
	f("[2002:a9fe:a9fe::]:80", false)
	f("0.0.0.0:80", false)
	f("[::]:80", false)
	f("224.0.0.1:80", false)
	f("255.255.255.255:80", false)
	f("[ff02::1]:80", false)
	f("not an address", false)
}

// TestEgressGuard: the guard is asked before each connection of a real call, about the address that is connected to. Here it refuses all.
func TestEgressGuard(t *testing.T) {
	guard := newGuard()
	for host, want := range map[string]string{
		"169.254.169.254":          "169.254.169.254:80",
		"[::ffff:169.254.169.254]": "[::ffff:169.254.169.254]:80",
		"[fe80::1]":                "[fe80::1]:80",
		"[fd00:ec2::254]":          "[fd00:ec2::254]:80",
		"168.63.129.16":            "168.63.129.16:80",
	} {
		var asked []string
		e := newEgress(func(network, address string) error {
			asked = append(asked, address)
			if guard(network, address) == nil {
				t.Errorf("%s is allowed", address)
			}
			return &blockedError{errors.New("this test connects nowhere")}
		})
		_, err := e.post(t.Context(), &url.URL{Scheme: "http", Host: host, Path: "/latest/meta-data/"}, Payload{ContentType: "application/json"})
		var blocked *blockedError
		if !errors.As(err, &blocked) || !slices.Contains(asked, want) && !slices.Contains(asked, "169.254.169.254:80") {
			t.Errorf("%s: the guard was asked about %v, the call ended with %v", host, asked, err)
		}
	}
}

// TestGoAway: a server that ends its connections in an orderly way, as proxies do now and then, loses no call and gets none twice.
func TestGoAway(t *testing.T) {
	var calls atomic.Int64
	f := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1)%50 == 0 {
			w.Header().Set("Connection", "close") // over HTTP/2: GOAWAY
		}
	}))
	f.EnableHTTP2 = true
	f.StartTLS()
	defer f.Close()
	e := NewEgress()
	defer e.Close()
	e.transport.TLSClientConfig = f.Client().Transport.(*http.Transport).TLSClientConfig
	u, err := url.Parse(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	const callers, each = 16, 100
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				resp, err := e.post(t.Context(), u, Payload{ContentType: "application/json", Body: []byte("{}")})
				if err != nil {
					t.Error(err)
					return
				}
				if resp.ProtoMajor != 2 {
					t.Error(resp.Proto)
				}
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if n := calls.Load(); n != callers*each {
		t.Errorf("%d calls, want %d", n, callers*each)
	}
}

// TestPostOnce: a POST whose connection broke is not sent again.
func TestPostOnce(t *testing.T) {
	var calls atomic.Int64
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 1 { // on a connection that was used before
			panic(http.ErrAbortHandler)
		}
	}))
	defer f.Close()
	e := NewEgress()
	defer e.Close()
	u, err := url.Parse(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.post(t.Context(), u, Payload{ContentType: "application/json", Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := e.post(t.Context(), u, Payload{ContentType: "application/json", Body: []byte("{}")}); err == nil {
		t.Error("the second call went well")
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("the function was called %d times, want 2", n)
	}
}
