package helm_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a container that runs.
type process struct {
	*exec.Cmd
	t              *testing.T
	events, config string
	ended          chan error
}

// startPod returns when the gateway says where it is.
func startPod(t *testing.T, r release, binary string) *process {
	t.Helper()
	pod := r.pod(t)
	root := layOut(t, pod, binary)
	var stderr strings.Builder
	p := &process{t: t, ended: make(chan error, 1), Cmd: exec.Command("/event-gateway", pod.container(t).Args...)}
	p.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uint32(pod.SecurityContext.RunAsUser), Gid: uint32(pod.SecurityContext.RunAsGroup), Groups: []uint32{uint32(pod.SecurityContext.FsGroup)}}}
	p.Dir, p.Stderr = "/", &stderr
	if os.Getuid() != 0 {
		t.Logf("NOT AS IN THE POD: without root, the gateway runs as user %d, and in the machine's root directory", os.Getuid())
		p.Path, p.SysProcAttr, p.Dir = filepath.Join(root, "event-gateway"), nil, root
	}
	for name, value := range r.environment(t) {
		switch name {
		case "EVENT_GATEWAY_EVENTS_PORT", "EVENT_GATEWAY_CONFIG_PORT":
			value = "0"
		}
		if os.Getuid() != 0 && strings.HasPrefix(value, "/") {
			value = root + value
		}
		p.Env = append(p.Env, name+"="+value)
	}
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
	})
	said := make(chan []string, 1)
	go func() {
		text, urls := "", regexp.MustCompile(`Events API +(\S+)\n +Config API +(\S+)\n`)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			text += lines.Text() + "\n"
			if m := urls.FindStringSubmatch(text); m != nil {
				said <- m
				text = ""
			}
		}
		p.ended <- p.Wait()
	}()
	select {
	case urls := <-said:
		// A pod has an address of its own, as this machine has besides localhost's.
		p.events, p.config = strings.Replace(urls[1], "localhost", "127.0.0.2", 1), strings.Replace(urls[2], "localhost", "127.0.0.2", 1)
	case err := <-p.ended:
		p.ended <- err
		t.Fatalf("it ended: %v\n%s", err, stderr.String())
	case <-time.After(30 * time.Second):
		t.Fatal("it was not ready after 30 seconds")
	}
	return p
}

// answers fails the test if the probe does not get this status within some seconds. A probe asks for the address of the pod.
func (p *process) answers(probe probe, status int) {
	p.t.Helper()
	scheme := strings.ToLower(probe.HTTPGet.Scheme)
	if !strings.HasPrefix(p.config, scheme+"://") {
		p.t.Fatalf("the probe asks by %s, the Config API is at %s", scheme, p.config)
	}
	var got int
	for range 50 {
		req, err := http.NewRequest("GET", p.config+probe.HTTPGet.Path, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		req.Host = "10.1.2.3:4001"
		if res, err := client().Do(req); err == nil {
			res.Body.Close()
			if got = res.StatusCode; got == status {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Errorf("%s answers %d, not %d", probe.HTTPGet.Path, got, status)
}

// send returns the body of the answer.
func (p *process) send(method, url, body string, headers ...string) string {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client().Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 {
		p.t.Errorf("%s %s: %d %s %v", method, url, res.StatusCode, b, err)
	}
	return string(b)
}

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // as a probe
}
