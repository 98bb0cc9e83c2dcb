// Package helm_test renders the chart, and holds what it renders against what the gateway and Kubernetes need.
package helm_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const (
	chart   = "event-gateway"
	newest  = "1.30" // that kubectl-validate knows
	minimal = "minimal.yaml"
	all     = "all.yaml"
)

// template runs helm template with a file of ci/ and more arguments, and returns what it printed.
func template(t *testing.T, values string, args ...string) (string, error) {
	t.Helper()
	helm, err := filepath.Abs("../../bin/tools/helm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(helm); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("helm is not built: run `make helm`")
		}
		t.Skip("helm is not built: run `make helm`")
	}
	args = append([]string{"template", chart, "--name-template", "my", "--namespace", "here", "--kube-version", newest, "-f", filepath.Join(chart, "ci", values)}, args...)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(helm, args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", errors.New(stderr.String())
	}
	return stdout.String(), nil
}

// release is what was rendered.
type release []object

// render returns the objects that the values give.
func render(t *testing.T, values string, args ...string) release {
	t.Helper()
	text, err := template(t, values, args...)
	if err != nil {
		t.Fatal(err)
	}
	var r release
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var o object
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return r
		case err != nil:
			t.Fatal(err)
		}
		r = append(r, o)
	}
}

// kind returns the objects of a kind.
func (r release) kind(kind string) release {
	return slices.DeleteFunc(slices.Clone(r), func(o object) bool { return o.Kind != kind })
}

// one returns the object of a kind and, if it is not empty, a name.
func (r release) one(t *testing.T, kind, name string) object {
	t.Helper()
	found := slices.DeleteFunc(r.kind(kind), func(o object) bool { return name != "" && o.Metadata.Name != name })
	if len(found) != 1 {
		t.Fatalf("there are %d of kind %s and name %q", len(found), kind, name)
	}
	return found[0]
}

// pod returns the pod of the Deployment.
func (r release) pod(t *testing.T) pod { return r.one(t, "Deployment", "").Spec.Template.Spec }

// container returns its only container.
func (p pod) container(t *testing.T) container {
	t.Helper()
	if len(p.Containers) != 1 {
		t.Fatalf("the pod has %d containers", len(p.Containers))
	}
	return p.Containers[0]
}

// environment returns what the container gets, with the values of the Secret.
func (r release) environment(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, v := range r.pod(t).container(t).Env {
		if _, twice := env[v.Name]; twice {
			t.Errorf("%s is there twice", v.Name)
		}
		ref := v.ValueFrom.SecretKeyRef
		if ref.Name == "" {
			env[v.Name] = v.Value
			continue
		}
		for _, secret := range r.kind("Secret") {
			if b, err := base64.StdEncoding.DecodeString(secret.Data[ref.Key]); err == nil && len(b) > 0 && secret.Metadata.Name == ref.Name {
				env[v.Name] = string(b)
			}
		}
		if _, found := env[v.Name]; !found {
			env[v.Name] = "Secret " + ref.Name + ": " + ref.Key
			if ref.Optional {
				env[v.Name] += "?"
			}
		}
	}
	return env
}
