package keyring_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/event-gateway/event-gateway/store/keyring"
)

func newKeys(t testing.TB) *keyring.Keys {
	t.Helper()
	k, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// must returns keys that could be changed.
func must(t testing.TB) func(k *keyring.Keys, err error) *keyring.Keys {
	return func(k *keyring.Keys, err error) *keyring.Keys {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
}

func sealed(t testing.TB, k *keyring.Keys, secret, place string) []byte {
	t.Helper()
	b, err := k.Seal(secret, place)
	if err != nil || len(secret) > 5 && bytes.Contains(b, []byte(secret)) { // a shorter one may be there by chance
		t.Fatalf("%q, %v", b, err)
	}
	return b
}

func TestSeal(t *testing.T) {
	k, other := newKeys(t), newKeys(t)
	for _, secret := range []string{"", "s", "a\x00b", strings.Repeat("long ", 10_000)} {
		b := sealed(t, k, secret, "here")
		if got, err := k.Open(b, "here"); got != secret || err != nil {
			t.Errorf("%.10q, %v", got, err)
		}
		if bytes.Equal(b, sealed(t, k, secret, "here")) {
			t.Error("sealed twice it is the same")
		}
	}
	b := sealed(t, k, "secret", "here")
	f := func(k *keyring.Keys, b []byte, place, want string) {
		t.Helper()
		got, err := k.Open(b, place)
		if got != "" || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q, %v\nwant %s", got, err, want)
		}
	}
	f(k, b, "there", "for another function or setting")
	f(k, b, "", "for another function or setting")
	f(other, b, "here", "which is not among the keys here")
	f(nil, b, "here", "there are no keys here")
	f(k, nil, "here", "key 0, which")
	f(k, []byte("nonsense"), "here", "key 0, which")
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 1
		f(k, changed, "here", "")
		f(k, b[:i], "here", "")
	}
	if _, err := (*keyring.Keys)(nil).Seal("s", "here"); err != keyring.ErrNoKeys {
		t.Error(err)
	}
}

// TestRotation: a key that was added opens, and does not seal until it is promoted; what the old one sealed opens until it is removed.
func TestRotation(t *testing.T) {
	one := newKeys(t)
	two := must(t)(one.Add())
	three := must(t)(two.Promote())
	four := must(t)(three.PrimaryOnly())
	if two.Primary() != one.Primary() || three.Primary() == one.Primary() || four.Primary() != three.Primary() {
		t.Error(one.Primary(), two.Primary(), three.Primary(), four.Primary())
	}
	old, now := sealed(t, two, "old", ""), sealed(t, three, "new", "")
	f := func(k *keyring.Keys, ids int, opensOld, opensNew bool) {
		t.Helper()
		_, errOld := k.Open(old, "")
		_, errNew := k.Open(now, "")
		if len(k.IDs()) != ids || (errOld == nil) != opensOld || (errNew == nil) != opensNew {
			t.Errorf("%v: %v, %v", k.IDs(), errOld, errNew)
		}
	}
	f(one, 1, true, false)
	f(two, 2, true, true)
	f(three, 2, true, true)
	f(four, 1, false, true)
}

func TestText(t *testing.T) {
	keys := must(t)(must(t)(newKeys(t).Add()).Promote())
	b := sealed(t, keys, "secret", "here")
	kek := newKEK(t)
	for _, k := range []tink.AEADWithContext{nil, kek} {
		text, err := keys.Text(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		again := must(t)(keyring.Parse(t.Context(), text, k))
		if got, err := again.Open(b, "here"); got != "secret" || err != nil || again.Primary() != keys.Primary() {
			t.Errorf("%q, %v", got, err)
		}
	}
	plain, _ := keys.Text(t.Context(), nil)
	encrypted, _ := keys.Text(t.Context(), kek)
	var other bytes.Buffer
	hmac, err := keyset.NewHandle(aead.AES128GCMKeyTemplate())
	if err == nil {
		err = insecurecleartextkeyset.Write(hmac, keyset.NewJSONWriter(&other))
	}
	if err != nil {
		t.Fatal(err)
	}
	f := func(text []byte, kek tink.AEADWithContext, want string) {
		t.Helper()
		if _, err := keyring.Parse(t.Context(), text, kek); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c2VjcmV0LW1hcmtlcg") {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	f(plain, kek, "are not encrypted")
	f(encrypted, nil, "are encrypted")
	f(encrypted, newKEK(t), "could not be decrypted")
	f([]byte(`{"primaryKeyId":1,"key":[{"keyData":{"value":"c2VjcmV0LW1hcmtlcg"}}]}`), nil, "these are no keys")
	f([]byte("{"), nil, "these are no keys")
	f(nil, nil, "these are no keys")
	f([]byte(`{}`), nil, "these are no keys")
	f(other.Bytes(), nil, "only AES-256-GCM")
}

func newKEK(t testing.TB) tink.AEADWithContext {
	t.Helper()
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	a, err := aead.New(h)
	if err != nil {
		t.Fatal(err)
	}
	return withContext{a}
}

// withContext is a key that needs no time.
type withContext struct{ tink.AEAD }

func (k withContext) EncryptWithContext(_ context.Context, plaintext, associated []byte) ([]byte, error) {
	return k.Encrypt(plaintext, associated)
}

func (k withContext) DecryptWithContext(_ context.Context, ciphertext, associated []byte) ([]byte, error) {
	return k.Decrypt(ciphertext, associated)
}

func FuzzOpen(f *testing.F) {
	k := newKeys(f)
	good := sealed(f, k, "secret", "here")
	f.Add(good, "here")
	f.Add([]byte{1, 2, 3, 4, 5}, "")
	f.Fuzz(func(t *testing.T, b []byte, place string) {
		if got, err := k.Open(b, place); err == nil && (!bytes.Equal(b, good) || place != "here" || got != "secret") {
			t.Errorf("%q opens for %q: %q", b, place, got)
		}
	})
}
