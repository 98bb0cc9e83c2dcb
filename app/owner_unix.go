//go:build unix

package app

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner and group of another one.
func keepOwner(file string, like fs.FileInfo) error {
	if s, ok := like.Sys().(*syscall.Stat_t); ok {
		return os.Chown(file, int(s.Uid), int(s.Gid))
	}
	return nil
}
