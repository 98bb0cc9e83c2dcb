package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go-awskms/v3/integration/awskms"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/event-gateway/event-gateway/store/keyring"
)

// devKeys is the file that keys are in with -dev, in the directory of the embedded store.
const devKeys = "secret-keys.json"

// openKeys returns the keys that seal the secrets of functions, or nil if there are none.
func openKeys(o *Options) (*keyring.Keys, error) {
	switch {
	case o.SecretKeys != "":
		keys, err := parseKeys([]byte(o.SecretKeys), o.SecretKeysKMS)
		if err != nil {
			return nil, fmt.Errorf("%s or %s: %w", o.named("secret-keys-file"), secretKeysEnv, err)
		}
		return keys, nil
	case strings.HasPrefix(o.Store, "memory:"): // what is sealed does not outlive the process
		return keyring.New()
	case o.Dev:
		return localKeys(filepath.Join(o.EmbedDataDir, devKeys))
	}
	return nil, nil
}

// localKeys returns the keys in a file, which is made if it is not there.
func localKeys(file string) (*keyring.Keys, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return parseKeys(text, "")
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	keys, err := keyring.New()
	if err != nil {
		return nil, err
	}
	return keys, writeKeys(file, keys, "", true)
}

// parseKeys reads keys; kms is the URI of the key that encrypts them, or empty.
func parseKeys(text []byte, kms string) (*keyring.Keys, error) {
	kek, err := openKMS(kms)
	if err != nil {
		return nil, err
	}
	return keyring.Parse(text, kek)
}

// writeKeys writes a file of keys, for its owner only. One that is there is replaced whole, or is an error if the file is to be a new one.
func writeKeys(file string, keys *keyring.Keys, kms string, anew bool) error {
	kek, err := openKMS(kms)
	if err != nil {
		return err
	}
	text, err := keys.Text(kek)
	if err != nil {
		return err
	}
	var f *os.File
	if anew {
		f, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	} else {
		f, err = os.CreateTemp(filepath.Dir(file), ".secret-keys-*") // with mode 0600
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil && !anew {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// kmsTime is how long AWS KMS may take for one call.
const kmsTime = 10 * time.Second

// openKMS returns the key of AWS KMS that a URI such as awskms://arn:aws:kms:us-east-1:123456789012:key/ID names, or nil for none.
func openKMS(uri string) (tink.AEAD, error) {
	if uri == "" {
		return nil, nil
	}
	arn, found := strings.CutPrefix(uri, "awskms://")
	if !found || !strings.HasPrefix(arn, "arn:") {
		return nil, fmt.Errorf("%.80q names no key in AWS KMS: it looks like awskms://arn:aws:kms:us-east-1:123456789012:key/ID", uri)
	}
	ctx, cancel := context.WithTimeout(context.Background(), kmsTime)
	defer cancel()
	uri = "aws-kms://" + arn // as Tink calls it
	client, err := awskms.NewClientWithOptions(ctx, uri)
	if err != nil {
		return nil, err
	}
	return client.GetAEAD(uri)
}
