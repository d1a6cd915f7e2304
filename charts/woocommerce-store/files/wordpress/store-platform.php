<?php
/**
 * Plugin Name: Store Platform
 * Description: What the chart adds to this shop: https for everybody, mail through the relay.
 */

// Visitors who came by http go to https. Requests inside the cluster (probes, cron) carry no such header.
add_action(
	'template_redirect',
	function () {
		if ( 'http' === ( $_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '' ) && str_starts_with( WP_HOME, 'https://' ) ) {
			wp_redirect( WP_HOME . $_SERVER['REQUEST_URI'], 301 );
			exit;
		}
	},
	0
);

if ( getenv( 'SMTP_HOST' ) ) {
	add_action(
		'phpmailer_init',
		function ( $mail ) {
			$mail->isSMTP();
			$mail->Host       = getenv( 'SMTP_HOST' );
			$mail->Port       = (int) getenv( 'SMTP_PORT' );
			$mail->SMTPSecure = 'none' === getenv( 'SMTP_ENCRYPTION' ) ? '' : getenv( 'SMTP_ENCRYPTION' );
			// Plain stays plain: a relay's self-made certificate would stop the mail otherwise.
			$mail->SMTPAutoTLS = false;
			$mail->Timeout     = 15;
			if ( getenv( 'SMTP_USER' ) ) {
				$mail->SMTPAuth = true;
				$mail->Username = getenv( 'SMTP_USER' );
				$mail->Password = rtrim( file_get_contents( getenv( 'SMTP_PASSWORD_FILE' ) ), "\r\n" );
			}
		}
	);
	if ( getenv( 'SMTP_FROM' ) ) {
		add_filter( 'wp_mail_from', fn() => getenv( 'SMTP_FROM' ) );
	}
}
