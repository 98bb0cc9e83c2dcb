package faults_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTorture does what TestLinearizable and TestLive do for TORTURE_OPS operations and TORTURE_KILLS kills, which the databases share, one after
// the other. It writes a line for each into the file that TORTURE_REPORT names. Without the first two it does nothing.
func TestTorture(t *testing.T) {
	ops, kills := number(t, "TORTURE_OPS"), number(t, "TORTURE_KILLS")
	if ops == 0 {
		return
	}
	broken := 0
	for _, b := range chosen(t) {
		if b.members > 0 {
			broken++
		}
	}
	for _, b := range chosen(t) {
		if b.members > 0 {
			t.Run(b.name(), func(t *testing.T) { torture(t, b, ops/broken, (kills+broken-1)/broken) })
		}
	}
}

func number(t *testing.T, variable string) int {
	value := os.Getenv(variable)
	if value == "" {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// tortureTime is when a database that is too slow for all operations is given up.
const tortureTime = 40 * time.Minute

func torture(t *testing.T, b backend, ops, kills int) {
	began := time.Now()
	c := b.start(t, b.members)
	name, err := c.client(t, usual).Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ = strings.Cut(name, ",")
	r := newRace(t, c)
	r.run(func() {
		for rounds := 1; !t.Failed() && (r.done.Load() < int64(ops) || r.breaker.kills < kills/2); rounds++ {
			r.breaker.round()
			time.Sleep(2 * time.Second) // in which most of the operations are done
			if rounds%5 == 0 {
				t.Logf("%v: %d operations, %d kills", time.Since(began).Round(time.Second), r.done.Load(), r.breaker.kills)
			}
			if time.Since(began) > tortureTime {
				t.Errorf("only %d of %d operations after %v", r.done.Load(), ops, tortureTime)
			}
		}
	})
	l := newLives(t, c)
	for !t.Failed() && r.breaker.kills+l.kills < kills {
		l.heals("a short break, and a trimmed log", l.shortBreak)
		l.heals("a server killed", l.killOne)
		l.heals("all servers killed", l.killAll)
	}
	l.heals("a break longer than a session", l.longBreak)
	l.heals("a server frozen for longer than a session", l.freezeOne)
	l.heals("written from another region", l.writeFromAfar)
	result := "yes"
	if t.Failed() {
		result = "NO"
	}
	report(t, fmt.Sprintf("%s, %d", name, b.members), r.done.Load(), r.windows, r.unknown, r.conflicts, r.breaker.kills+l.kills,
		l.longest.Round(10*time.Millisecond), result, time.Since(began).Round(time.Second))
}

// report puts a line about a database into the report, instead of the one that is there.
func report(t *testing.T, columns ...any) {
	t.Helper()
	path := os.Getenv("TORTURE_REPORT")
	line := "|"
	for _, c := range columns {
		line += fmt.Sprintf(" %v |", c)
	}
	t.Log(line)
	if path == "" {
		return
	}
	start, _, _ := strings.Cut(line[2:], " |")
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	text := string(old)
	if text == "" {
		text = reportHead()
	}
	var b strings.Builder
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "| "+start+" |") {
			b.WriteString(l)
		}
	}
	b.WriteString(line + "\n")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func reportHead() string {
	return fmt.Sprintf(`# The stores under torture

Run on %s with %s on %s/%s, %d processors, by `+"`make torture-stores`"+`: six clients read and write one realm while servers are killed
and frozen and connections are cut, then gateways follow through the same.

- Ordered: porcupine found an order of all operations of each window that explains every answer, and the log has each commit that succeeded once, and none that was a conflict.
- Healed: the longest time from when the database answered somebody who had just come, to when the snapshot of each gateway was what the store had. Two
  seconds are allowed; a machine that is busy gets a second chance, once.

| database, servers | operations | windows | unknown outcomes | conflicts | kills | healed | ordered | took |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
`, time.Now().Format("2 January 2006"), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}
