//go:build !unix

package invoke

// openFiles returns how many files this process may have open at once. There is no limit that could be asked for.
func openFiles() int { return 16_384 }
