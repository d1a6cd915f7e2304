# A shop for real, by the platform: made, visited through the ingress as a browser would,
# logged in to, ordered from, and gone from the node's disk.
# also: --official
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use JSON::PP ();
use Platform;
use RealNode;
use Test::More;

my $node = RealNode::need();
my $shops = RealNode::shops();
my $name = "Real Shop $$";
my $p = Platform->new(conf => {
	KUBECONFIG => "$node/kubeconfig", HELM => Platform::helm('helm4'), %$shops,
});

$p->start;
my $store = $p->create(name => $name);
my $slug = $store->{slug};
my $end = $p->wait_status($store->{id}, 'ready|failed', 600);
is($end->{status}, 'ready', 'a shop gets ready, seen by the platform through the ingress')
	or BAIL_OUT($end->{error_message});
my $namespace = $end->{namespace};

my $page = RealNode::visit($store, 'GET', '/');
is($page->{status}, 200, 'its page answers');
like($page->{content}, qr{<title>$name</title>}, 'with its name');
like($page->{content}, qr{Sample Mug}, 'and its products');
is($end->{store_url}, "https://$slug.$shops->{BASE_DOMAIN}:$shops->{STORE_PORT}", 'at the address that the platform names');
unlike($page->{content}, qr{(?:src|href|action)=["']http://}, 'without anything that is not by HTTPS');
is(RealNode::visit({slug => 'nobody'}, 'GET', '/')->{status}, 404, 'another name is not served');
is(RealNode::visit($store, 'GET', '/wp-admin/install.php')->{status}, 403, 'nobody else can install it');

# Without HTTPS everybody is sent there, and nobody in circles.
my ($address, $port) = split /:/, RealNode::addresses()->{http};
for my $path ('/', '/wp-login.php', '/wp-admin/') {
	my $r = HTTP::Tiny->new(timeout => 20, max_redirect => 0)
		->get("http://$slug.$shops->{BASE_DOMAIN}:$port$path", {peer => $address});
	like($r->{headers}{location} // "status $r->{status}", qr{^https://\Q$slug\E\.}, "$path by HTTP leads to HTTPS");
}
is(RealNode::visit($store, 'GET', '/wp-login.php')->{status}, 200, 'the login page is there');

like(RealNode::login($store, $store->{admin_password}) // '', qr/wordpress_logged_in/,
	'the password shown at creation opens wp-admin');
is(RealNode::login($store, 'wrong'), undef, 'another does not');

my $products = RealNode::visit($store, 'GET', '/wp-json/wc/store/v1/products');
like($products->{content}, qr/sample-mug/, 'the Store API knows the products');
my ($id) = $products->{content} =~ /"id":(\d+)/;
my $cart = RealNode::visit($store, 'POST', '/wp-json/wc/store/v1/cart/add-item', form => {id => $id, quantity => 2});
my %to = (first_name => 'Ada', last_name => 'Byron', address_1 => '1 Main Street', city => 'London',
	postcode => 'SW1A 1AA', country => 'GB', phone => '+44 20 0000 0000');
my $order = RealNode::visit($store, 'POST', '/wp-json/wc/store/v1/checkout',
	content => JSON::PP::encode_json({payment_method => 'cod', shipping_address => \%to,
		billing_address => {%to, email => 'ada@example.org'}}),
	headers => {'Content-Type' => 'application/json', 'Cart-Token' => $cart->{headers}{'cart-token'} // ''});
like($order->{content}, qr/"order_id":\d+/, 'an order is placed, to be paid on delivery');

my @folders = grep { /_\Q$namespace\E_/ } glob "$node/volumes/*";
is(scalar @folders, 2, 'its data is in two folders of the node');
is($p->delete("/api/stores/$store->{id}")->{status}, 200, 'delete');
is($p->wait_status($store->{id}, 'gone|failed', 300) && 'ended', 'ended', 'deleted');
is(RealNode::kubectl('get', 'namespace', $namespace), undef, 'its namespace is gone');
RealNode::wait_until('nothing is left on the disk', sub { !grep { -e } @folders });
is(RealNode::visit($store, 'GET', '/')->{status}, 404, 'and its name is not served any more');

done_testing();
