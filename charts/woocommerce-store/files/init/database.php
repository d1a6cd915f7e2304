<?php
// Exit status 0 if the shop's database accepts its user.
function secret( $name ) {
	return rtrim( file_get_contents( getenv( "WORDPRESS_DB_{$name}_FILE" ) ), "\r\n" );
}
mysqli_report( MYSQLI_REPORT_OFF );
[ $host, $port ] = explode( ':', getenv( 'WORDPRESS_DB_HOST' ) );
$database        = mysqli_init();
$database->options( MYSQLI_OPT_CONNECT_TIMEOUT, 5 );
if ( ! @$database->real_connect( $host, secret( 'USER' ), secret( 'PASSWORD' ), secret( 'NAME' ), (int) $port ) ) {
	fwrite( STDERR, "The database does not answer yet: {$database->connect_error}\n" );
	exit( 1 );
}
