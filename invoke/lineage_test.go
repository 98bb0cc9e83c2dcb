package invoke

import (
	"encoding/base64"
	"testing"
)

func TestLineage(t *testing.T) {
	t.Parallel()
	s, same, other := newSigner([]byte("key")), newSigner([]byte("key")), newSigner([]byte("another"))
	l := newLineage()
	l.hops = 7
	token := s.token(l)
	if another := newLineage(); len(token) != 46 || another == newLineage() {
		t.Error(token)
	}
	if got, ok := same.lineage(token); !ok || got != l {
		t.Error(got, ok)
	}
	f := func(s *signer, token string) {
		t.Helper()
		if got, ok := s.lineage(token); ok || got != (lineage{}) {
			t.Errorf("%q: %v", token, got)
		}
	}
	f(other, token)
	f(s, "")
	f(s, token[1:])
	f(s, token+"A")
	f(s, token[:45]+"\n")
	f(s, token[:45]+"=")
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		f(s, base64.RawURLEncoding.EncodeToString(raw))
		raw[bit/8] ^= 1 << (bit % 8)
	}
	if _, ok := s.lineage(token); !ok {
		t.Error("the signer is not the same afterwards")
	}
}

func BenchmarkLineage(b *testing.B) {
	s := newSigner([]byte("key"))
	b.ReportAllocs()
	for b.Loop() {
		s.token(newLineage())
	}
}

func FuzzLineage(f *testing.F) {
	s := newSigner([]byte("key"))
	f.Add(s.token(lineage{hops: 3}))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if l, ok := s.lineage(token); ok && s.token(l) != token {
			t.Errorf("%q stands for %v, as another token does", token, l)
		}
	})
}
