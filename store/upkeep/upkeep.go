// Package upkeep is for those who look after stores: it checks one, and copies one into another. It knows no kind of store from another.
package upkeep

import (
	"context"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/event-gateway/event-gateway/store"
)

// scratch is the realm that Check writes to. No space can have its name where each is a realm of its own. It is never copied.
const scratch store.Realm = "_check"

// atOnce is how many realms are worked on at the same time.
const atOnce = 8

// each calls f for all realms, and returns the first error, which ends the ctx of the others.
func each(ctx context.Context, realms []store.Realm, f func(ctx context.Context, realm store.Realm) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, realm := range realms {
		g.Go(func() error { return f(ctx, realm) })
	}
	return g.Wait()
}

// shown is how many names stand in a message.
const shown = 5

// list returns the first names. They are quoted, since anybody may have written them.
func list(names []string) string {
	var quoted []string
	for _, name := range names[:min(shown, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%.100q", name))
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// count returns a number with the noun for so many.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// tell writes one line of a report.
func tell(out io.Writer, what, format string, args ...any) {
	fmt.Fprintf(out, "%-9s %s\n", what, fmt.Sprintf(format, args...))
}
