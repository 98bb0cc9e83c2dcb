package app_test

import (
	"context"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/app"
)

// TestStoreCommand: the report goes one way, what is wrong another; the rest is tested with the binary.
func TestStoreCommand(t *testing.T) {
	t.Parallel()
	f := func(code int, out, wrong string, args ...string) {
		t.Helper()
		var stdout, stderr strings.Builder
		got := app.StoreCommand(t.Context(), args, nil, &stdout, &stderr)
		if got != code || !strings.HasPrefix(stdout.String(), out) || !strings.HasPrefix(stderr.String(), wrong) || (wrong == "") != (stderr.String() == "") {
			t.Errorf("%q: %d, want %d\n%s%s", args, got, code, stdout.String(), stderr.String())
		}
	}
	f(0, "store     memory at memory:, answered in ", "", "check", "memory:")
	f(0, "store     memory at memory:, answered in ", "", "check", "-read-only", "memory:", "--deep")
	f(2, "", "event-gateway: after store comes check or copy", "chekc", "memory:")
	f(2, "", "event-gateway: FROM is memory:", "copy", "memory:", "etcd://h")
	f(2, "", "Usage: event-gateway store check")
	f(0, "", "Usage: event-gateway store check", "copy", "-help")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr strings.Builder
	if code := app.StoreCommand(ctx, []string{"check", "memory:"}, nil, &stdout, &stderr); code != 2 || stderr.String() != "event-gateway: interrupted\n" {
		t.Errorf("%d: %s%s", code, stdout.String(), stderr.String())
	}
}
