package terraform_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// upgrade: a changed zip is another version, which live goes to, back from, and to again; and then there is nothing left to do.
func upgrade(e *emulator, w *workspace) {
	t := e.t
	t.Helper()
	live := func(want string) {
		t.Helper()
		for _, name := range []string{"gateway-events", "gateway-config"} {
			alias, err := e.lambda().GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: &name, Name: aws.String("live")})
			if err != nil {
				t.Fatal(err)
			}
			if got := aws.ToString(alias.FunctionVersion); got != want {
				t.Errorf("%s: live is version %s, want %s", name, got, want)
			}
		}
	}
	w.zip = withComment(t, w.zip, "another build")
	w.apply()
	live("2")

	back := filepath.Join(w.dir, "rollback_override.tf")
	write(t, back, `module "event_gateway" {
  rollback_versions = { events = "1", config = "1" }
}`)
	w.apply()
	live("1")
	if err := os.Remove(back); err != nil {
		t.Fatal(err)
	}
	w.apply()
	live("2")

	// What the emulator tells otherwise than it was told: see the README.
	known := []string{"module.event_gateway.aws_lambda_event_source_mapping.queue[0]"}
	if changes := w.changes(); !slices.Equal(changes, known) {
		t.Errorf("a plan after the apply would change %q, want %q", changes, known)
	}
}

// withComment returns a copy of a zip, which differs in its comment.
func withComment(t *testing.T, file, comment string) string {
	t.Helper()
	r, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	copied, err := os.Create(filepath.Join(t.TempDir(), "lambda.zip"))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(copied)
	for _, f := range r.File {
		if err := w.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{w.SetComment(comment), w.Close(), copied.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return copied.Name()
}
