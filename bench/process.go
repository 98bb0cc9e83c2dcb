package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"syscall"
)

// process is this program again in another role. It says one line when it is ready, answers each line on its standard input with one
// line, and ends when that is closed, so that none outlives the bench.
type process struct {
	hello string // the line that it said
	in    io.WriteCloser
	out   *bufio.Scanner
	cmd   *exec.Cmd
}

// roles are what a process can be. Each returns its hello, and what else it answers than everyPlayer.
var roles = map[string]func(args []string) (hello string, answer func(question string) string, err error){
	"function": playFunction,
	"baseline": playBaseline,
	"gateway":  playGateway,
	"etcd":     playEtcd,
	"dynamodb": playDynamoDB,
	"snapshot": playSnapshot,
	"range":    playRange,

	"upstream":      playUpstream,
	"http":          playHTTP,
	"bare":          playBare,
	"upstreams":     playUpstreams,
	"callupstreams": playCallUpstreams,

	"aws":         playAWS,
	"awsfunction": playAWSFunction,
	"sdk":         playSDK,
}

var started int

func start(ctx context.Context, role string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	profile := ""
	if profiles != "" {
		started++
		profile = filepath.Join(profiles, fmt.Sprintf("%02d-%s.pprof", started, role))
	}
	p := &process{cmd: exec.CommandContext(ctx, self, append([]string{"-role", role, profile}, args...)...)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if p.hello, err = p.line(); err != nil {
		p.stop()
		return nil, fmt.Errorf("the %s: %w", role, err)
	}
	return p, nil
}

func (p *process) line() (string, error) {
	if !p.out.Scan() {
		return "", fmt.Errorf("it ended: %v", p.out.Err())
	}
	return p.out.Text(), nil
}

// ask returns the answer to a question.
func (p *process) ask(question string) (string, error) {
	if _, err := fmt.Fprintln(p.in, question); err != nil {
		return "", err
	}
	return p.line()
}

// number is ask for a number.
func (p *process) number(question string) (float64, error) {
	answer, err := p.ask(question)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(answer, 64)
}

func (p *process) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

// playRole is main of such a process.
func playRole(role, profile string, args []string) {
	if err := startProfile(profile); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
	}
	hello, answer, err := roles[role](args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		os.Exit(1)
	}
	fmt.Println(hello)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(everyPlayer(in.Text(), answer))
	}
	pprof.StopCPUProfile()
}

func everyPlayer(question string, answer func(string) string) string {
	if question != "cpu" {
		return answer(question)
	}
	// Nanoseconds that the process has used so far, in user and kernel mode.
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return err.Error()
	}
	return fmt.Sprint(u.Utime.Nano() + u.Stime.Nano())
}
func startProfile(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(f)
}
