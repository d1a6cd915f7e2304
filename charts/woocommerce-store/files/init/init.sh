#!/bin/sh
# Makes a WooCommerce shop of an empty WordPress, and is run again at every
# upgrade. Each step looks first whether it is needed; a run that was killed
# is simply repeated. What a merchant changed later is never changed back.
#
# The option storeplatform_init tells how far a shop is:
#   absent   nothing was done, or the shop was made without this chart
#   started  the first run has begun
#   1.2.3    the shop was set up; version of the chart of the last run
set -eu

step() { echo "== $*"; }

# WooCommerce needs more memory than a page request.
wpcli=$(command -v wp)
wp() { php -d memory_limit=384M "$wpcli" --path=/var/www/html "$@"; }

# newer A B: is version A newer than B?
# shellcheck disable=SC2016  # the variables are PHP's
newer() { php -r 'exit(version_compare($argv[1], $argv[2], ">") ? 0 : 1);' -- "$1" "$2"; }

step "Waiting for the database"
# This pod's own way to it: network policies reach a new pod with a delay.
until php /etc/store-init/database.php; do
	sleep 3
done

step "WordPress"
if ! wp core is-installed 2>/dev/null; then
	# The password made up here is printed, so not shown, and replaced below:
	# an argument could be read in the process list.
	wp core install --skip-email --url="$STORE_URL" --title="$STORE_TITLE" \
		--admin_user="$(cat /run/secrets/admin/admin-user)" \
		--admin_email="$(cat /run/secrets/admin/admin-email)" >/dev/null
fi
wp core update-db

state=$(wp option get storeplatform_init 2>/dev/null || :)
if [ -z "$state" ]; then
	if wp option get woocommerce_db_version >/dev/null 2>&1; then
		step "This shop was made without the platform; its settings stay"
		state=adopted
	else
		state=started
		wp option update storeplatform_init started
	fi
fi

step "WooCommerce $WC_VERSION"
installed=$(wp plugin get woocommerce --field=version 2>/dev/null || :)
if [ -z "$installed" ] || newer "$WC_VERSION" "$installed"; then
	if [ -n "$WC_PACKAGE" ]; then
		wp plugin install "$WC_PACKAGE" --force
	else
		wp plugin install woocommerce --version="$WC_VERSION" --force
	fi
fi
wp plugin is-active woocommerce || wp plugin activate woocommerce
wp wc update

if [ "$state" = started ]; then
	step "Theme Storefront"
	if ! wp theme is-installed storefront; then
		if [ -n "$THEME_PACKAGE" ]; then
			wp theme install "$THEME_PACKAGE"
		else
			wp theme install storefront --version="$THEME_VERSION"
		fi
	fi
	wp theme activate storefront

	step "Settings of a new shop"
	wp eval-file /etc/store-init/setup.php
	wp rewrite structure '/%postname%/'
fi

step "Done"
wp option update storeplatform_init "$CHART_VERSION"
