<?php
/**
 * Plugin Name: WooCommerce stand-in of the tests
 * Description: Not WooCommerce: products, a shop page, the Store API's products, cart and checkout with cash on delivery.
 * Version: 0
 */

namespace Automattic\WooCommerce\Utilities {
	class OrderUtil {
		public static function custom_orders_table_usage_is_enabled() {
			return 'yes' === get_option( 'woocommerce_custom_orders_table_enabled' );
		}
	}
}

namespace {
	class WC_Install {
		public static function create_pages() {
			if ( wc_get_page_id( 'shop' ) <= 0 ) {
				$page = array(
					'post_type'    => 'page',
					'post_status'  => 'publish',
					'post_title'   => 'Shop',
					'post_name'    => 'shop',
					'post_content' => '[stand_in_products]',
				);
				update_option( 'woocommerce_shop_page_id', wp_insert_post( $page ) );
			}
		}
	}

	class WC_Product_Simple {
		private $data = array();

		// set_sku, set_name, set_regular_price, set_short_description
		public function __call( $method, $arguments ) {
			$this->data[ preg_replace( '/^set_/', '', $method ) ] = $arguments[0];
		}

		public function save() {
			$post = array(
				'post_type'    => 'product',
				'post_status'  => 'publish',
				'post_title'   => $this->data['name'],
				'post_excerpt' => $this->data['short_description'],
				'meta_input'   => array(
					'_sku'   => $this->data['sku'],
					'_price' => $this->data['regular_price'],
				),
			);
			return wp_insert_post( $post );
		}
	}

	function wc_get_page_id( $page ) {
		$id = (int) get_option( "woocommerce_{$page}_page_id" );
		return $id && get_post( $id ) ? $id : -1;
	}

	function wc_get_product_id_by_sku( $sku ) {
		$query = array( 'post_type' => 'product', 'meta_key' => '_sku', 'meta_value' => $sku, 'fields' => 'ids' );
		return get_posts( $query )[0] ?? 0;
	}

	function stand_in_products() {
		$products = array();
		foreach ( get_posts( array( 'post_type' => 'product', 'numberposts' => 100 ) ) as $post ) {
			$products[] = array(
				'id'     => $post->ID,
				'name'   => $post->post_title,
				'sku'    => get_post_meta( $post->ID, '_sku', true ),
				'prices' => array(
					'price'         => (string) round( 100 * (float) get_post_meta( $post->ID, '_price', true ) ),
					'currency_code' => get_option( 'woocommerce_currency' ),
				),
			);
		}
		return $products;
	}

	// A cart is known by the token that its first answer carries.
	function stand_in_cart( $request ) {
		$token = preg_replace( '/\W/', '', (string) $request->get_header( 'Cart-Token' ) );
		$token = $token ?: wp_generate_password( 20, false );
		return array( $token, get_transient( "stand_in_cart_$token" ) ?: array() );
	}

	function stand_in_add_item( $request ) {
		[ $token, $items ]       = stand_in_cart( $request );
		$items[ $request['id'] ] = (int) ( $request['quantity'] ?? 1 );
		set_transient( "stand_in_cart_$token", $items, DAY_IN_SECONDS );
		$answer = new WP_REST_Response( array( 'items_count' => array_sum( $items ) ), 201 );
		$answer->header( 'Cart-Token', $token );
		return $answer;
	}

	function stand_in_checkout( $request ) {
		[ $token, $items ] = stand_in_cart( $request );
		$cod               = get_option( 'woocommerce_cod_settings' );
		if ( 'cod' !== $request['payment_method'] || 'yes' !== ( $cod['enabled'] ?? '' ) ) {
			return new WP_Error( 'payment', 'Only cash on delivery is known here.', array( 'status' => 400 ) );
		}
		if ( ! $items ) {
			return new WP_Error( 'cart', 'The cart is empty.', array( 'status' => 400 ) );
		}
		$order = array(
			'post_type'    => 'shop_order',
			'post_status'  => 'publish',
			'post_title'   => 'Order',
			'post_content' => wp_json_encode( array( 'items' => $items, 'billing' => $request['billing_address'] ) ),
		);
		delete_transient( "stand_in_cart_$token" );
		return array( 'order_id' => wp_insert_post( wp_slash( $order ) ), 'status' => 'processing', 'payment_method' => 'cod' );
	}

	add_action(
		'init',
		function () {
			register_post_type( 'product', array( 'public' => true, 'label' => 'Products', 'show_in_rest' => true ) );
			register_post_type( 'shop_order', array( 'public' => false, 'show_ui' => true, 'label' => 'Orders' ) );
		}
	);
	add_shortcode(
		'stand_in_products',
		function () {
			$rows = '';
			foreach ( stand_in_products() as $product ) {
				$price = number_format( $product['prices']['price'] / 100, 2 );
				$rows .= sprintf( '<li>%s: %s %s</li>', esc_html( $product['name'] ), $price, esc_html( $product['prices']['currency_code'] ) );
			}
			return "<ul class=\"products\">$rows</ul>";
		}
	);
	add_action(
		'rest_api_init',
		function () {
			$routes = array(
				'/products'      => array( 'GET', 'stand_in_products' ),
				'/cart/add-item' => array( 'POST', 'stand_in_add_item' ),
				'/checkout'      => array( 'POST', 'stand_in_checkout' ),
			);
			foreach ( $routes as $route => [ $method, $function ] ) {
				register_rest_route(
					'wc/store/v1',
					$route,
					array( 'methods' => $method, 'callback' => $function, 'permission_callback' => '__return_true' )
				);
			}
		}
	);
	register_activation_hook( __FILE__, fn() => add_option( 'woocommerce_db_version', '0' ) );
}
