package terraform_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadme: the tables of the README have each variable and output, with its description, and no other.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme := text(t, "README.md")
	f := func(file, kind, heading string) {
		t.Helper()
		_, table, _ := strings.Cut(readme, "\n## "+heading+"\n")
		table, _, _ = strings.Cut(table, "\n## ")
		declared := regexp.MustCompile(`(?m)^`+kind+` "(\w+)" {\n  description = "(.*)"$`).FindAllStringSubmatch(text(t, file), -1)
		for _, d := range declared {
			row := regexp.MustCompile("(?m)^\\| `" + d[1] + "` \\|.* \\| (.*) \\|$|^\\| `" + d[1] + "` \\| (.*) \\|$").FindStringSubmatch(table)
			if want := strings.ReplaceAll(d[2], `\"`, `"`); row == nil || row[1]+row[2] != want {
				t.Errorf("%s: the README has %q, want %q", d[1], row, want)
			}
		}
		if rows := strings.Count(table, "\n| `"); rows != len(declared) || rows == 0 {
			t.Errorf("%s: %d rows for %d of %s", heading, rows, len(declared), file)
		}
	}
	f("variables.tf", "variable", "Inputs")
	f("outputs.tf", "output", "Outputs")
}

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
