package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Parse reads keys as Text wrote them. kek is the key that encrypts them, or nil if they are not. An error has nothing of the text.
func Parse(ctx context.Context, text []byte, kek tink.AEADWithContext) (*Keys, error) {
	r := keyset.NewJSONReader(bytes.NewReader(text))
	encrypted := bytes.Contains(text, []byte(`"encryptedKeyset"`))
	var handle *keyset.Handle
	var err error
	switch {
	case encrypted && kek == nil:
		return nil, errors.New("the keys are encrypted: -secret-keys-kms (EVENT_GATEWAY_SECRET_KEYS_KMS) names the key in AWS KMS that opens them")
	case !encrypted && kek != nil:
		return nil, errors.New("the keys are not encrypted, though a key in AWS KMS is named for them")
	case encrypted:
		if handle, err = keyset.ReadWithContext(ctx, r, kek, nil); err != nil {
			return nil, fmt.Errorf("the keys could not be decrypted: %w", err)
		}
	default:
		if handle, err = insecurecleartextkeyset.Read(r); err != nil {
			return nil, errors.New("these are no keys as event-gateway keys create makes them")
		}
	}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, err
		}
		if p, ok := entry.Key().Parameters().(*aesgcm.Parameters); !ok || p.KeySizeInBytes() != 32 || p.Variant() != aesgcm.VariantTink {
			return nil, fmt.Errorf("the key %d is for something else: only AES-256-GCM keys seal secrets", entry.KeyID())
		}
	}
	return of(handle)
}

// Text returns the keys as JSON, in the form of a Tink keyset: as they are, or encrypted with kek.
func (k *Keys) Text(ctx context.Context, kek tink.AEADWithContext) ([]byte, error) {
	var b bytes.Buffer
	w := keyset.NewJSONWriter(&b)
	if kek == nil {
		if err := insecurecleartextkeyset.Write(k.handle, w); err != nil {
			return nil, err
		}
	} else if err := k.handle.WriteWithContext(ctx, w, kek, nil); err != nil {
		return nil, fmt.Errorf("the keys could not be encrypted: %w", err)
	}
	return append(b.Bytes(), '\n'), nil
}

// IDs returns the ids of all keys, in the order that they were added in.
func (k *Keys) IDs() []uint32 { return slices.Clone(k.ids) }

// Add returns the keys with a new one, which opens only.
func (k *Keys) Add() (*Keys, error) {
	return k.change(func(m *keyset.Manager) error {
		_, err := m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
}

// Promote returns the keys with the one that was added last as the primary.
func (k *Keys) Promote() (*Keys, error) {
	ids := k.IDs()
	return k.change(func(m *keyset.Manager) error { return m.SetPrimary(ids[len(ids)-1]) })
}

// PrimaryOnly returns the keys without those that only open.
func (k *Keys) PrimaryOnly() (*Keys, error) {
	primary := k.Primary()
	others := slices.DeleteFunc(k.IDs(), func(id uint32) bool { return id == primary })
	return k.change(func(m *keyset.Manager) error {
		for _, id := range others {
			if err := m.Delete(id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (k *Keys) change(f func(*keyset.Manager) error) (*Keys, error) {
	m := keyset.NewManagerFromHandle(k.handle)
	if err := f(m); err != nil {
		return nil, err
	}
	handle, err := m.Handle()
	if err != nil {
		return nil, err
	}
	return of(handle)
}
