#!/bin/sh
# Runs before WordPress. The image itself copies its core into an empty volume
# only: a newer image would change nothing, and a copy that was interrupted
# would stay incomplete. The version file is copied last, so that whatever was
# interrupted is done again.
set -eu

image=/usr/src/wordpress
site=/var/www/html

version() {
	sed -n "s/^\$wp_version = '\([^']*\)';.*/\1/p" "$1/wp-includes/version.php" 2>/dev/null || :
}

# copy EXCLUDE...: the image's core over the site's, but for some of it. The site's own
# folder is not in it: where it belongs to root (k3s' volumes), tar fails on its mode.
copy() {
	(cd "$image" && find . -mindepth 1 -maxdepth 1 -print0 |
		tar -cf - "$@" --exclude=./wp-includes/version.php --null --files-from=-) |
		(cd "$site" && tar -xf - --no-overwrite-dir --no-same-permissions)
	cp "$image/wp-includes/version.php" "$site/wp-includes/version.php"
}

# newer A B: is version A newer than B?
# shellcheck disable=SC2016  # the variables are PHP's
newer() { php -r 'exit(version_compare($argv[1], $argv[2], ">") ? 0 : 1);' -- "$1" "$2"; }

new=$(version "$image")
old=$(version "$site")

# An image without a core to copy serves its own.
if [ -n "$new" ]; then
	if [ -z "$old" ]; then
		echo "WordPress $new is copied into the volume."
		copy --exclude=./wp-config.php
	# WordPress may have updated itself meanwhile: never backwards.
	elif newer "$new" "$old"; then
		echo "WordPress $old becomes $new."
		# Plugins, themes, uploads and settings are the shop's.
		copy --exclude=./wp-content --exclude=./wp-config.php --exclude=./.htaccess
	fi
fi

mkdir -p "$site/wp-content/mu-plugins"
cp -f /etc/store/store-platform.php "$site/wp-content/mu-plugins/store-platform.php"
