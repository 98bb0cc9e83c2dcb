package handlers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// suiteModule holds a whole copy of the JSON test suite of Nicolas Seriot (nst/JSONTestSuite, folder test_parsing), in its tests. go.sum says which bytes it has.
const suiteModule, suiteFolder = "github.com/aws/smithy-go", "transport/http/protocol/internal/json/testdata/test_parsing"

// carrier is a way in which a document can come in.
type carrier struct {
	name, path, contentType string
	wrap                    func(document []byte) []byte
	none                    *string // how it arrives if there is no document, where that is fine: nil elsewhere
}

func carriers() []carrier {
	const attributes = `"specversion":"1.0","id":"1","source":"/s","type":"e"`
	as := func(before, after string) func([]byte) []byte {
		return func(document []byte) []byte { return fmt.Appendf(nil, "%s%s%s", before, document, after) }
	}
	return []carrier{
		{"plain request", "/plain", "application/json", as("", ""), new(`""`)},
		{"Event header", "/event", "application/json", as("", ""), new("")},
		{"last in a CloudEvent", "/event", "application/cloudevents+json", as(`{`+attributes+`,"data":`, `}`), nil},
		{"first in a CloudEvent", "/event", "application/cloudevents+json", as(`{"data":`, `,`+attributes+`}`), nil},
		{"in a batch", "/event", "application/cloudevents-batch+json", as(`[{`+attributes+`},{`+attributes+`,"data":`, `}]`), nil},
	}
}

// TestJSONSuite sends the documents of the published suite in each way: what is JSON (y_) is accepted and arrives byte for byte, what is not (n_) is refused, and
// what RFC 8259 leaves open (i_) is as testdata/jsonsuite.md says.
func TestJSONSuite(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", written(t).URL)
	for _, name := range []string{"http.request", "e"} {
		g.configure(201, "POST", inDefault+"/eventtypes", fmt.Sprintf(`{"name":%q}`, name))
	}
	g.subscribe("default", `{"functionId":"f","type":"sync","eventType":"http.request","path":"/plain"}`)
	g.subscribe("default", `{"functionId":"f","type":"sync","eventType":"e","path":"/event"}`)

	open, count := readVerdicts(t), map[byte]int{}
	for name, document := range documents(t) {
		want := map[byte]bool{'y': true, 'i': open[name]}[name[0]]
		for _, c := range carriers() {
			g.judge(t, c, name, document, want)
		}
		count[name[0]]++
	}
	t.Logf("%d documents are JSON, %d are not, %d are undefined", count['y'], count['n'], count['i'])
	if count['y'] != 95 || count['n'] != 188 || count['i'] != 35 || len(open) != 35 {
		t.Errorf("the suite has 95, 188 and 35 documents, not %d, %d and %d; testdata/jsonsuite.md has 35 rows, not %d", count['y'], count['n'], count['i'], len(open))
	}
}

// judge sends a document in one way and looks at the answer.
func (g *gateway) judge(t *testing.T, c carrier, name string, document []byte, want bool) {
	headers := []string{"Content-Type: " + c.contentType}
	if c.name == "Event header" {
		headers = append(headers, "Event: e")
	}
	arrives := string(bytes.Trim(document, " \t\r\n"))
	if len(document) == 0 && c.none != nil {
		want, arrives = true, *c.none
	}
	a := send(t, "POST", g.events+c.path, string(c.wrap(document)), headers...)
	switch {
	case !want && (a.status != 400 || a.message() == ""):
		t.Errorf("%s, %s: status %d, want 400: %.100q", name, c.name, a.status, a.body)
	case want && a.status/100 != 2:
		t.Errorf("%s, %s: status %d, want it accepted: %.100q", name, c.name, a.status, a.body)
	case want && c.name != "in a batch" && a.body != arrives:
		t.Errorf("%s, %s: %.100q arrives as %.100q", name, c.name, document, a.body)
	}
}

// written is a function that answers with the data that it gets, just as it is written in the event: of a plain request it is the body.
func written(t *testing.T) *httptest.Server {
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var e struct {
			Type string
			Data json.RawMessage
		}
		var plain struct{ Body json.RawMessage }
		err := json.Unmarshal(b, &e)
		if err == nil && e.Type == "http.request" {
			err = json.Unmarshal(e.Data, &plain)
			e.Data = plain.Body
		}
		if err != nil {
			t.Errorf("%.100q: %v", b, err)
		}
		_, _ = fmt.Fprintf(w, `{"isBase64Encoded":true,"body":%q}`, base64.StdEncoding.EncodeToString(e.Data))
	}))
	t.Cleanup(f.Close)
	return f
}

// documents returns the documents of the suite by their names.
func documents(t *testing.T) map[string][]byte {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", suiteModule).Output()
	if err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), suiteFolder, "[yni]_*.json"))
	if len(names) == 0 {
		t.Fatalf("%s no longer has the folder %s: find another module that holds the suite", suiteModule, suiteFolder)
	}
	found := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(name)] = b
	}
	return found
}

// readVerdicts reads the table of the documents that RFC 8259 leaves open: whether each is accepted.
func readVerdicts(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile("testdata/jsonsuite.md")
	if err != nil {
		t.Fatal(err)
	}
	accepted := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, " | ")
		if name := strings.Trim(cells[0], "| `"); strings.HasPrefix(name, "i_") {
			accepted[name+".json"] = cells[1] == "accepted"
		}
	}
	return accepted
}
