package lambdatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildGo builds the Go function of testdata/gofunction into the directory, and returns the program. Its comment says what it does with
// which event. The module must hold the current directory.
func BuildGo(dir string) (binary string, err error) {
	binary = filepath.Join(dir, "gofunction.exe") // a name for all systems
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary,
		"github.com/event-gateway/event-gateway/invoke/lambdatest/testdata/gofunction")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
}
