// Package keyring keeps secrets unreadable where they are stored: AES-256-GCM, bound to the place that a secret is for.
package keyring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keys seal and open secrets: one of them, the primary, seals, and all of them open. They are safe for concurrent use and never change.
// A nil *Keys has none.
type Keys struct {
	handle *keyset.Handle
	aead   tink.AEAD
	ids    []uint32 // in the order that they were added in
}

// ErrNoKeys says that there is nothing to seal secrets with.
var ErrNoKeys = errors.New("this gateway has no keys to seal secrets with, so it stores none: start it with -secret-keys-file (or EVENT_GATEWAY_SECRET_KEYS); " +
	"event-gateway keys create makes the file")

// New returns a key that nobody else has.
func New() (*Keys, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	return of(handle)
}

func of(handle *keyset.Handle) (*Keys, error) {
	a, err := aead.New(handle)
	if err != nil {
		return nil, err
	}
	k := &Keys{handle: handle, aead: a}
	for _, info := range handle.KeysetInfo().GetKeyInfo() {
		k.ids = append(k.ids, info.GetKeyId())
	}
	return k, nil
}

// Seal returns secret in a form that only the keys open, and only for the same place.
func (k *Keys) Seal(secret, place string) ([]byte, error) {
	if k == nil {
		return nil, ErrNoKeys
	}
	return k.aead.Encrypt([]byte(secret), []byte(place))
}

// Open returns what was sealed for the place. Its errors say what to do, and nothing of the secret.
func (k *Keys) Open(sealed []byte, place string) (string, error) {
	id := KeyID(sealed)
	switch {
	case k == nil:
		return "", fmt.Errorf("it was sealed with the key %d, and there are no keys here", id)
	case !k.Has(id):
		return "", fmt.Errorf("it was sealed with the key %d, which is not among the keys here", id)
	}
	secret, err := k.aead.Decrypt(sealed, []byte(place))
	if err != nil {
		return "", errors.New("it was sealed for another function or setting, or was changed since")
	}
	return string(secret), nil
}

// Has says whether id is one of the keys.
func (k *Keys) Has(id uint32) bool { return k != nil && slices.Contains(k.ids, id) }

// Primary returns the id of the key that seals.
func (k *Keys) Primary() uint32 { return k.handle.KeysetInfo().GetPrimaryKeyId() }

// KeyID returns the id of the key that something was sealed with, or 0 if it was not sealed at all
// (developers.google.com/tink/wire-format, "Tink output prefix").
func KeyID(sealed []byte) uint32 {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0
	}
	return binary.BigEndian.Uint32(sealed[1:5])
}
