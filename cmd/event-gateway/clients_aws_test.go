package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// lambda is a server in place of AWS Lambda: each function answers with its name.
type lambda struct {
	*functions
}

func newLambda(t *testing.T) *lambda {
	l := &lambda{&functions{t: t, got: make(chan delivery, 10)}}
	path := regexp.MustCompile(`^/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:([a-z-]+)/invocations$`)
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		m := path.FindStringSubmatch(r.URL.Path)
		if m == nil || !regexp.MustCompile(`Credential=AKIA[A-Z0-9]{16}/[0-9]+/us-east-1/lambda/`).MatchString(r.Header.Get("Authorization")) {
			t.Errorf("Lambda was asked for %s with %s", r.URL, r.Header.Get("Authorization"))
			return
		}
		l.got <- delivery{m[1], "", string(b)}
		_, _ = fmt.Fprintf(w, `{"statusCode":200,"body":%q}`, m[1])
	}))
	t.Cleanup(l.Close)
	return l
}

// startMoto starts an emulator of AWS and returns its address.
func startMoto(t *testing.T) string {
	if _, err := exec.LookPath("moto_server"); err != nil {
		absent(t, "no moto_server: pip install 'moto[server]'")
	}
	cmd := exec.Command("moto_server", "-H", "127.0.0.1", "-p", "0")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`).FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	select {
	case a := <-address:
		return a
	case <-time.After(30 * time.Second):
		t.Fatal("moto_server is not ready after 30 s")
		return ""
	}
}
