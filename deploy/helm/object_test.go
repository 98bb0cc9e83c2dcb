package helm_test

// object has those fields of all kinds that the tests look at.
type object struct {
	Kind     string
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Data map[string]string
	Spec spec
}

type spec struct {
	Type     string
	Replicas *int
	Strategy struct{ Type string }
	// A map, with matchLabels in it except in a Service.
	Selector    map[string]any
	PodSelector map[string]any `yaml:"podSelector"`
	Template    struct {
		Metadata struct{ Labels map[string]string }
		Spec     pod
	}
	Ports []struct {
		Name       string
		TargetPort string `yaml:"targetPort"`
	}
	Ingress        []policyRule
	Rules          []ingressRule
	ScaleTargetRef struct{ Kind, Name string } `yaml:"scaleTargetRef"`
	Endpoints      []endpoint
}

type policyRule struct {
	Ports []struct{ Port string }
	From  []any
}

type ingressRule struct {
	Host string
	HTTP struct {
		Paths []struct {
			Path    string
			Backend struct {
				Service struct {
					Name string
					Port struct{ Name string }
				}
			}
		}
	}
}

type endpoint struct {
	Port, Path, Scheme string
	Authorization      struct{ Credentials keyRef }
}

type pod struct {
	ServiceAccountName            string      `yaml:"serviceAccountName"`
	EnableServiceLinks            *bool       `yaml:"enableServiceLinks"`
	TerminationGracePeriodSeconds int         `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               podSecurity `yaml:"securityContext"`
	Volumes                       []volume
	Containers                    []container
}

type podSecurity struct {
	RunAsNonRoot bool `yaml:"runAsNonRoot"`
	RunAsUser    int  `yaml:"runAsUser"`
	RunAsGroup   int  `yaml:"runAsGroup"`
	FsGroup      int  `yaml:"fsGroup"`
}

type volume struct {
	Name   string
	Secret struct {
		SecretName  string `yaml:"secretName"`
		DefaultMode int    `yaml:"defaultMode"`
	}
	PersistentVolumeClaim struct {
		ClaimName string `yaml:"claimName"`
	} `yaml:"persistentVolumeClaim"`
}

type container struct {
	Args  []string
	Env   []variable
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	LivenessProbe  probe `yaml:"livenessProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	Lifecycle      struct {
		PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
	}
	SecurityContext struct {
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

type variable struct {
	Name, Value string
	ValueFrom   struct {
		SecretKeyRef keyRef `yaml:"secretKeyRef"`
	} `yaml:"valueFrom"`
}

type keyRef struct {
	Name, Key string
	Optional  bool
}

type probe struct {
	HTTPGet struct{ Path, Port, Scheme string } `yaml:"httpGet"`
}
