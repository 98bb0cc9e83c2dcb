package servers

import "sync"

const tailSize = 64 << 10

// tail keeps the last of what is written to it, at least tailSize bytes.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	if len(w.b) > 2*tailSize {
		w.b = append([]byte(nil), w.b[len(w.b)-tailSize:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}
