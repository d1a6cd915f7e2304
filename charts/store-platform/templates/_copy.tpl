{{/* The Pod template of a Job that copies the database to the backups or back. Call with (list $ "backup" "NAME=VALUE"...). */}}
{{- define "platform.copy" -}}
{{- $ := index . 0 -}}
metadata:
  labels:
    {{- include "platform.selector" . | nindent 4 }}
    {{- include "platform.onClaim" $ | nindent 4 }}
spec:
  {{- include "platform.noToken" $ | nindent 2 }}
  {{- include "platform.pod" (list $ 10001 10001) | nindent 2 }}
  affinity: {{- include "platform.sameNode" $ | nindent 4 }}
  restartPolicy: Never
  containers:
    - name: {{ index . 1 }}
      {{- include "platform.container" (list $ $.Values.image.api) | nindent 6 }}
      command: [sh, -c, {{ $.Files.Get (printf "files/%s.sh" (index . 1)) | toJson }}]
      env:
        - {name: BACKUPS, value: /var/lib/store-platform/backups}
        {{- range slice . 2 }}
        - {name: {{ first (splitList "=" .) }}, value: {{ last (splitList "=" .) | quote }}}
        {{- end }}
      envFrom:
        - configMapRef: {name: {{ $.Release.Name }}-config}
      resources: {{- include "platform.smallResources" . | nindent 8 }}
      volumeMounts:
        - {name: data, subPath: database, mountPath: /var/lib/store-platform/database}
        - {name: data, subPath: backups, mountPath: /var/lib/store-platform/backups}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: {{ $.Release.Name }}-data}
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
{{- end }}

{{/* What cannot be copied stops the Job at once; only a pod that was removed is made again. */}}
{{- define "platform.copyFails" -}}
backoffLimit: 2
activeDeadlineSeconds: 240
podFailurePolicy:
  rules:
    - action: FailJob
      onExitCodes: {operator: NotIn, values: [0]}
{{- end }}
