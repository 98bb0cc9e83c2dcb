package app_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app"
)

// TestKMSSilent: a KMS that takes connections and says nothing does not hold a command for longer than its context.
func TestKMSSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	awsOnly(t, "http://"+l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var stdout, stderr strings.Builder
	began := time.Now()
	code := app.KeysCommand(ctx, []string{"create", "-kms", "awskms://arn:aws:kms:us-east-1:123456789012:key/x", filepath.Join(t.TempDir(), "keys.json")}, nil, &stdout, &stderr)
	if took := time.Since(began); code != 2 || took > 5*time.Second || !strings.Contains(stderr.String(), "could not be encrypted") {
		t.Errorf("%d after %v: %s", code, took, stderr.String())
	}
}
