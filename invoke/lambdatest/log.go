package lambdatest

import "sync"

// log is what processes wrote. It forgets the oldest.
type log struct {
	mu sync.Mutex
	b  []byte
}

// kept is how much a log holds at least, of what was written.
const kept = 1 << 20

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if n := len(l.b); n > 2*kept {
		l.b = append(l.b[:0], l.b[n-kept:]...)
	}
	return len(p), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}
