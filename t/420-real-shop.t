# A shop for real, by the platform: made, visited through the ingress as a browser would,
# logged in to, ordered from, isolated from others, and gone from the node's disk.
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
my ($address, $port) = split /:/, $shops->{STOREFRONT_ADDRESS};
my $name = "Real Shop $$";
my $slug;
my $p = Platform->new(conf => {
	KUBECONFIG => "$node/kubeconfig", HELM => Platform::helm('helm4'), %$shops,
});
my $browser = HTTP::Tiny->new(timeout => 20, max_redirect => 0, verify_SSL => 1,
	SSL_options => {SSL_ca_file => $shops->{STOREFRONT_CA}});

# A request to the shop by its name, which a browser resolves to this machine by itself.
sub visit {
	my ($method, $path, %how) = @_;
	my $host = delete $how{host} // $slug;
	my $origin = delete $how{origin} // "https://$host.$shops->{BASE_DOMAIN}:$port";
	return $browser->request($method, "$origin$path", {%how, peer => $address});
}

sub form {
	my ($method, $path, $fields, %headers) = @_;
	return visit($method, $path, content => HTTP::Tiny->new->www_form_urlencode($fields),
		headers => {'Content-Type' => 'application/x-www-form-urlencoded', %headers});
}

# From a container of the shop's namespace with the labels of WordPress.
sub reaches {
	my ($namespace, $target, $port) = @_;
	return defined RealNode::kubectl('-n', $namespace, 'exec', 'visitor', '--', 'timeout', '5', 'nc', '-w', '1',
		$target, $port) ? 1 : 0;
}

$p->start;
my $store = $p->create(name => $name);
$slug = $store->{slug};
my $end = $p->wait_status($store->{id}, 'ready|failed', 600);
is($end->{status}, 'ready', 'a shop gets ready, seen by the platform through the ingress')
	or BAIL_OUT($end->{error_message});
my $namespace = $end->{namespace};

my $page = visit('GET', '/');
is($page->{status}, 200, 'its page answers');
like($page->{content}, qr{<title>$name</title>}, 'with its name');
like($page->{content}, qr{Sample Mug}, 'and its products');
is($end->{store_url}, "https://$slug.$shops->{BASE_DOMAIN}:$port", 'at the address that the platform names');
unlike($page->{content}, qr{(?:src|href|action)=["']http://}, 'without anything that is not by HTTPS');
is(visit('GET', '/', host => 'nobody')->{status}, 404, 'another name is not served');
is(visit('GET', '/wp-admin/install.php')->{status}, 403, 'nobody else can install it');

# Without HTTPS everybody is sent there, and nobody in circles.
my ($http) = RealNode::addresses()->{http};
for my $path ('/', '/wp-login.php', '/wp-admin/') {
	my $r = $browser->request('GET', "http://$slug.$shops->{BASE_DOMAIN}$path", {peer => $http, headers => {}});
	like($r->{headers}{location} // "status $r->{status}", qr{^https://\Q$slug\E\.}, "$path by HTTP leads to HTTPS");
}
is(visit('GET', '/wp-login.php')->{status}, 200, 'the login page is there');

my $login = sub {
	return form('POST', '/wp-login.php', {log => 'admin', pwd => $_[0], testcookie => 1},
		Cookie => 'wordpress_test_cookie=WP%20Cookie%20check');
};
my $in = $login->($store->{admin_password});
is($in->{status}, 302, 'the password shown at creation opens wp-admin');
like($in->{headers}{location} // '', qr{/wp-admin/}, 'and leads there');
is($login->('wrong')->{status}, 200, 'another does not');

my $products = visit('GET', '/wp-json/wc/store/v1/products');
like($products->{content}, qr/sample-mug/, 'the Store API knows the products');
my ($id) = $products->{content} =~ /"id":(\d+)/;
my $cart = form('POST', '/wp-json/wc/store/v1/cart/add-item', {id => $id, quantity => 2});
my %to = (first_name => 'Ada', last_name => 'Byron', address_1 => '1 Main Street', city => 'London',
	postcode => 'SW1A 1AA', country => 'GB', phone => '+44 20 0000 0000');
my $order = visit('POST', '/wp-json/wc/store/v1/checkout',
	content => JSON::PP::encode_json({payment_method => 'cod', shipping_address => \%to,
		billing_address => {%to, email => 'ada@example.org'}}),
	headers => {'Content-Type' => 'application/json', 'Cart-Token' => $cart->{headers}{'cart-token'} // ''});
like($order->{content}, qr/"order_id":\d+/, 'an order is placed, to be paid on delivery');

my $labels = {'app.kubernetes.io/name' => 'woocommerce-store', 'app.kubernetes.io/component' => 'wordpress'};
RealNode::apply(RealNode::pod($namespace, 'visitor', $labels, 'sleep 3600'));
RealNode::wait_until('its pods reach their database', sub { reaches($namespace, "$slug-mariadb", 3306) });
my $traefik = RealNode::kubectl('-n', 'kube-system', 'get', 'pod', '-l', 'app.kubernetes.io/name=traefik', '-o',
	'jsonpath={.items[0].status.podIP}');
ok(!reaches($namespace, @$_), "and not $_->[0] $_->[1]") for ['10.96.0.1', 443], ['10.250.0.10', 10250],
	['169.254.169.254', 80], [$traefik, 8000];

my @folders = grep { /_\Q$namespace\E_/ } glob "$node/volumes/*";
is(scalar @folders, 2, 'its data is in two folders of the node');
is($p->delete("/api/stores/$store->{id}")->{status}, 200, 'delete');
is($p->wait_status($store->{id}, 'gone|failed', 300) && 'ended', 'ended', 'deleted');
is(RealNode::kubectl('get', 'namespace', $namespace), undef, 'its namespace is gone');
RealNode::wait_until('nothing is left on the disk', sub { !grep { -e } @folders });
is(visit('GET', '/')->{status}, 404, 'and its name is not served any more');

done_testing();
