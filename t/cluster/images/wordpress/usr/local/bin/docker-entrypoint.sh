#!/bin/sh
# A stand-in for tests: what the official image's entrypoint of this name does, on Debian's
# WordPress. An empty site gets the core; one without settings gets the
# wp-config.php that reads them from the environment, with keys of its own.
set -eu

site=/var/www/html
image=/usr/src/wordpress

# Official keys are 40 hexadecimal digits as well.
make_settings() {
	while IFS= read -r line; do
		case $line in
		*'put your unique phrase here'*)
			key=$(head -c 20 /dev/urandom | od -An -tx1 | tr -d ' \n')
			printf '%s%s%s\n' "${line%%put your*}" "$key" "${line##*phrase here}"
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$image/wp-config-docker.php"
}

case ${1-} in
apache2*)
	if [ ! -e "$site/index.php" ] && [ ! -e "$site/wp-includes/version.php" ]; then
		echo "WordPress not found in $site - copying now..." >&2
		(cd $image && tar -cf - .) | (cd $site && tar -xf - --no-overwrite-dir --no-same-permissions)
		echo "Complete! WordPress has been successfully copied to $site" >&2
	fi
	if [ ! -s "$site/wp-config.php" ]; then
		make_settings >"$site/wp-config.php.new"
		mv "$site/wp-config.php.new" "$site/wp-config.php"
	fi
	;;
-*) set -- wp "$@" ;;
esac
exec "$@"
