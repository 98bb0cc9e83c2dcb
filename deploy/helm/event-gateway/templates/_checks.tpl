{{/* What would fail only in the cluster, or would make known what it should not. */}}
{{- define "event-gateway.checks" -}}
{{- $ := . }}
{{- with .Values }}
{{- if not (and .image.repository .image.tag) }}
{{- fail "image.repository and image.tag: there is no public image. Build one with deploy/Dockerfile, push it to where the cluster pulls from, and name it here." }}
{{- end }}
{{- if not .store }}
{{- fail "store: say where the configuration is, such as etcd://HOST:2379/PREFIX." }}
{{- end }}
{{- if regexMatch "://.*:.*@" .store }}
{{- fail "store: whoever may read the Deployment could read the password. Leave only the user in the URL, and put the password into secrets.storePassword." }}
{{- end }}
{{- if and (has .store (list "embed:" "memory:")) (or .autoscaling.enabled (gt (int .replicas) 1)) }}
{{- fail (printf "store: with %s each pod has a configuration of its own. Set replicas to 1 and leave autoscaling off, or name another store." .store) }}
{{- end }}
{{- if not (or .secrets.configToken .secrets.existing) }}
{{- fail "secrets: the Config API needs a token, as the whole cluster may reach it. Set secrets.configToken (openssl rand -hex 32), or name in secrets.existing a Secret with the key config-token." }}
{{- end }}
{{- if and .secrets.existing (or .secrets.configToken .secrets.lineageKey .secrets.secretKeys .secrets.storePassword) }}
{{- fail "secrets: with secrets.existing all of them come from that Secret. Leave the other values empty." }}
{{- end }}
{{- if and .hostedDomains (not (or .secrets.secretKeys .secrets.existing)) }}
{{- fail "hostedDomains: a hosted gateway needs secrets.secretKeys (event-gateway keys create)." }}
{{- end }}
{{- if and .events.ingress.enabled (not .events.ingress.hosts) }}
{{- fail "events.ingress.hosts: name at least one host, or the Ingress would take the requests of all." }}
{{- end }}
{{- $ours := list }}
{{- range include "event-gateway.env" $ | fromYamlArray }}
{{- $ours = append $ours .name }}
{{- end }}
{{- $secrets := list "EVENT_GATEWAY_CONFIG_TOKEN" "EVENT_GATEWAY_LINEAGE_KEY" "EVENT_GATEWAY_SECRET_KEYS" "EVENT_GATEWAY_STORE_PASSWORD" }}
{{- range .env }}
{{- if has .name $ours }}
{{- fail (printf "env: %s has a value of its own among the chart's." .name) }}
{{- end }}
{{- if and (has .name $secrets) .value }}
{{- fail (printf "env: %s is a secret, which whoever may read the Deployment could read. Set it in secrets." .name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
