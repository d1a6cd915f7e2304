{{/* Labels of every object. Call with (list $ "component"). helm.sh/chart stays out of pods, so that a new chart version restarts nothing by itself. */}}
{{- define "store.labels" -}}
{{- $ := index . 0 -}}
{{- include "store.podLabels" . }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ $.Chart.Name }}-{{ $.Chart.Version }}
{{- end }}

{{- define "store.podLabels" -}}
{{- $ := index . 0 -}}
{{- include "store.selector" . }}
app.kubernetes.io/name: woocommerce-store
app.kubernetes.io/instance: {{ $.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/part-of: store-platform
{{- with $.Values.storeId }}
store-platform.io/store-id: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Selectors cannot change, so these are the labels of the first chart. */}}
{{- define "store.selector" -}}
app: {{ index . 1 }}
store: {{ (index . 0).Values.storeName | quote }}
{{- end }}

{{/* The plan's settings of one component ("mariadb", "wordpress", "wcInit") with the operator's resources laid over, as JSON. */}}
{{- define "store.sizes" -}}
{{- $ := index . 0 -}}
{{- $component := index . 1 -}}
{{- $plan := deepCopy (index $.Values.plans $.Values.plan $component) -}}
{{- mustMergeOverwrite $plan (dict "resources" (index $.Values $component).resources) | toJson -}}
{{- end }}

{{/* First part of a Service's name: before Kubernetes 1.36 it had to begin with a letter (RFC 1035), which "2024" does not. */}}
{{- define "store.service" -}}
{{- if regexMatch "^[0-9]" .Values.storeName }}s{{ end }}{{ .Values.storeName }}
{{- end }}

{{/* First part of the two names that may have 52 characters only: a CronJob's, and a StatefulSet's, since a label
of its pods is that name, "-" and a hash of up to 10 characters (with a longer one no pod can be made). */}}
{{- define "store.short" -}}
{{- regexReplaceAll "-+$" (trunc 44 .Values.storeName) "" -}}
{{- end }}

{{/* The shop's address; a default port is not part of it. */}}
{{- define "store.url" -}}
{{- $scheme := ternary "https" "http" .Values.ingress.tls.enabled -}}
{{- $port := int .Values.storePort -}}
{{- $scheme }}://{{ .Values.storeDomain }}
{{- if not (has $port (list 80 443)) }}:{{ $port }}{{ end }}
{{- end }}

{{/* What Pod Security "restricted" asks of a pod. Call with the user id. */}}
{{- define "store.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What it asks of a container, and a read-only root file system. */}}
{{- define "store.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The part of each pod that is the same: no API token, no link variables (a shop named "wordpress-db" would set WORDPRESS_DB_*). */}}
{{- define "store.pod" -}}
serviceAccountName: {{ .Values.storeName }}-store
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end }}

{{/* The chart's files below a folder as data of a ConfigMap, readable in the cluster. Call with (list $ "files/x"). */}}
{{- define "store.files" -}}
{{- $ := index . 0 -}}
{{- range $path, $_ := $.Files.Glob (printf "%s/*" (index . 1)) }}
{{ base $path }}: |
  {{- $.Files.Get $path | nindent 2 }}
{{- end }}
{{- end }}

{{/* Environment of everything that loads WordPress. Passwords are files: an environment is printed by phpinfo(). */}}
{{- define "store.wordpressEnv" -}}
- {name: WORDPRESS_DB_HOST, value: "{{ include "store.service" . }}-mariadb:3306"}
- {name: WORDPRESS_DB_NAME_FILE, value: /run/secrets/database/database}
- {name: WORDPRESS_DB_USER_FILE, value: /run/secrets/database/user}
- {name: WORDPRESS_DB_PASSWORD_FILE, value: /run/secrets/database/password}
- {name: WORDPRESS_CONFIG_EXTRA, value: "require '/etc/store/config.php';"}
# The leading colon keeps the image's own directory.
- {name: PHP_INI_SCAN_DIR, value: ":/etc/store"}
{{- end }}
{{- define "store.wordpressMounts" -}}
- {name: data, mountPath: /var/www/html}
- {name: files, mountPath: /etc/store, readOnly: true}
- {name: database, mountPath: /run/secrets/database, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end }}
{{- define "store.wordpressVolumes" -}}
- name: data
  persistentVolumeClaim: {claimName: {{ .Values.storeName }}-wordpress-data}
- name: files
  configMap: {name: {{ .Values.storeName }}-wordpress-files}
- name: database
  secret:
    secretName: {{ .Values.storeName }}-db-secret
    defaultMode: 0440
    items:
      - {key: database, path: database}
      - {key: user, path: user}
      - {key: password, path: password}
- name: tmp
  emptyDir: {sizeLimit: 512Mi}
{{- end }}
