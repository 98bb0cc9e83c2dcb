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
	log := newZap(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: dropTime})), level, &failure{})

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
	newZap(nil, level, &failure{}).Error("nowhere")
}

func TestFatalPanics(t *testing.T) {
	t.Parallel()
	cause := errors.New("no disk")
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, cause) || err.Error() != "cannot go on: no disk" {
			t.Errorf("got %v", err)
		}
	}()
	newZap(nil, zap.NewAtomicLevelAt(zap.FatalLevel), &failure{}).Fatal("cannot go on", zap.Error(cause))
}

// TestFatalLater: an etcd that fails while it runs stops answering; the process goes on.
func TestFatalLater(t *testing.T) {
	f := &failure{}
	f.started.Store(true)
	returned := make(chan any, 1)
	go func() {
		defer func() { returned <- recover() }()
		newZap(nil, zap.NewAtomicLevelAt(zap.FatalLevel), f).Panic("disk is full")
	}()
	for deadline := time.Now().Add(10 * time.Second); !f.happened.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the failure is not noted")
		}
	}
	select {
	case p := <-returned:
		t.Errorf("it went on, with the panic %v", p)
	case <-time.After(20 * time.Millisecond):
	}
}
