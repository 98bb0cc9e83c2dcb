package handlers_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/handlers"
)

// TestDocOpenAPI: docs/openapi.yaml has the routes that the router has, and no others.
func TestDocOpenAPI(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	raw := readDoc(t, "openapi.yaml")
	if err := yaml.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatal(err)
	}
	param := regexp.MustCompile(`:\w+|\{\w+\}`)
	documented := map[string]bool{}
	for path, operations := range doc.Paths {
		for method := range operations {
			if method != "parameters" {
				documented[strings.ToUpper(method)+" "+param.ReplaceAllString(path, "{}")] = true
			}
		}
	}
	g := &handlers.Gateway{Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}
	routes := g.Router(handlers.Config).(*gin.Engine).Routes()
	if len(routes) == 0 {
		t.Fatal("the router has no routes")
	}
	for _, r := range routes {
		route := r.Method + " " + param.ReplaceAllString(r.Path, "{}")
		if !documented[route] {
			t.Errorf("the router has %s %s, which is not in docs/openapi.yaml", r.Method, r.Path)
		}
		delete(documented, route)
	}
	for route := range documented {
		t.Errorf("docs/openapi.yaml has %s, which the router has not", route)
	}
	checkReferences(t, raw)
}

// checkReferences looks for references in an OpenAPI file that lead nowhere.
func checkReferences(t *testing.T, raw string) {
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatal(err)
	}
	for _, ref := range regexp.MustCompile(`\$ref: ['"]?#/([\w/]+)`).FindAllStringSubmatch(raw, -1) {
		var at any = doc
		for name := range strings.SplitSeq(ref[1], "/") {
			m, _ := at.(map[string]any)
			at = m[name]
		}
		if at == nil {
			t.Errorf("docs/openapi.yaml refers to #/%s, which is not there", ref[1])
		}
	}
}

// TestDocOptions: the option tables of docs/configuration.md and the README have the options of -help, and no others.
func TestDocOptions(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	if _, err := app.ParseOptions([]string{"-help"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	options := matches(`(?m)^  -([\w-]+)`, help.String())
	if len(options) == 0 {
		t.Fatal("-help shows no options")
	}
	firstCells := regexp.MustCompile("(?m)^\\| `-.*?\\|")
	for _, file := range []string{"configuration.md", "../README.md"} {
		doc := readDoc(t, file)
		listed := matches("`-([\\w-]+)`", strings.Join(firstCells.FindAllString(doc, -1), "\n"))
		for _, o := range options {
			if !slices.Contains(listed, o) {
				t.Errorf("-%s is not in the table of %s", o, file)
			}
			name := app.EnvPrefix + "_" + strings.ToUpper(strings.ReplaceAll(o, "-", "_"))
			if file == "configuration.md" && !strings.Contains(doc, "`"+name+"`") {
				t.Errorf("%s does not name %s", file, name)
			}
		}
		for _, o := range listed {
			if !slices.Contains(options, o) {
				t.Errorf("%s has -%s, which is no option", file, o)
			}
		}
	}
}

// TestDocEventsAPI sends the requests of the table in docs/events-api.md to a gateway with the configuration that stands there. Afterwards
// docs/operations.md must name each metric.
func TestDocEventsAPI(t *testing.T) {
	t.Parallel()
	doc := readDoc(t, "events-api.md")
	g := start(t, "-dev")
	configureAsDocumented(g, doc)
	rows := matches("(?m)^\\|( `[A-Z]+ /.*)\\|$", doc)
	if len(rows) < 20 {
		t.Fatalf("docs/events-api.md has %d rows", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(row, "|")
		for i, c := range cells {
			cells[i] = strings.TrimSpace(c)
		}
		code := func(i int) string { return strings.Trim(cells[i], "`") }
		method, path, _ := strings.Cut(code(0), " ")
		got := send(t, method, g.events+path, code(2), matches("`(.+?)`", cells[1])...)
		text := got.body
		if m := got.message(); m != "" {
			text = m
		}
		if status := fmt.Sprint(got.status); status != cells[3] || text != code(4) {
			t.Errorf("%s\ngot %s %s", row, status, text)
		}
	}
	operations := readDoc(t, "operations.md")
	for _, name := range matches(`(?m)^# TYPE (eventgateway_\w+)`, send(t, "GET", g.config+"/metrics", "").body) {
		if !strings.Contains(operations, "`"+name) {
			t.Errorf("docs/operations.md does not name the metric %s", name)
		}
	}
}

// configureAsDocumented makes what the table in docs/events-api.md starts from.
func configureAsDocumented(g *gateway, doc string) {
	f := newFunction(g.t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hello":
			_, _ = io.WriteString(w, `{"body":"hello"}`)
		case "/mail":
			w.WriteHeader(http.StatusNoContent)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/text":
			_, _ = io.WriteString(w, "hi")
		case "/page":
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "a page")
		}
	})
	var guard *function
	guard = newFunction(g.t, func(w http.ResponseWriter, _ *http.Request) {
		asked := guard.events()
		if strings.Contains(asked[len(asked)-1], `"Authorization":"Bearer max"`) {
			_, _ = io.WriteString(w, `{"authorization":{"principalId":"max"}}`)
		}
	})
	g.function("default", "guard", guard.URL)
	for _, id := range []string{"hello", "mail", "broken", "text"} {
		g.function("default", id, f.URL+"/"+id)
	}
	g.configure(201, "POST", inDefault+"/functions", fmt.Sprintf(`{"functionId":"page","type":"http","provider":{"url":"%s/page"},"response":"passthrough"}`, f.URL))
	eventTypes, subscriptions := docBlock(doc, "json eventtypes"), docBlock(doc, "json subscriptions")
	for eventType := range strings.SplitSeq(eventTypes, "\n") {
		g.configure(201, "POST", inDefault+"/eventtypes", eventType)
	}
	for _, eventType := range matches(`"eventType":"(.+?)"`, subscriptions) {
		if named := fmt.Sprintf(`"name":%q`, eventType); !strings.Contains(eventTypes, named) {
			g.configure(201, "POST", inDefault+"/eventtypes", "{"+named+"}")
		}
	}
	for subscription := range strings.SplitSeq(subscriptions, "\n") {
		g.subscribe("default", subscription)
	}
}

