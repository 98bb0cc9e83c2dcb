package app

import (
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
