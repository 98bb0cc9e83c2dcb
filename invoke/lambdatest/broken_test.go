package lambdatest_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
)

// asBroken makes the test binary a process that misuses the Runtime API.
const asBroken = "LAMBDATEST_BROKEN"

// TestBroken has processes that break every rule. None of them hangs the host, or keeps it from the next one.
func TestBroken(t *testing.T) {
	t.Parallel()
	f := func(how, want string, init, timeout time.Duration) {
		t.Helper()
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			h := host(t, lambdatest.Function{
				Command: []string{os.Args[0]}, Env: []string{asBroken + "=" + how}, Init: init, Timeout: timeout,
			})
			for range 2 {
				begin := time.Now()
				res, err := h.Invoke(t.Context(), "f", []byte(`{}`))
				if err != nil || !strings.Contains(string(res.Payload), want) {
					t.Errorf("%s %s %v, want %s\n%s", res.Payload, res.FunctionError, err, want, h.Log("f"))
				}
				if took := time.Since(begin); took > 15*time.Second {
					t.Errorf("it took %v", took)
				}
			}
			h.Close()
			if strings.Contains(h.Log("f"), "wrong") {
				t.Error(h.Log("f"))
			}
		})
	}
	const short, long = time.Second, 20 * time.Second
	f("never asks", `{"errorType":"Runtime.InitError","errorMessage":"RequestId: `, short, long)
	f("exits at once", `Error: Runtime exited with error: exit status 9"}`, long, long)
	f("cannot start", `{"errorType":"Own.Error"}`, long, long)
	f("garbage", `Runtime.InitError`, short, long)
	f("early", `"fine"`, long, long)
	f("wrong id", `"fine"`, long, long)
	f("twice", `"fine"`, long, long)
	f("asks twice", `"fine"`, long, long)
	f("asks beside", `"fine"`, long, long)
	f("hangs up", `"fine"`, long, long)
	f("endless", `Function.ResponseSizeTooLarge`, long, long)
	f("slow", `Task timed out after 1.00 seconds`, long, short)
	f("half", `Error: Runtime exited with error: exit status 9"}`, long, long)
	f("no error", `{"errorType":"Some.Type","errorMessage":""}`, long, long)
	f("lingers", `"fine"`, long, long)
}

// broken is the process. What it finds wrong with the host it prints.
func broken(how string) {
	switch how {
	case "never asks":
		time.Sleep(time.Minute)
	case "exits at once":
	case "cannot start":
		expect(post("init/error", strings.NewReader(`{"errorType":"Own.Error"}`)), 202)
	case "garbage":
		c, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
		if err == nil {
			_, _ = io.WriteString(c, "\x00\x01 no HTTP\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
		}
		expect(post("none", nil), 404)
		expect(post("invocation/next", nil), 405)
		time.Sleep(time.Minute)
	case "hangs up":
		c, _ := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
		time.Sleep(100 * time.Millisecond)
		_, _ = io.WriteString(c, "GET /2018-06-01/runtime/invocation/next HT")
		_ = c.Close()
		good()
	case "early":
		expect(post("invocation/x/response", strings.NewReader(`"early"`)), 403)
		good()
	default:
		misuse(how, next())
	}
}

// misuse does the invocation in a way that is not meant.
func misuse(how, id string) {
	path := "invocation/" + id
	switch how {
	case "wrong id":
		expect(post("invocation/x/response", strings.NewReader(`"wrong"`)), 400)
		expect(post("invocation/x/error", strings.NewReader(`"wrong"`)), 400)
		expect(post("init/error", strings.NewReader(`"wrong"`)), 403)
	case "asks twice":
		for range 3 {
			resp, err := http.Get(url("invocation/next"))
			expect(resp, 403)
			_ = err
		}
	case "asks beside":
		done(path)
		for range 5 {
			go func() { misuse("", next()) }()
		}
		time.Sleep(time.Minute)
	case "endless":
		expect(post(path+"/response", endless{}), 413)
		time.Sleep(time.Minute)
	case "slow":
		r, _ := io.Pipe()
		_ = post(path+"/response", r)
	case "half":
		c, _ := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
		fmt.Fprintf(c, "POST /2018-06-01/runtime/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", path)
		return
	case "no error":
		req, _ := http.NewRequest("POST", url(path+"/error"), nil)
		req.Header.Set("Lambda-Runtime-Function-Error-Type", "Some.Type")
		resp, _ := http.DefaultClient.Do(req)
		expect(resp, 202)
	case "lingers":
		done(path)
		time.Sleep(time.Minute)
	}
	if how != "no error" {
		done(path)
	}
	if how == "twice" {
		expect(post(path+"/response", strings.NewReader(`"wrong"`)), 403)
		expect(post(path+"/error", strings.NewReader(`"wrong"`)), 403)
	}
	misuse(how, next())
}

func good() {
	for {
		done("invocation/" + next())
	}
}

func done(path string) { expect(post(path+"/response", strings.NewReader(`"fine"`)), 202) }

func url(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/" + path
}

// next waits for an invocation and returns its id. When the call is refused it waits for its end.
func next() string {
	resp, err := http.Get(url("invocation/next"))
	if err != nil {
		fmt.Println("wrong:", err)
		os.Exit(8)
	}
	if resp.StatusCode != 200 {
		time.Sleep(time.Minute)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
}

func post(path string, body io.Reader) *http.Response {
	resp, err := http.Post(url(path), "", body)
	if err != nil {
		return nil // the connection may end before the answer
	}
	return resp
}

func expect(resp *http.Response, status int) {
	if resp == nil {
		return
	}
	b, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != status {
		fmt.Printf("wrong: %s %s %d %s, want %d\n", resp.Request.Method, resp.Request.URL, resp.StatusCode, b, status)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	copy(b, bytes.Repeat([]byte("x"), len(b)))
	return len(b), nil
}

// TestGroup kills what a process has started, too.
func TestGroup(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	h := host(t, lambdatest.Function{Command: []string{sh, "-c", "sleep 60 & echo $!; exit 3"}})
	begin := time.Now()
	res, err := h.Invoke(t.Context(), "f", nil)
	if err != nil || !strings.Contains(string(res.Payload), "exit status 3") || time.Since(begin) > 10*time.Second {
		t.Errorf("%s %v after %v", res.Payload, err, time.Since(begin))
	}
	var pid int
	if _, err := fmt.Sscan(h.Log("f"), &pid); err != nil {
		t.Fatal(err, h.Log("f"))
	}
	// Whose child it is now has to see its end.
	soon(t, "the end of the child", func() bool { return ended(pid) })
}

// ended says that the process is gone, or that only its entry is left.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return gone(pid) || err == nil && bytes.Contains(stat, []byte(") Z"))
}
