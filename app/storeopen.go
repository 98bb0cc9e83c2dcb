package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// answerTime is how long a command waits to be told what a store is.
const answerTime = 30 * time.Second

// open opens a store and has it say what it is. name is what messages call it.
func (c *storeCommand) open(ctx context.Context, name, raw, dataDir string, mustExist bool) (store.Database, error) {
	s, shown, err := c.connect(ctx, raw, dataDir, mustExist)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	timed, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	began := time.Now()
	what, err := s.Inspect(timed)
	switch {
	case ctx.Err() != nil:
		return nil, errors.New("interrupted")
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(c.out, "%-9s %s at %s, answered in %v\n", name, what, shown, time.Since(began).Round(time.Millisecond))
	return s, nil
}

// connect returns the store, which close closes, and how its URL can be shown.
func (c *storeCommand) connect(ctx context.Context, raw, dataDir string, mustExist bool) (s store.Database, shown string, err error) {
	log := slog.New(slog.DiscardHandler) // errors say all
	if raw == "embed:" {
		shown = dataDir
		var stop func()
		if raw, stop, err = c.embed(ctx, dataDir, mustExist, log); err != nil {
			return nil, "", err
		}
		c.opened = append(c.opened, stop)
	} else if u, err := url.Parse(raw); err == nil {
		shown = backend.Shown(u)
	}
	if s, err = OpenStore(raw, log); err != nil {
		return nil, "", err
	}
	c.opened = append(c.opened, func() { _ = s.Close() })
	return s, shown, nil
}

// embed starts the embedded store. One that is read from is there already.
func (c *storeCommand) embed(ctx context.Context, dataDir string, mustExist bool, log *slog.Logger) (raw string, stop func(), err error) {
	if _, err := os.Stat(dataDir); err != nil && mustExist {
		return "", nil, fmt.Errorf("there is no embedded store here: %w (-embed-data-dir names its directory)", err)
	}
	return c.embedded(ctx, &Options{Store: "embed:", EmbedDataDir: dataDir}, log)
}

// sharesSecret returns an error if the password in the environment would go to two kinds of databases.
func sharesSecret(urls []string) error {
	if os.Getenv(storePasswordEnv) == "" {
		return nil
	}
	kinds := map[string]bool{}
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil || u.User == nil && u.Scheme != "consul" || u.Query().Has("password-file") || u.Query().Has("token-file") {
			continue
		}
		if _, own := u.User.Password(); !own {
			kinds[u.Scheme] = true
		}
	}
	if len(kinds) > 1 {
		return errors.New("FROM and TO would both be given the password in " + storePasswordEnv + ": use the parameters password-file and token-file instead")
	}
	return nil
}
