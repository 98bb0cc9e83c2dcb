{{- define "event-gateway.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The longest suffix, with its hyphen, has 7 characters, and a name has 63. */}}
{{- define "event-gateway.fullname" -}}
{{- $name := include "event-gateway.name" . }}
{{- $full := .Values.fullnameOverride | default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) }}
{{- $full | trunc 56 | trimSuffix "-" }}
{{- end }}

{{- define "event-gateway.secretName" -}}
{{- .Values.secrets.existing | default (include "event-gateway.fullname" .) }}
{{- end }}

{{- define "event-gateway.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "event-gateway.fullname" .) "default") }}
{{- end }}

{{- define "event-gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "event-gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* A tag may have a digest behind it. */}}
{{- define "event-gateway.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "event-gateway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | splitList "@" | first | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
