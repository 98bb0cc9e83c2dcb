package helm_test

import (
	"encoding/base64"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// files returns the names of the files in ci/.
func files(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(chart, "ci", "*.yaml"))
	if err != nil || len(paths) < 5 {
		t.Fatal(err, paths)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

func TestRefused(t *testing.T) {
	t.Parallel()
	f := func(set, want string) {
		t.Helper()
		if _, err := template(t, minimal, "--set", set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", set, err, want)
		}
	}
	f("image.repository=", "there is no public image")
	f("image.tag=", "there is no public image")
	f("store=", "say where the configuration is")
	f("store=etcd://user:secret@etcd:2379", "whoever may read the Deployment could read the password")
	f("store=consul://:secret@consul:8500", "whoever may read the Deployment could read the password")
	f("store=embed:", "each pod has a configuration of its own")
	f("store=memory:", "each pod has a configuration of its own")
	f(`store=embed:,replicas=1,autoscaling.enabled=true`, "each pod has a configuration of its own")
	f("secrets.configToken=", "the Config API needs a token")
	f("secrets.configToken=short", "want 32")
	f("secrets.lineageKey=short", "want 16")
	f("secrets.existing=mine", "Leave the other values empty")
	f("hostedDomains={a.example.com}", "a hosted gateway needs secrets.secretKeys")
	f("events.ingress.enabled=true", "name at least one host")
	f("env[0].name=EVENT_GATEWAY_CONFIG_PORT,env[0].value=x", "has a value of its own among the chart's")
	f("env[0].name=EVENT_GATEWAY_SECRET_KEYS,env[0].value=secret", "is a secret")
	f("queue=https://sqs.us-east-1.amazonaws.com/1/q", "does not match pattern")
	f("replica=3", "additional properties 'replica' not allowed")
}

func TestSecretsAreInSecretsOnly(t *testing.T) {
	t.Parallel()
	for _, file := range files(t) {
		b, err := os.ReadFile(filepath.Join(chart, "ci", file))
		if err != nil {
			t.Fatal(err)
		}
		var values struct{ Secrets map[string]string }
		if err := yaml.Unmarshal(b, &values); err != nil {
			t.Fatal(err)
		}
		delete(values.Secrets, "existing") // a name
		text, err := template(t, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range strings.Split(text, "\n---\n") {
			isSecret := strings.Contains(doc, "\nkind: Secret\n")
			for name, secret := range values.Secrets {
				encoded := base64.StdEncoding.EncodeToString([]byte(secret))
				if strings.Contains(doc, secret) || strings.Contains(doc, encoded) != isSecret {
					t.Errorf("%s: %s is where it should not be, or is not where it should be:\n%s", file, name, doc)
				}
			}
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	f := func(values string, want map[string]string) {
		t.Helper()
		maps.Copy(want, map[string]string{"EVENTS_PORT": "4000", "CONFIG_PORT": "4001", "CONFIG_ADDR": "0.0.0.0"})
		got := map[string]string{}
		for name, value := range render(t, values).environment(t) {
			got[strings.TrimPrefix(name, "EVENT_GATEWAY_")] = value
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: got\n%v\nwant\n%v", values, got, want)
		}
	}
	const token = "not-a-real-token-but-as-long-as-one"
	f(minimal, map[string]string{
		"STORE": "etcd://etcd:2379/event-gateway", "SNAPSHOT_FILE": "/var/lib/event-gateway/snapshot",
		"DRAIN_TIMEOUT": "20s", "CONFIG_TOKEN": token,
	})
	f("embed.yaml", map[string]string{
		"STORE": "embed:", "EMBED_DATA_DIR": "/var/lib/event-gateway/etcd", "DRAIN_TIMEOUT": "20s", "CONFIG_TOKEN": token,
	})
	f("memory.yaml", map[string]string{"STORE": "memory:", "DRAIN_TIMEOUT": "20s", "CONFIG_TOKEN": token})
	f("existing.yaml", map[string]string{
		"STORE": "dynamodb://event-gateway?region=us-east-1", "SNAPSHOT_FILE": "/var/lib/event-gateway/snapshot", "DRAIN_TIMEOUT": "20s",
		"CONFIG_TOKEN": "Secret gateway-secrets: config-token", "LINEAGE_KEY": "Secret gateway-secrets: lineage-key?",
		"SECRET_KEYS": "Secret gateway-secrets: secret-keys?", "STORE_PASSWORD": "Secret gateway-secrets: store-password?",
	})
	f(all, map[string]string{
		"STORE":         "etcd://gateway@etcd-1:2379,etcd-2:2379/event-gateway?ca=/etc/store/ca.crt",
		"SNAPSHOT_FILE": "/var/lib/event-gateway/snapshot", "DRAIN_TIMEOUT": "40s",
		"QUEUE":         "sqs://sqs.us-east-1.amazonaws.com/123456789012/events?dead-letter=events-dead",
		"HOSTED_DOMAIN": "events.example.com,events.example.org", "LOG_LEVEL": "debug",
		"CONFIG_TOKEN": token, "LINEAGE_KEY": "not-a-real-lineage-key", "SECRET_KEYS": "not-real-secret-keys",
		"STORE_PASSWORD": "not-a-real-store-password", "AWS_SECRET_ACCESS_KEY": "Secret aws: secret",
		"EVENTS_TLS_CERT": "/etc/event-gateway/events-tls/tls.crt", "EVENTS_TLS_KEY": "/etc/event-gateway/events-tls/tls.key",
		"CONFIG_TLS_CERT": "/etc/event-gateway/config-tls/tls.crt", "CONFIG_TLS_KEY": "/etc/event-gateway/config-tls/tls.key",
	})
}

func TestConfigIsForTheClusterOnly(t *testing.T) {
	t.Parallel()
	r := render(t, all)
	if got := r.one(t, "Service", "the-gateway-config").Spec.Type; got != "ClusterIP" {
		t.Errorf("the Config API is at a %s", got)
	}
	for _, rule := range r.one(t, "Ingress", "").Spec.Rules {
		if s := rule.HTTP.Paths[0].Backend.Service; rule.Host == "" || s.Name != "the-gateway-events" || s.Port.Name != "events" {
			t.Errorf("%q goes to %v", rule.Host, s)
		}
	}
	f := func(values string, want int) {
		t.Helper()
		rules := 0
		for _, rule := range render(t, values).one(t, "NetworkPolicy", "").Spec.Ingress {
			if len(rule.From) == 0 && (len(rule.Ports) != 1 || rule.Ports[0].Port != "events") {
				t.Errorf("%s: everybody reaches %v", values, rule.Ports)
			}
			if len(rule.From) > 0 {
				rules++
			}
		}
		if rules != want {
			t.Errorf("%s: %d rules let somebody in, want %d", values, rules, want)
		}
	}
	f(all, 1)
	f("existing.yaml", 0)
}

func TestPod(t *testing.T) {
	t.Parallel()
	for _, file := range files(t) {
		r := render(t, file)
		deployment := r.one(t, "Deployment", "")
		pod, c := r.pod(t), r.pod(t).container(t)
		// The variables that Kubernetes makes of Services would be taken for options.
		if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
			t.Errorf("%s: service links are on", file)
		}
		if u := pod.SecurityContext; !u.RunAsNonRoot || u.RunAsUser != 65532 || u.RunAsGroup != 65532 || u.FsGroup != 65532 {
			t.Errorf("%s: the user is %+v", file, u)
		}
		if s := c.SecurityContext; !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
			t.Errorf("%s: the container may do %+v", file, s)
		}
		if len(c.Args) > 0 {
			t.Errorf("%s: others could read the arguments %v", file, c.Args)
		}
		want := "RollingUpdate"
		if file == "embed.yaml" {
			want = "Recreate"
		}
		if got := deployment.Spec.Strategy.Type; got != want {
			t.Errorf("%s: the strategy is %s", file, got)
		}
		if scaled := len(r.kind("HorizontalPodAutoscaler")) > 0; scaled != (deployment.Spec.Replicas == nil) {
			t.Errorf("%s: both the Deployment and an autoscaler say how many pods there are, or none", file)
		}
	}
}

// A pod has time for the pause and the drain, and older versions of Kubernetes know of no pause.
func TestEnd(t *testing.T) {
	t.Parallel()
	f := func(values, version string, pause, grace int) {
		t.Helper()
		r := render(t, values, "--kube-version", version)
		got := r.pod(t).container(t).Lifecycle.PreStop.Sleep.Seconds
		if got != pause || r.pod(t).TerminationGracePeriodSeconds != grace {
			t.Errorf("%s, %s: a pause of %d s of %d s", values, version, got, r.pod(t).TerminationGracePeriodSeconds)
		}
	}
	f(minimal, "1.29", 0, 30)
	f(minimal, "v1.30.4-eks-a1b2c3", 5, 30)
	f(all, "1.30", 10, 55)
	f("existing.yaml", "1.30", 0, 25)
}
