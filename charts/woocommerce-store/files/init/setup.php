<?php
// Settings of a new shop, by WooCommerce's own functions and in one process.
// Runs again if its first run was interrupted, and never after that.

// The login form hands passwords on with slashes, and so they are kept.
$admin = get_user_by( 'login', rtrim( file_get_contents( '/run/secrets/admin/admin-user' ), "\r\n" ) );
if ( ! $admin ) {
	WP_CLI::error( 'The administrator is missing.' );
}
wp_set_password( wp_slash( rtrim( file_get_contents( '/run/secrets/admin/admin-password' ), "\r\n" ) ), $admin->ID );
wp_set_current_user( $admin->ID );

foreach (
	array(
		'woocommerce_store_address'       => getenv( 'WC_ADDRESS' ),
		'woocommerce_store_city'          => getenv( 'WC_CITY' ),
		'woocommerce_store_postcode'      => getenv( 'WC_POSTCODE' ),
		'woocommerce_default_country'     => getenv( 'WC_COUNTRY' ),
		'woocommerce_currency'            => getenv( 'WC_CURRENCY' ),
		'woocommerce_allow_tracking'      => 'no',
		// Open for business: new shops hide behind a "coming soon" page otherwise.
		'woocommerce_coming_soon'         => 'no',
		'woocommerce_onboarding_profile'  => array( 'skipped' => true ),
		'woocommerce_task_list_hidden'    => 'yes',
		'woocommerce_cod_settings'        => array(
			'enabled'            => 'yes',
			'title'              => 'Cash on delivery',
			'description'        => 'Pay with cash upon delivery.',
			'instructions'       => 'Pay with cash upon delivery.',
			'enable_for_virtual' => 'yes',
		),
	) as $option => $value
) {
	update_option( $option, $value );
}
delete_transient( '_wc_activation_redirect' );

// Orders in tables of their own.
update_option( 'woocommerce_custom_orders_table_enabled', 'yes' );
if ( ! \Automattic\WooCommerce\Utilities\OrderUtil::custom_orders_table_usage_is_enabled() ) {
	WP_CLI::error( 'High-performance order storage is not on.' );
}

WC_Install::create_pages();
$shop = wc_get_page_id( 'shop' );
if ( $shop <= 0 ) {
	WP_CLI::error( 'The shop page is missing.' );
}
update_option( 'show_on_front', 'page' );
update_option( 'page_on_front', $shop );

if ( 'yes' === getenv( 'WC_SAMPLE_PRODUCTS' ) ) {
	$products = array(
		array( 'sample-mug', 'Sample Mug', '19.99', 'A mug to try the shop with.' ),
		array( 'sample-lamp', 'Sample Lamp', '49.99', 'A lamp to try the shop with.' ),
		array( 'sample-shirt', 'Sample Shirt', '24.99', 'A shirt to try the shop with.' ),
	);
	foreach ( $products as [ $sku, $name, $price, $description ] ) {
		if ( wc_get_product_id_by_sku( $sku ) ) {
			continue;
		}
		$product = new WC_Product_Simple();
		$product->set_sku( $sku );
		$product->set_name( $name );
		$product->set_regular_price( $price );
		$product->set_short_description( $description );
		$product->save();
	}
}

// WordPress' own samples, if they are still the ones it came with.
foreach ( array( 'post' => 'hello-world', 'page' => 'sample-page' ) as $type => $slug ) {
	$sample = get_page_by_path( $slug, OBJECT, $type );
	if ( $sample ) {
		wp_delete_post( $sample->ID, true );
	}
}
