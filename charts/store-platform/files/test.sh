# Whether the dashboard's page and the API answer through nginx. bash speaks TCP; the image has no curl.
set -eu
ask() {
	exec 3<>"/dev/tcp/$SERVICE/$PORT"
	printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$1" "$HOST" >&3
	read -r _ status _ <&3
	exec 3<&-
	echo "$1: $status"
	[ "$status" = 200 ]
}
ask /
ask /api/health
