package embed

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

func TestLog(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	dropTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	level := zap.NewAtomicLevelAt(zap.WarnLevel)
	log := newZap(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: dropTime})), level, newFailure())

	log.Info("not this")
	log.Error("failed to update storage version")
	log.Warn("slow", zap.Int("ms", 7), zap.String("a", "b"))
	log.With(zap.String("member", "1")).Error("broken", zap.Error(errors.New("no disk")))
	level.SetLevel(zap.FatalLevel)
	log.Error("nor this")

	want := "level=WARN msg=\"etcd: slow\" a=b ms=7\n" + "level=ERROR msg=\"etcd: broken\" member=1 error=\"no disk\"\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	newZap(nil, level, newFailure()).Error("nowhere")
}

// TestFailure: an etcd that cannot go on stops there and says why; the process goes on.
func TestFailure(t *testing.T) {
	t.Parallel()
	f, cause := newFailure(), errors.New("no disk")
	log := newZap(nil, zap.NewAtomicLevelAt(zap.FatalLevel), f)
	returned := make(chan any, 2)
	for _, end := range []func(string, ...zap.Field){log.Fatal, log.Panic} {
		go func() {
			defer func() { returned <- recover() }()
			end("cannot go on", zap.Error(cause))
		}()
	}
	if err := <-f.why; !errors.Is(err, cause) || err.Error() != "cannot go on: no disk" || !f.happened.Load() {
		t.Errorf("got %v", err)
	}
	select {
	case p := <-returned:
		t.Errorf("it went on, with the panic %v", p)
	case <-time.After(20 * time.Millisecond):
	}
}
