package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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

// kmsTime is how long AWS KMS may take.
const kmsTime = 4 * time.Second

// openKeys returns the keys that seal the secrets of functions, or nil if there are none.
func openKeys(ctx context.Context, o *Options, log *slog.Logger) (*keyring.Keys, error) {
	switch {
	case o.SecretKeys != "":
		keys, err := parseKeys(ctx, []byte(o.SecretKeys), o.SecretKeysKMS)
		if err != nil && o.SecretKeysFile != "" {
			return nil, fmt.Errorf("%s: %s: %w", o.named("secret-keys-file"), o.SecretKeysFile, err)
		} else if err != nil {
			return nil, fmt.Errorf("%s, which has the text of such a file and not its name: %w", secretKeysEnv, err)
		}
		return keys, nil
	case strings.HasPrefix(o.Store, "memory:"): // what is sealed does not outlive the process
		return keyring.New()
	case o.Dev:
		return localKeys(ctx, filepath.Join(o.EmbedDataDir, devKeys), log)
	}
	return nil, nil
}

// localKeys returns the keys in a file, which is made if it is not there.
func localKeys(ctx context.Context, file string, log *slog.Logger) (*keyring.Keys, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		keys, err := keyring.New()
		if err == nil {
			err = os.MkdirAll(filepath.Dir(file), 0o700)
		}
		if err == nil {
			err = createKeys(ctx, file, keys, "")
		}
		if err == nil {
			log.Info("the keys that seal the secrets of functions were made: without -dev, -secret-keys-file has to name them", "file", file)
		} else if !errors.Is(err, fs.ErrExist) { // another process was quicker
			return nil, err
		}
	}
	keys, err := readKeys(ctx, file, "")
	if err == nil {
		log.Info("secrets of functions are sealed", "keys", file)
	}
	return keys, err
}

// parseKeys reads keys; kms is the URI of the key that encrypts them, or empty.
func parseKeys(ctx context.Context, text []byte, kms string) (*keyring.Keys, error) {
	ctx, cancel := context.WithTimeout(ctx, kmsTime)
	defer cancel()
	kek, err := openKMS(ctx, kms)
	if err != nil {
		return nil, err
	}
	return keyring.Parse(ctx, text, kek)
}

func readKeys(ctx context.Context, file, kms string) (*keyring.Keys, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(ctx, text, kms)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// createKeys writes a new file of keys, for its owner only. One that is there is an error.
func createKeys(ctx context.Context, file string, keys *keyring.Keys, kms string) error {
	next, err := writeKeys(ctx, filepath.Dir(file), keys, kms)
	if err != nil {
		return err
	}
	defer os.Remove(next)
	return os.Link(next, file)
}

// replaceKeys writes a file of keys in the place of one, whose mode it keeps, and if it can its owner.
func replaceKeys(ctx context.Context, file string, keys *keyring.Keys, kms string) error {
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	old, err := os.Stat(file)
	if err != nil {
		return err
	}
	next, err := writeKeys(ctx, filepath.Dir(file), keys, kms)
	if err != nil {
		return err
	}
	if err = errors.Join(os.Chmod(next, old.Mode().Perm()), keepOwner(next, old)); err == nil {
		err = os.Rename(next, file)
	}
	if err != nil {
		_ = os.Remove(next)
	}
	return err
}

// writeKeys writes keys to a file of its own, for its owner only, and returns its name.
func writeKeys(ctx context.Context, dir string, keys *keyring.Keys, kms string) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, kmsTime)
	defer cancel()
	kek, err := openKMS(ctx, kms)
	if err != nil {
		return "", err
	}
	text, err := keys.Text(ctx, kek)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, ".secret-keys-*") // with mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name())
	}
	return f.Name(), err
}

// openKMS returns the key of AWS KMS that a URI such as awskms://arn:aws:kms:us-east-1:123456789012:key/ID names, or nil for none.
func openKMS(ctx context.Context, uri string) (tink.AEADWithContext, error) {
	if uri == "" {
		return nil, nil
	}
	arn, found := strings.CutPrefix(uri, "awskms://")
	if !found || !strings.HasPrefix(arn, "arn:") {
		return nil, fmt.Errorf("%.80q names no key in AWS KMS: it looks like awskms://arn:aws:kms:us-east-1:123456789012:key/ID", uri)
	}
	return awskms.NewAEADWithContext(ctx, arn)
}
