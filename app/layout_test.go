package app_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds the direction of imports: cmd -> app -> handlers -> invoke -> store. Some packages are pure, some dependencies belong
// to one package.
func TestImports(t *testing.T) {
	const module = "github.com/event-gateway/event-gateway/"
	// What a folder may import of ours, besides what is below it in the chain.
	layers := []string{"cmd", "app", "handlers", "invoke", "store"}
	layer := func(dir string) int {
		for i, l := range layers {
			if dir == l || strings.HasPrefix(dir, l+"/") {
				return i
			}
		}
		return -1
	}
	pure := map[string]bool{"invoke/event": true, "store/route": true, "client": true}
	only := map[string][]string{
		"github.com/gin-gonic/gin":                                {"handlers"},
		"github.com/rs/cors":                                      {"handlers"},
		"go.etcd.io/etcd/server/v3/embed":                         {"app/embed"},
		"go.etcd.io/etcd/client/v3":                               {"store/etcd", "bench"},
		"github.com/go-zookeeper/zk":                              {"store/zookeeper"},
		"github.com/hashicorp/consul/api":                         {"store/consul"},
		"github.com/aws/aws-sdk-go-v2/service/dynamodb":           {"store/dynamodb", "bench/barelambda"},
		"github.com/aws/aws-sdk-go-v2/service/secretsmanager":     {"app"},
		module + "app/embed":                                      {"cmd/event-gateway", "bench"},
		"github.com/peterbourgon/ff/v3":                           {"app"},
		"github.com/go-playground/validator/v10":                  {"store"},
		"github.com/prometheus/client_golang/prometheus/promhttp": {"handlers"},
	}
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, ".."+string(filepath.Separator))))
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if owners, ok := only[name]; ok && !slices.Contains(owners, dir) {
				t.Errorf("%s imports %s, which belongs to %v", path, name, owners)
			}
			ours, ok := strings.CutPrefix(name, module)
			if !ok || pure[ours] {
				continue
			}
			if pure[dir] || layer(dir) > layer(ours) {
				t.Errorf("%s imports %s, against the direction of imports", path, ours)
			}
		}
		return nil
	})
	if err != nil || files < 30 {
		t.Errorf("%d files, %v", files, err)
	}
}
