package handlers_test

import (
	"flag"
	"fmt"
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(tests{m}) }

type tests struct{ *testing.M }

// Run leaves none of the client's connections, which are goroutines. If all tests ran, both wrappers must have answered most requests.
func (t tests) Run() int {
	defer http.DefaultClient.CloseIdleConnections()
	defer transport.CloseIdleConnections()
	code := t.M.Run()
	all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	if n := compared.Load(); code == 0 && all && n < 10_000 {
		fmt.Printf("only %d answers of the two wrappers were compared\n", n)
		return 1
	}
	return code
}
