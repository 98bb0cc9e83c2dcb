package terraform_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// workspace is a copy of the module and an example of it, which is applied to an emulator.
type workspace struct {
	t   *testing.T
	dir string // of the example
	zip string
}

// override is what an example gets besides, so that it goes to the emulator, and without what that cannot do: see the README of the module.
const override = `
provider "aws" {
  region                      = "REGION"
  access_key                  = "terraform"
  secret_key                  = "terraform"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    apigatewayv2 = "ENDPOINT"
    cloudwatch   = "ENDPOINT"
    dynamodb     = "ENDPOINT"
    iam          = "ENDPOINT"
    kms          = "ENDPOINT"
    lambda       = "ENDPOINT"
    logs         = "ENDPOINT"
    sqs          = "ENDPOINT"
    sts          = "ENDPOINT"
  }
}

module "event_gateway" {
  deletion_protection  = false
  recursion_config     = false
  redrive_allow_policy = false
}
`

// whiteSpace is what the module gets besides: the emulator tells a policy with other white space than it was told, and each apply would wait
// for half a minute for a queue that is as it should be.
const whiteSpace = `
resource "aws_sqs_queue" "events" {
  lifecycle {
    ignore_changes = [redrive_policy]
  }
}
`

// newWorkspace returns a workspace for an example, with the providers in place.
func newWorkspace(t *testing.T, example, endpoint, zip string) *workspace {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		missing(t, "terraform is missing: version 1.9 or later is needed, from https://developer.hashicorp.com/terraform/install")
	}
	copied := t.TempDir()
	for _, folder := range []string{".", filepath.Join("examples", example)} {
		files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(copied, file), string(text))
		}
	}
	w := &workspace{t: t, dir: filepath.Join(copied, "examples", example), zip: zip}
	write(t, filepath.Join(w.dir, "emulator_override.tf"), strings.NewReplacer("ENDPOINT", endpoint, "REGION", region).Replace(override))

	write(t, filepath.Join(copied, "emulator_override.tf"), whiteSpace)

	args := []string{"init", "-input=false"}
	plugins, err := exec.Command("../tools/terraform.sh", "plugins").Output()
	if folder := strings.TrimSpace(string(plugins)); err == nil && folder != "" {
		args = append(args, "-plugin-dir="+folder)
	} else if os.Getenv("TF_PLUGIN_CACHE_DIR") == "" {
		missing(t, "the AWS provider of Terraform is missing: TERRAFORM_PLUGINS names a folder with it, or TF_PLUGIN_CACHE_DIR one that it may be downloaded to")
	}
	w.run(args...)
	return w
}

// apply makes all that the example has.
func (w *workspace) apply() {
	w.t.Helper()
	w.run("apply", "-auto-approve", "-input=false", "-var=zip="+w.zip)
}

func (w *workspace) destroy() {
	w.t.Helper()
	w.run("destroy", "-auto-approve", "-input=false", "-var=zip="+w.zip)
}

// changes returns the addresses of what a plan would change.
func (w *workspace) changes() (addresses []string) {
	w.t.Helper()
	w.run("plan", "-input=false", "-out=plan", "-var=zip="+w.zip)
	var plan struct {
		Changes []struct {
			Address string
			Change  struct{ Actions []string }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(w.run("show", "-json", "plan"), &plan); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range plan.Changes {
		if !slices.Equal(c.Change.Actions, []string{"no-op"}) && !slices.Equal(c.Change.Actions, []string{"read"}) {
			addresses = append(addresses, c.Address)
		}
	}
	slices.Sort(addresses)
	return addresses
}

// outputs returns the outputs that are text.
func (w *workspace) outputs() map[string]string {
	w.t.Helper()
	var all map[string]struct{ Value any }
	if err := json.Unmarshal(w.run("output", "-json"), &all); err != nil {
		w.t.Fatal(err)
	}
	texts := make(map[string]string)
	for name, output := range all {
		texts[name], _ = output.Value.(string)
	}
	return texts
}

// run runs terraform, which must succeed, and returns what it wrote to the standard output.
func (w *workspace) run(args ...string) []byte {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "terraform", append([]string{"-chdir=" + w.dir}, append(args, "-no-color")...)...)
	cmd.Env = environment()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		why := ""
		if exit, ok := err.(*exec.ExitError); ok {
			why = string(exit.Stderr)
		}
		w.t.Fatalf("terraform %s: %v\n%s\n%s", strings.Join(args, " "), err, out, why)
	}
	w.t.Logf("terraform %s: %v", args[0], time.Since(began).Round(time.Second))
	return out
}

// environment is that of the test, without what it says of AWS, and of Terraform besides where providers are.
func environment() []string {
	env := []string{"CHECKPOINT_DISABLE=1", "AWS_EC2_METADATA_DISABLED=true"}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && (!strings.HasPrefix(variable, "TF_") || strings.HasPrefix(variable, "TF_PLUGIN_CACHE_DIR=")) {
			env = append(env, variable)
		}
	}
	return env
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// missing skips the test; in CI nothing may be missing.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
