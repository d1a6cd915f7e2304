<?php
// Read by wp-config.php before WordPress is loaded.

// The address comes from the chart, so that a moved shop needs no change in its database.
define( 'WP_HOME', getenv( 'STORE_URL' ) );
define( 'WP_SITEURL', getenv( 'STORE_URL' ) );

// TLS ends at the ingress controller; without this every page of an https shop would redirect to itself.
if ( 'https' === ( $_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '' ) ) {
	$_SERVER['HTTPS'] = 'on';
}

if ( 'external' === getenv( 'STORE_CRON' ) ) {
	define( 'DISABLE_WP_CRON', true );
}

// A stolen administrator's session shall not become code by the built-in editor.
define( 'DISALLOW_FILE_EDIT', true );
