{{/* The gateway's options, as a list of variables. Secrets are named, never written out. */}}
{{- define "event-gateway.env" -}}
- name: EVENT_GATEWAY_STORE
  value: {{ .Values.store | quote }}
{{- if eq .Values.store "embed:" }}
- name: EVENT_GATEWAY_EMBED_DATA_DIR
  value: /var/lib/event-gateway/etcd
{{- else if ne .Values.store "memory:" }}
- name: EVENT_GATEWAY_SNAPSHOT_FILE
  value: /var/lib/event-gateway/snapshot
{{- end }}
- name: EVENT_GATEWAY_EVENTS_PORT
  value: "4000"
- name: EVENT_GATEWAY_CONFIG_PORT
  value: "4001"
{{- /* All addresses: those of the pod, and the one that kubectl port-forward asks. */}}
- name: EVENT_GATEWAY_CONFIG_ADDR
  value: 0.0.0.0
- name: EVENT_GATEWAY_DRAIN_TIMEOUT
  value: {{ int .Values.drainTimeout }}s
{{- with .Values.queue }}
- name: EVENT_GATEWAY_QUEUE
  value: {{ . | quote }}
{{- end }}
{{- with .Values.hostedDomains }}
- name: EVENT_GATEWAY_HOSTED_DOMAIN
  value: {{ join "," . | quote }}
{{- end }}
{{- range $api := list "events" "config" }}
{{- if (index $.Values $api).tlsSecret }}
- name: EVENT_GATEWAY_{{ upper $api }}_TLS_CERT
  value: /etc/event-gateway/{{ $api }}-tls/tls.crt
- name: EVENT_GATEWAY_{{ upper $api }}_TLS_KEY
  value: /etc/event-gateway/{{ $api }}-tls/tls.key
{{- end }}
{{- end }}
{{- include "event-gateway.secretEnv" . }}
{{- end }}

{{/* Of a Secret that is not ours only the token must be there. */}}
{{- define "event-gateway.secretEnv" -}}
{{- $s := .Values.secrets }}
{{- range $key, $value := dict "config-token" $s.configToken "lineage-key" $s.lineageKey "secret-keys" $s.secretKeys "store-password" $s.storePassword }}
{{- if or $value $s.existing }}
- name: EVENT_GATEWAY_{{ $key | upper | replace "-" "_" }}
  valueFrom:
    secretKeyRef:
      name: {{ include "event-gateway.secretName" $ }}
      key: {{ $key }}
      {{- if and $s.existing (ne $key "config-token") }}
      optional: true
      {{- end }}
{{- end }}
{{- end }}
{{- end }}
