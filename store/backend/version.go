package backend

import (
	"fmt"

	"github.com/event-gateway/event-gateway/store"
)

// AtLeast returns the name and version of a database, or an error if it is older than major.minor. A version that cannot be read passes.
func AtLeast(name, version string, major, minor int) (string, error) {
	var a, b int
	if n, _ := fmt.Sscanf(version, "%d.%d", &a, &b); n == 2 && (a < major || a == major && b < minor) {
		return "", fmt.Errorf("%w: %s %s is too old, %d.%d or later is needed", store.ErrUnusable, name, version, major, minor)
	}
	return name + " " + version, nil
}
