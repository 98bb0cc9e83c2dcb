package helm_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// build returns the path of the gateway's binary, built as for the image.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "event-gateway")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "../../cmd/event-gateway")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// layOut makes a root directory with the binary and the volumes, which belong to root and are open to the pod's fsGroup, as the kubelet
// mounts them.
func layOut(t *testing.T, pod pod, binary string) string {
	t.Helper()
	root, err := os.MkdirTemp("", "pod")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	try := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	own := func(path string, mode os.FileMode) {
		if os.Getuid() == 0 {
			try(os.Chown(path, 0, pod.SecurityContext.FsGroup))
		}
		try(os.Chmod(path, mode))
	}
	try(os.Chmod(root, 0o755))
	try(os.Link(binary, filepath.Join(root, "event-gateway")))
	for _, m := range pod.container(t).VolumeMounts {
		dir := filepath.Join(root, m.MountPath)
		try(os.MkdirAll(dir, 0o755))
		own(dir, 0o775|os.ModeSetgid)
		for _, v := range pod.Volumes {
			if v.Name != m.Name || v.Secret.SecretName == "" {
				continue
			}
			cert, key := certificate(t)
			for name, b := range map[string][]byte{"tls.crt": cert, "tls.key": key} {
				try(os.WriteFile(filepath.Join(dir, name), b, 0o600))
				own(filepath.Join(dir, name), os.FileMode(v.Secret.DefaultMode))
			}
		}
	}
	return root
}

// certificate returns one for this machine, with its key.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	s.Close()
	pair := s.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}
