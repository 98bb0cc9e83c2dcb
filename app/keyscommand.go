package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/keyring"
)

const keysUsage = `Usage: event-gateway keys create|list|add|rotate|remove [options] FILE

FILE holds the keys that seal the secrets of functions in the store. Gateways get it by -secret-keys-file FILE, or its text by
` + secretKeysEnv + `.

create makes FILE, with one key.
list   shows the keys in FILE.
add    adds a key to FILE that gateways can open secrets with, but do not yet seal with.
rotate makes the key that was added last the one that seals, and seals all secrets in the store with it, also those that are not sealed yet.
remove removes all keys from FILE but the one that seals, after it has sealed all secrets in the store with that one.

To change the key: add; give FILE to all gateways and restart them; rotate; give FILE to all gateways and restart them; remove.

  -kms URI            the key in AWS KMS that encrypts FILE: awskms://arn:aws:kms:...
  -store URL          the store of rotate and remove, as of the gateway's -store (` + EnvPrefix + `_STORE)
  -embed-data-dir DIR where the data of embed: is (default.etcd)

Exit codes: 1 if some secrets could not be sealed anew, 2 if the command is wrong or something cannot be used.
`

// KeysCommand runs the command that the arguments behind "keys" name, and returns the exit code. Its report goes to stdout, and what is
// wrong to stderr, a line each.
func KeysCommand(ctx context.Context, args []string, embedded StartEmbedded, stdout, stderr io.Writer) int {
	c := &keysCommand{storeCommand: storeCommand{embedded: embedded, out: stdout}}
	defer c.close()
	return ended(c.run(ctx, args), len(args) == 0, keysUsage, stderr)
}

// keysCommand is one run of a command.
type keysCommand struct {
	storeCommand
	file, kms, store string
	keys             *keyring.Keys
}

func (c *keysCommand) run(ctx context.Context, args []string) error {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		return flag.ErrHelp
	}
	do, found := map[string]func(context.Context) error{
		"create": c.create, "list": c.list, "add": c.add, "rotate": c.rotate, "remove": c.remove,
	}[args[0]]
	if !found {
		return errors.New("after keys comes create, list, add, rotate or remove (event-gateway keys -help)")
	}
	fs := c.flags("keys")
	fs.StringVar(&c.kms, "kms", "", "")
	fs.StringVar(&c.store, "store", os.Getenv(EnvPrefix+"_STORE"), "")
	files, err := parseMixed(fs, args[1:])
	switch {
	case err != nil:
		return err
	case len(files) != 1:
		return fmt.Errorf("keys %s takes the name of one file, and there are %d arguments", args[0], len(files))
	}
	c.file = files[0]
	return do(ctx)
}

func (c *keysCommand) create(ctx context.Context) (err error) {
	if c.keys, err = keyring.New(); err != nil {
		return err
	}
	if err := createKeys(ctx, c.file, c.keys, c.kms); err != nil {
		return err
	}
	c.tell()
	return nil
}

func (c *keysCommand) list(ctx context.Context) error {
	err := c.read(ctx)
	if err == nil {
		c.tell()
	}
	return err
}

func (c *keysCommand) add(ctx context.Context) error { return c.change(ctx, (*keyring.Keys).Add) }

func (c *keysCommand) rotate(ctx context.Context) error {
	if err := c.read(ctx); err != nil {
		return err
	}
	s, err := c.openStore(ctx) // first, since nothing is to be changed if it cannot be used
	if err != nil {
		return err
	}
	if err := c.change(ctx, (*keyring.Keys).Promote); err != nil {
		return err
	}
	return c.reseal(ctx, s)
}

func (c *keysCommand) remove(ctx context.Context) error {
	if err := c.read(ctx); err != nil {
		return err
	}
	s, err := c.openStore(ctx)
	if err != nil {
		return err
	}
	if err := c.reseal(ctx, s); err != nil {
		return err
	}
	return c.change(ctx, (*keyring.Keys).PrimaryOnly)
}

func (c *keysCommand) read(ctx context.Context) (err error) {
	c.keys, err = readKeys(ctx, c.file, c.kms)
	return err
}

func (c *keysCommand) change(ctx context.Context, f func(*keyring.Keys) (*keyring.Keys, error)) error {
	err := c.read(ctx)
	if err == nil {
		c.keys, err = f(c.keys)
	}
	if err == nil {
		err = replaceKeys(ctx, c.file, c.keys, c.kms)
	}
	if err == nil {
		c.tell()
	}
	return err
}

func (c *keysCommand) tell() {
	for _, id := range c.keys.IDs() {
		what := "opens only"
		if id == c.keys.Primary() {
			what = "seals and opens"
		}
		fmt.Fprintf(c.out, "%-9s %d %s\n", "key", id, what)
	}
}

func (c *keysCommand) openStore(ctx context.Context) (store.Database, error) {
	switch {
	case c.store == "":
		return nil, errors.New("-store URL is missing: the store whose secrets are to be sealed anew")
	case strings.HasPrefix(c.store, "memory:"):
		return nil, errors.New("-store is memory:, which each process has its own of: there is nothing to be sealed anew")
	}
	return c.open(ctx, "store", c.store, c.dataDir, true)
}

// reseal seals the secrets of all realms with the primary key.
func (c *keysCommand) reseal(ctx context.Context, s store.Database) error {
	realms, err := s.Realms(ctx)
	if err != nil {
		return err
	}
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, c.keys)
	var all store.Resealed
	for _, realm := range realms {
		done, err := store.Reseal(ctx, s, realm, rules)
		if err != nil {
			return fmt.Errorf("the realm %q: %w", realm, err)
		}
		all.Functions, all.Written, all.Failed = all.Functions+done.Functions, all.Written+done.Written, append(all.Failed, done.Failed...)
	}
	fmt.Fprintf(c.out, "%-9s %d of %d functions with secrets were sealed anew\n", "sealed", all.Written, all.Functions)
	if err := errors.Join(all.Failed...); err != nil {
		return finding{err}
	}
	return nil
}
