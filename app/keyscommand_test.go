package app_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/keyring"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// runKeys runs event-gateway keys, and wants the exit code and what is said in the end: on stderr, if the code is not 0.
func runKeys(t *testing.T, code int, want string, args ...string) (out string) {
	t.Helper()
	var stdout, stderr strings.Builder
	got := app.KeysCommand(t.Context(), args, nil, &stdout, &stderr)
	said := stdout.String()
	if code != 0 {
		said = stderr.String()
	}
	if got != code || !strings.Contains(said, want) || (code == 0) != (stderr.String() == "") {
		t.Errorf("%q: %d, want %d and %q\n%s%s", args, got, code, want, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func runKeysHelp(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{{"-help"}, {"help"}, {"rotate", "-h"}} {
		var stdout, stderr strings.Builder
		if code := app.KeysCommand(t.Context(), args, nil, &stdout, &stderr); code != 0 || !strings.HasPrefix(stderr.String(), "Usage: event-gateway keys") {
			t.Errorf("%q: %d %s", args, code, stderr.String())
		}
	}
}

func readKeys(t *testing.T, file string) *keyring.Keys {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Parse(t.Context(), text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

const secretMarker = "a-secret-that-nobody-may-see"

// createSecret registers a function that has secrets, in a realm of the store.
func createSecret(t *testing.T, url string, realm store.Realm, space string, keys *keyring.Keys) {
	t.Helper()
	s, err := app.OpenStore(url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, keys)
	live := store.NewLive(s, realm, rules, slog.New(slog.DiscardHandler))
	if err := live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := rules.DecodeFunction(fmt.Appendf(nil, `{"functionId":"f","type":"awslambda","provider":{"arn":"f","region":"us-east-1","awsAccessKeyId":"k","awsSecretAccessKey":%q}}`, secretMarker), space, "")
	if err == nil {
		_, err = store.NewConfig(s, live, rules).CreateFunction(t.Context(), f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestKeysCommand: the way through a rotation, over all realms of a store, and back again after each step that failed.
func TestKeysCommand(t *testing.T) {
	addr := storetest.FreeAddr(t)
	kill := bootEtcd(t, t.TempDir(), addr)
	defer kill()
	url, file := "etcd://"+addr+"/keys", filepath.Join(t.TempDir(), "keys.json")
	runKeys(t, 0, "seals and opens", "create", file)
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Error(info, err)
	}
	first := readKeys(t, file)
	runKeys(t, 2, "exists", "create", file)
	runKeys(t, 0, "0 of 0 functions", "rotate", "-store", url, file)
	runKeysHelp(t)
	if out := runKeys(t, 0, "opens only", "add", file); strings.Count(out, "\n") != 2 {
		t.Error(out)
	}
	for realm, space := range map[store.Realm]string{store.Shared: "default", "acme": "acme", "eva": "eva"} {
		createSecret(t, url, realm, space, first)
	}
	runKeys(t, 2, "-store URL is missing", "rotate", file)
	runKeys(t, 2, "which each process has its own of", "rotate", "-store", "memory:", file)
	runKeys(t, 2, "no kind of store", "rotate", "-store", "mysql://h", file)
	if k := readKeys(t, file); k.Primary() != first.Primary() || len(k.IDs()) != 2 {
		t.Error("a rotation that failed changed the file")
	}
	runKeys(t, 0, "3 of 3 functions with secrets were sealed anew", "rotate", "-store", url, file)
	runKeys(t, 0, "0 of 3 functions", "rotate", file, "-store", url)
	createSecret(t, url, "late", "late", first) // by a gateway that has the old file
	runKeys(t, 0, "1 of 4 functions", "remove", "-store", url, file)
	last := readKeys(t, file)
	if len(last.IDs()) != 1 || last.Primary() == first.Primary() {
		t.Error(last.IDs())
	}
	runKeys(t, 0, fmt.Sprintf("key       %d seals and opens\n", last.Primary()), "list", file)

	stranger, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	createSecret(t, url, "strange", "strange", stranger)
	runKeys(t, 1, `function "f" of the space "strange": provider.awsAccessKeyId: it was sealed with the key`, "remove", "-store", url, file)
	link := filepath.Join(t.TempDir(), "link.json")
	if err := errors.Join(os.Chmod(file, 0o640), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	runKeys(t, 0, "opens only", "add", link)
	info, err := os.Stat(file)
	if target, e := os.Readlink(link); err != nil || e != nil || target != file || info.Mode() != 0o640 || len(readKeys(t, file).IDs()) != 2 {
		t.Error(info.Mode(), target, err, e)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestKeysCommandWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nonsense := filepath.Join(dir, "nonsense")
	if err := os.WriteFile(nonsense, []byte(secretMarker), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(code int, want string, args ...string) {
		t.Helper()
		if out := runKeys(t, code, want, args...); strings.Contains(out+want, secretMarker) {
			t.Error(out)
		}
	}
	f(2, "Usage: event-gateway keys")
	f(2, "after keys comes create, list", "crate", "x")
	f(2, "takes the name of one file, and there are 0", "create")
	f(2, "takes the name of one file, and there are 2", "list", "a", "b")
	f(2, "no such file", "list", filepath.Join(dir, "none"))
	f(2, "no such file", "create", filepath.Join(dir, "none", "keys.json"))
	f(2, "these are no keys as event-gateway keys create makes them", "list", nonsense)
	f(2, "flag provided but not defined: -stroe (event-gateway keys -help)", "rotate", "-stroe", "x", nonsense)
	f(2, "names no key in AWS KMS", "create", "-kms", "gcp-kms://x", filepath.Join(dir, "keys.json"))
}

// awsOnly sets the environment for an emulator of AWS KMS.
func awsOnly(t *testing.T, endpoint string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_KMS": endpoint, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_CA_BUNDLE": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
}

// TestKeysKMS: the file is encrypted with a key of KMS, as moto has it.
func TestKeysKMS(t *testing.T) {
	endpoint := servers.Moto(t)
	awsOnly(t, endpoint)
	client := kms.New(kms.Options{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")})
	var uris []string
	for range 2 {
		made, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
		if err != nil {
			t.Fatal(err)
		}
		uris = append(uris, "awskms://"+aws.ToString(made.KeyMetadata.Arn))
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	runKeys(t, 0, "seals and opens", "create", "-kms", uris[0], file)
	runKeys(t, 0, "opens only", "add", "-kms", uris[0], file)
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "encryptedKeyset") || strings.Contains(string(text), `"keyData"`) {
		t.Error(string(text), err)
	}
	runKeys(t, 2, "the keys are encrypted: -secret-keys-kms", "list", file)
	runKeys(t, 2, "could not be decrypted", "list", "-kms", uris[1], file)

	f := func(want string, args ...string) {
		t.Helper()
		o, err := app.ParseOptions(append(args, "-store", "memory:", "-events-port", "0", "-config-port", "0"), os.Stderr)
		if err == nil {
			var a *app.App
			if a, err = app.New(t.Context(), o, nil, slog.New(slog.DiscardHandler)); err == nil {
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				err = a.Run(ended, func() {})
			}
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	f("", "-secret-keys-file", file, "-secret-keys-kms", uris[0])
	f("keys.json: the keys could not be decrypted", "-secret-keys-file", file, "-secret-keys-kms", uris[1])
	f("the keys are encrypted", "-secret-keys-file", file)
	f("-secret-keys-kms opens keys, and there are none", "-secret-keys-kms", uris[0])
	t.Setenv("EVENT_GATEWAY_SECRET_KEYS", string(text))
	f("", "-secret-keys-kms", uris[0])
}

// TestSecretKeys: which gateways start without keys, and which make some.
func TestSecretKeys(t *testing.T) {
	t.Setenv("EVENT_GATEWAY_CONFIG_TOKEN", "0123456789abcdef")
	dir := t.TempDir()
	f := func(want string, args ...string) {
		t.Helper()
		_, err := app.ParseOptions(args, os.Stderr)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	f("")
	f("a hosted gateway needs keys to seal the secrets of functions", "-hosted-domain", "example.com")
	f("", "-hosted-domain", "example.com", "-store", "memory:")
	f("", "-hosted-domain", "example.com", "-dev")
	f("no such file", "-secret-keys-file", filepath.Join(dir, "none"))

	addr := storetest.FreeAddr(t)
	kill := bootEtcd(t, t.TempDir(), addr)
	defer kill()
	var made fs.FileInfo
	for range 2 { // the second finds what the first has made
		r := start(t, "-dev", "-store", "etcd://"+addr, "-embed-data-dir", dir)
		r.waitReady(t)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "secret-keys.json"))
		if err != nil || info.Mode() != 0o600 || made != nil && !info.ModTime().Equal(made.ModTime()) {
			t.Fatal(info, err)
		}
		made = info
	}
}
