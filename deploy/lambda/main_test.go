package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestZip(t *testing.T) {
	t.Parallel()
	program := bytes.Repeat([]byte("program"), 10_000)
	packed, said := packFile(t, program)
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || len(z.File) != 1 {
		t.Fatal(err, len(z.File))
	}
	f := z.File[0]
	if f.Name != "bootstrap" || f.Mode() != 0o755 {
		t.Errorf("%s has mode %v", f.Name, f.Mode())
	}
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, program) {
		t.Errorf("the program has %d bytes, %v", len(got), err)
	}
	digest := fmt.Sprintf("%x  ", sha256.Sum256(packed))
	if !strings.HasPrefix(said, digest) || !strings.Contains(said, fmt.Sprintf("  %d bytes, CodeSha256 ", len(packed))) {
		t.Errorf("it says %q", said)
	}
	if again, _ := packFile(t, program); !bytes.Equal(again, packed) {
		t.Error("the same program gave other bytes")
	}
}

// packFile has run pack a program, and returns the zip and what was printed.
func packFile(t *testing.T, program []byte) (packed []byte, said string) {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "program"), filepath.Join(dir, "zip")
	if err := os.WriteFile(from, program, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(from, to, &out); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return packed, out.String()
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "program"), filepath.Join(dir, "zip")
	noise := make([]byte, maxSize) // which cannot be packed
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	if err := os.WriteFile(from, noise, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(from, to, io.Discard); err == nil || !strings.Contains(err.Error(), "it may have 14000000") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("it was written")
	}
}
