package app

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/upkeep"
)

const storeUsage = `Usage: event-gateway store check [options] URL
       event-gateway store copy [options] FROM TO

check says what a store is, whether it can be read and written, and how long that takes.
  -deep       read all records, and compare them with the digests and the logs
  -read-only  write nothing

copy writes all records of one store into another, which must be empty or hold nothing but records of the
first, and compares the two. If it was broken off, run it again.
  -to LAYOUT  how spaces are divided in TO: same (as in FROM, the default), shared (all in one realm) or
              hosted (each in its own realm, as gateways with -hosted-domain have it)

URL, FROM and TO are URLs as of -store. A password that is not in them is taken from ` + storePasswordEnv + `.
  -embed-data-dir DIR     where the data of embed: is (default.etcd)
  -to-embed-data-dir DIR  where that of TO is, if it is another embed: than FROM

Exit codes: 1 if something is wrong with a store or a copy is not complete, 2 if the command is wrong or a
store cannot be used.
`

// StoreCommand runs the command that the arguments behind "store" name, and returns the exit code. Its report goes to stdout, and what is
// wrong to stderr, a line each.
func StoreCommand(ctx context.Context, args []string, embedded StartEmbedded, stdout, stderr io.Writer) int {
	c := &storeCommand{embedded: embedded, out: stdout}
	defer c.close()
	return ended(c.run(ctx, args), len(args) == 0, storeUsage, stderr)
}

// ended returns the exit code of a command that ended with err. bare is one without arguments, which has asked for help without wanting it.
func ended(err error, bare bool, usage string, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		if bare {
			return 2
		}
		return 0
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(stderr, "event-gateway:", line)
	}
	var f finding
	if errors.As(err, &f) {
		return 1
	}
	return 2
}

// finding is what came out of a command that did run.
type finding struct{ error }

// storeCommand is one run of a command.
type storeCommand struct {
	embedded StartEmbedded
	out      io.Writer
	dataDir  string // of embed:
	opened   []func()
}

func (c *storeCommand) close() {
	for _, end := range slices.Backward(c.opened) {
		end()
	}
}

func (c *storeCommand) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return flag.ErrHelp
	}
	switch args[0] {
	case "check":
		return c.check(ctx, args[1:])
	case "copy":
		return c.copy(ctx, args[1:])
	case "help", "-h", "-help", "--help":
		return flag.ErrHelp
	}
	return errors.New("after store comes check or copy (event-gateway store -help)") // what came may hold a password
}

func (c *storeCommand) check(ctx context.Context, args []string) error {
	o := upkeep.CheckOptions{Rules: recordRules()}
	fs := c.flags("store")
	fs.BoolVar(&o.Deep, "deep", false, "")
	fs.BoolVar(&o.ReadOnly, "read-only", false, "")
	urls, err := parseMixed(fs, args)
	switch {
	case err != nil:
		return err
	case len(urls) != 1:
		return fmt.Errorf("store check takes the URL of one store, and there are %d arguments", len(urls))
	}
	s, err := c.open(ctx, "store", urls[0], c.dataDir, true)
	if err != nil {
		return err
	}
	return found(upkeep.Check(ctx, s, o, c.out))
}

func (c *storeCommand) copy(ctx context.Context, args []string) error {
	o := upkeep.CopyOptions{Rules: recordRules()}
	fs := c.flags("store")
	fs.StringVar((*string)(&o.Layout), "to", string(upkeep.Same), "")
	toDir := fs.String("to-embed-data-dir", "", "")
	urls, err := parseMixed(fs, args)
	switch {
	case err != nil:
		return err
	case !slices.Contains([]upkeep.Layout{upkeep.Same, upkeep.Shared, upkeep.Hosted}, o.Layout):
		return fmt.Errorf("-to is %.60q, it can be same, shared or hosted", o.Layout)
	case len(urls) != 2:
		return fmt.Errorf("store copy takes the URLs of two stores, and there are %d arguments", len(urls))
	case urls[0] == urls[1] && (urls[0] != "embed:" || sameDir(c.dataDir, cmp.Or(*toDir, c.dataDir))):
		return errors.New("FROM and TO are the same store")
	}
	if err := sharesSecret(urls); err != nil {
		return err
	}
	for i, name := range []string{"FROM", "TO"} {
		if strings.HasPrefix(urls[i], "memory:") {
			return fmt.Errorf("%s is memory:, which each process has its own of: nothing can be copied from it or to it", name)
		}
	}
	from, err := c.open(ctx, "FROM", urls[0], c.dataDir, true)
	if err != nil {
		return err
	}
	to, err := c.open(ctx, "TO", urls[1], cmp.Or(*toDir, c.dataDir), false)
	if err != nil {
		return err
	}
	return found(upkeep.Copy(ctx, from, to, o, c.out))
}

func sameDir(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

func found(err error) error {
	if err == nil {
		return nil
	}
	return finding{err}
}

// recordRules are those by which gateways of this version read records, of either mode.
func recordRules() *store.Rules {
	return store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
}

func (c *storeCommand) flags(command string) *flag.FlagSet {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	dataDir := os.Getenv(EnvPrefix + "_EMBED_DATA_DIR")
	orDefault(&dataDir, defaultDataDir)
	fs.StringVar(&c.dataDir, "embed-data-dir", dataDir, "")
	return fs
}

// parseMixed reads options that may stand before, between and behind the other arguments, which it returns.
func parseMixed(fs *flag.FlagSet, args []string) (others []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, fmt.Errorf("%w (event-gateway %s -help)", err, fs.Name())
		}
		if fs.NArg() == 0 {
			return others, nil
		}
		others, args = append(others, fs.Arg(0)), fs.Args()[1:]
	}
}