// docBlock returns the block of a page that begins with a word.
func docBlock(doc, word string) string {
	_, block, _ := strings.Cut(doc, "```"+word+"\n")
	block, _, _ = strings.Cut(block, "\n```")
	return block
}

// TestDocSecurity: the tests that docs/security.md names exist.
func TestDocSecurity(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile("`([\\w/]+)\\.(Test\\w+)`").FindAllStringSubmatch(readDoc(t, "security.md"), -1)
	if len(named) == 0 {
		t.Fatal("docs/security.md names no tests")
	}
	for _, test := range named {
		files, err := filepath.Glob("../" + test[1] + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			return strings.Contains(readFile(t, file), "\nfunc "+test[2]+"(t *testing.T)")
		}) {
			t.Errorf("docs/security.md names %s.%s, which is not there", test[1], test[2])
		}
	}
}

// TestDocLinks: links within the documentation lead to files that exist, and to headings that they have.
func TestDocLinks(t *testing.T) {
	t.Parallel()
	pages := []string{"../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md"}
	for _, dir := range []string{"../docs", "../docs/decisions", "../docs/functions", "../deploy"} {
		more, err := filepath.Glob(dir + "/*.md")
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	for _, page := range pages {
		for _, link := range matches(`\]\(([^):]+)\)`, readFile(t, page)) {
			path, anchor, _ := strings.Cut(link, "#")
			target := filepath.Join(filepath.Dir(page), path)
			if path == "" {
				target = page
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, link)
			} else if anchor != "" && !slices.Contains(anchors(readFile(t, target)), anchor) {
				t.Errorf("%s links to %s, which has no such heading", page, link)
			}
		}
	}
}

// anchors returns the names that headings have in links.
func anchors(page string) []string {
	var found []string
	for _, heading := range matches(`(?m)^#+ (.+)$`, page) {
		name := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading), "")
		found = append(found, strings.ReplaceAll(name, " ", "-"))
	}
	return found
}

func readDoc(t *testing.T, name string) string { return readFile(t, "../docs/"+name) }

func readFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// matches returns the first group of each match.
func matches(pattern, text string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}
