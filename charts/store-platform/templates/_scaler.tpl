{{/* A HorizontalPodAutoscaler, if there is to be one. Call with (list $ "api"). */}}
{{- define "platform.scaler" -}}
{{- $ := index . 0 -}}
{{- $scale := (index $.Values (index . 1)).autoscaling -}}
{{- if $scale.enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $.Release.Name }}-{{ index . 1 }}
  labels: {{- include "platform.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $.Release.Name }}-{{ index . 1 }}}
  minReplicas: {{ $scale.min }}
  maxReplicas: {{ $scale.max }}
  metrics:
    {{- range $what := list "cpu" "memory" }}
    {{- with index $scale $what }}
    - type: Resource
      resource: {name: {{ $what }}, target: {type: Utilization, averageUtilization: {{ . }}}}
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}
