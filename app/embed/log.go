package embed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newZap returns a logger that writes to l what is at the level or above.
func newZap(l *slog.Logger, level zap.AtomicLevel, f *failure) *zap.Logger {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	return zap.New(slogCore{level, l}, zap.WithPanicHook(f), zap.WithFatalHook(f))
}

// failure is what becomes of an etcd that cannot go on, as with a full disk or data that it cannot read. It would end the process; here
// whoever found out stops for ever, so that etcd does not answer any more, and the process lives.
type failure struct {
	happened atomic.Bool
	why      chan error // has room for the first
}

func newFailure() *failure { return &failure{why: make(chan error, 1)} }

// OnWrite implements zapcore.CheckWriteHook: it is called after a fatal entry.
func (f *failure) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := errors.New(e.Message)
	for _, field := range fields {
		if cause, ok := field.Interface.(error); ok {
			err = fmt.Errorf("%w: %w", err, cause)
		}
	}
	f.happened.Store(true)
	select {
	case f.why <- err:
	default:
	}
	select {}
}

// slogCore is a zap core that writes to slog.
type slogCore struct {
	zap.AtomicLevel
	log *slog.Logger
}

func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	c.log = slog.New(c.log.Handler().WithAttrs(attrs(fields)))
	return c
}

// tooEarly tells what etcd complains of in its first moments on new data, when it looks for what it is about to write.
func tooEarly(message string) bool {
	return message == "failed to update storage version" || message == "Failed to detect schema version"
}

func (c slogCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) && !tooEarly(e.Message) {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c slogCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	level := slog.LevelError
	if e.Level <= zap.WarnLevel {
		level = slog.LevelWarn
	}
	c.log.LogAttrs(context.Background(), level, "etcd: "+e.Message, attrs(fields)...)
	return nil
}

func (slogCore) Sync() error { return nil }

func attrs(fields []zapcore.Field) []slog.Attr {
	m := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(m)
	}
	var as []slog.Attr
	for _, k := range slices.Sorted(maps.Keys(m.Fields)) {
		as = append(as, slog.Any(k, m.Fields[k]))
	}
	return as
}
