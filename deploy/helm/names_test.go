package helm_test

import (
	"slices"
	"strings"
	"testing"
)

// What names something names what is there.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, file := range files(t) {
		for _, name := range []string{"my", "event-gateway", strings.Repeat("x", 53)} {
			r := render(t, file, "--name-template", name)
			checkSelectors(t, r)
			checkReferences(t, r)
			for _, o := range r {
				if len(o.Metadata.Name) > 63 {
					t.Errorf("%s %s has %d characters", o.Kind, o.Metadata.Name, len(o.Metadata.Name))
				}
			}
		}
	}
}

func checkSelectors(t *testing.T, r release) {
	t.Helper()
	labels := r.one(t, "Deployment", "").Spec.Template.Metadata.Labels
	for _, o := range r {
		selector, chosen := o.Spec.Selector, labels
		switch o.Kind {
		case "NetworkPolicy":
			selector = o.Spec.PodSelector
		case "ServiceMonitor":
			for _, service := range r.kind("Service") {
				if service.Spec.Ports[0].Name == "config" {
					chosen = service.Metadata.Labels
				}
			}
		case "Deployment", "PodDisruptionBudget", "Service":
		default:
			continue
		}
		if inner, ok := selector["matchLabels"].(map[string]any); ok {
			selector = inner
		}
		// A version among them would part old pods from new ones, and could not be changed in a Deployment.
		if want := map[bool]int{true: 3, false: 2}[o.Kind == "ServiceMonitor"]; len(selector) != want {
			t.Errorf("%s %s selects %v", o.Kind, o.Metadata.Name, selector)
		}
		for k, v := range selector {
			if chosen[k] != v {
				t.Errorf("%s %s selects %s=%v, which is %q", o.Kind, o.Metadata.Name, k, v, chosen[k])
			}
		}
	}
}

func checkReferences(t *testing.T, r release) {
	t.Helper()
	deployment, pod, c := r.one(t, "Deployment", ""), r.pod(t), r.pod(t).container(t)
	for _, o := range r.kind("ServiceAccount") {
		if o.Metadata.Name != pod.ServiceAccountName {
			t.Errorf("the pod is run as %s, there is %s", pod.ServiceAccountName, o.Metadata.Name)
		}
	}
	for _, o := range r.kind("HorizontalPodAutoscaler") {
		if o.Spec.ScaleTargetRef.Name != deployment.Metadata.Name {
			t.Errorf("%s is scaled, there is %s", o.Spec.ScaleTargetRef.Name, deployment.Metadata.Name)
		}
	}
	ports := map[string]int{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	if ports["events"] != 4000 || ports["config"] != 4001 || c.LivenessProbe.HTTPGet.Port != "config" || c.ReadinessProbe.HTTPGet.Port != "config" {
		t.Errorf("the ports are %v, the probes %v %v", ports, c.LivenessProbe, c.ReadinessProbe)
	}
	for _, o := range r.kind("Service") {
		p := o.Spec.Ports[0]
		if p.TargetPort != p.Name || !strings.HasSuffix(o.Metadata.Name, "-"+p.Name) {
			t.Errorf("%s has the port %v", o.Metadata.Name, p)
		}
	}
	for _, o := range r.kind("ServiceMonitor") {
		e := o.Spec.Endpoints[0]
		token := slices.IndexFunc(c.Env, func(v variable) bool { return v.ValueFrom.SecretKeyRef == e.Authorization.Credentials })
		scheme := c.ReadinessProbe.HTTPGet.Scheme == "HTTPS"
		if e.Port != "config" || token < 0 || c.Env[token].Name != "EVENT_GATEWAY_CONFIG_TOKEN" || (e.Scheme == "https") != scheme {
			t.Errorf("what is scraped is %+v", e)
		}
	}
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(pod.Volumes, func(v volume) bool { return v.Name == m.Name })
		if i < 0 {
			t.Errorf("there is no volume %s", m.Name)
		} else if claim := pod.Volumes[i].PersistentVolumeClaim.ClaimName; claim != "" {
			r.one(t, "PersistentVolumeClaim", claim)
		}
	}
}
