package app

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
)

// NewLogger returns the logger that the options ask for.
func NewLogger(o *Options, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		return nil, fmt.Errorf("%s is %q, it can be debug, info, warn or error", o.named("log-level"), o.LogLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return slog.New(slog.NewJSONHandler(w, options)), nil
}

// WithoutAnswers returns a writer for the standard logger that leaves out the lines in which net/http prints what a function says without being asked.
func WithoutAnswers(w io.Writer) io.Writer { return withoutAnswers{w} }

type withoutAnswers struct{ w io.Writer }

// Write gets one line at a time.
func (f withoutAnswers) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("Unsolicited response")) {
		return len(line), nil
	}
	return f.w.Write(line)
}
