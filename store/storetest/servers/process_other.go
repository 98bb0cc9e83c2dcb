//go:build !unix

package servers

import (
	"errors"
	"os/exec"
)

// dieWithParent does nothing: only Linux knows this. A test that is killed leaves its servers behind.
func dieWithParent(*exec.Cmd) {}

func freeze(int) error { return errors.ErrUnsupported }

func thaw(int) error { return errors.ErrUnsupported }
