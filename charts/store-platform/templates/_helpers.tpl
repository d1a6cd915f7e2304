{{/* Labels of every object. Call with (list $ "component"). There is no part-of: it marks what belongs to stores. */}}
{{- define "platform.labels" -}}
{{- $ := index . 0 -}}
{{- include "platform.selector" . }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ $.Chart.Name }}-{{ $.Chart.Version }}
{{- end }}

{{- define "platform.selector" -}}
{{- include "platform.instance" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "platform.instance" -}}
app.kubernetes.io/name: store-platform
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Pods that have the claim carry this beside their selector's labels. */}}
{{- define "platform.onClaim" -}}
store-platform.io/claim: {{ .Release.Name | quote }}
{{- end }}

{{/* SQLite's write-ahead log is shared memory: all of its pods are on one node, whichever the first one got. */}}
{{- define "platform.sameNode" -}}
podAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels: {{- include "platform.onClaim" . | nindent 10 }}
{{- end }}

{{/* The part of each pod that is the same. Call with (list $ user). All have one group, which owns the claim:
the key files in it are their own user's alone, so API and provisioner have different ones. */}}
{{- define "platform.pod" -}}
{{- $ := index . 0 -}}
enableServiceLinks: false
# A new pod may be unknown to the policies for a moment, and its first question is lost.
dnsConfig: {options: [{name: timeout, value: "1"}, {name: attempts, value: "8"}]}
{{- with $.Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 1 }}
  runAsGroup: {{ index . 2 }}
  fsGroup: {{ index . 2 }}
  # A second look would give the group a right to the key files.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* For pods that have no business with the Kubernetes API. */}}
{{- define "platform.noToken" -}}
serviceAccountName: {{ .Release.Name }}-plain
automountServiceAccountToken: false
{{- end }}

{{- define "platform.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "platform.container" -}}
image: {{ index . 1 | quote }}
imagePullPolicy: {{ (index . 0).Values.image.pullPolicy }}
securityContext: {{- include "platform.containerSecurity" . | nindent 2 }}
{{- end }}

{{/* A pod of a moment: the backup and helm test. */}}
{{- define "platform.smallResources" -}}
requests: {memory: 32Mi, cpu: 20m}
limits: {memory: 128Mi, cpu: 500m}
{{- end }}

{{/* Pods with these labels in that namespace. */}}
{{- define "platform.peer" -}}
namespaceSelector:
  matchLabels: {kubernetes.io/metadata.name: {{ .namespace | quote }}}
podSelector:
  matchLabels: {{- toYaml .podLabels | nindent 4 }}
{{- end }}

{{/* A change of the configuration starts the pods anew. */}}
{{- define "platform.checksum" -}}
store-platform.io/configuration: {{ include (print .Template.BasePath "/config.yaml") . | sha256sum }}
{{- end }}
