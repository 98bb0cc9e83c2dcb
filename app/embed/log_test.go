package embed

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

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
	log := newZap(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: dropTime})), level)

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
	newZap(nil, level).Error("nowhere")
}

func TestFatalPanics(t *testing.T) {
	t.Parallel()
	cause := errors.New("no disk")
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, cause) || err.Error() != "cannot go on: no disk" {
			t.Errorf("got %v", err)
		}
	}()
	newZap(nil, zap.NewAtomicLevelAt(zap.FatalLevel)).Fatal("cannot go on", zap.Error(cause))
}
