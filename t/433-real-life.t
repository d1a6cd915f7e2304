# What a shop survives, for real: its cron rings; an upgrade of the chart, killed containers, an
# eviction and new starts of kubelet and containerd leave its post, order, upload and
# passwords as they were, and it answers again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use RealNode;
use Test::More;

my $node = RealNode::need();
my $p = RealNode::platform();
RealNode::values_file($p, {cron => {enabled => JSON::PP::true}});
$p->start;
my $store = $p->create(name => "Life $$");
my $end = $p->wait_status($store->{id}, 'ready|failed', 400);
is($end->{status}, 'ready', 'a shop is ready') or BAIL_OUT($end->{error_message});
my $namespace = $end->{namespace};

sub kubectl { return RealNode::kubectl('-n', $namespace, @_) }
sub pod { return RealNode::pod_of($namespace, $_[0]) // {metadata => {name => '', uid => ''}} }
sub container { return (pod($_[0])->{status}{containerStatuses} // [{}])->[0] }

# Runs PHP in WordPress, with WordPress loaded, and returns what it prints.
sub php {
	my ($code) = @_;
	return kubectl('exec', "deployment/$store->{slug}-wordpress", '-c', 'wordpress', '--', 'php', '-r',
		'$_SERVER["HTTP_HOST"] = "localhost"; require "/var/www/html/wp-load.php"; ' . $code);
}

# What a merchant and a visitor leave behind.
my $post = php('echo wp_insert_post(["post_title" => "Kept", "post_content" => "words to keep",
	"post_status" => "publish"]);');
my $upload = php('echo parse_url(wp_upload_bits("kept.txt", null, "bytes to keep")["url"], PHP_URL_PATH);');
php('update_option("blogdescription", "as the merchant wrote it");');
my ($product) = RealNode::visit($store, 'GET', '/wp-json/wc/store/v1/products')->{content} =~ /"id":(\d+)/;
my $cart = RealNode::visit($store, 'POST', '/wp-json/wc/store/v1/cart/add-item', form => {id => $product, quantity => 2});
my ($order) = RealNode::visit($store, 'POST', '/wp-json/wc/store/v1/checkout', form => {payment_method => 'cod'},
	headers => {'Cart-Token' => $cart->{headers}{'cart-token'}})->{content} =~ /"order_id":(\d+)/;
like("$post $order", qr/^\d+ \d+$/, 'with a post and an order');
like($upload, qr{/kept\.txt$}, 'and an upload');
my $passwords = 'jsonpath={.items[?(@.type=="Opaque")].data}';
my $secrets = kubectl('get', 'secrets', '-o', $passwords);

sub all_is_there {
	my ($after) = @_;
	subtest "after $after" => sub {
		RealNode::wait_until('the shop answers', sub {
			RealNode::visit($store, 'GET', '/')->{content} =~ /Sample Mug/;
		});
		like(RealNode::visit($store, 'GET', "/wp-json/wp/v2/posts/$post")->{content}, qr/words to keep/, 'its post is there');
		is(RealNode::visit($store, 'GET', $upload)->{content}, 'bytes to keep', 'its upload');
		RealNode::wait_until('its order', sub {	# a kubelet that has just begun runs nothing yet
			(php("echo get_post_type($order), get_post_field('post_content', $order);") // '')
				=~ /^shop_order.*"\Q$product\E":2/;
		});
		RealNode::wait_until('and its password', sub { RealNode::login($store, $store->{admin_password}) });
	};
	return;
}
all_is_there('its creation');

# It is looked for later, when the CronJob has had its minute. For less than one WordPress makes no future.
my $future = php('$at = time() + 65; echo wp_insert_post(["post_title" => "Later", "post_content" => "said later",
	"post_status" => "future", "post_date_gmt" => gmdate("Y-m-d H:i:s", $at),
	"post_date" => wp_date("Y-m-d H:i:s", $at)]);');
unlike(RealNode::visit($store, 'GET', "/wp-json/wp/v2/posts/$future")->{content}, qr/said later/,
	'it has a post of the future');

subtest 'upgrade of the chart' => sub {
	my $charts = File::Temp->newdir('store-chart-XXXXXX', TMPDIR => 1);
	system('cp', '-r', "$Platform::TOP/charts/woocommerce-store", "$charts/chart") == 0 or die 'cp';
	my $file = "$charts/chart/Chart.yaml";
	my $text = Platform::slurp($file);
	$text =~ s/^version: .*/version: 9.9.9/m or die 'no version in the chart';
	Platform::spew($file, $text);
	my $ini = "$charts/chart/files/wordpress/php.ini";
	Platform::spew($ini, Platform::slurp($ini) . "; changed\n");
	# As the platform runs it: the values that it gave once, the operator's new ones laid over.
	my @helm = (Platform::helm('helm4'), '--kubeconfig', "$node/kubeconfig", '-n', $namespace);
	my $values = qx(@helm get values wc-$store->{slug} -o json);
	Platform::spew("$charts/values.json", $values);
	Platform::spew("$charts/more.json", '{"mariadb": {"bufferPool": "96M"}, "woocommerce": {"version": "99.1.0"}}');
	my $before = pod('mariadb')->{metadata}{uid};
	is(system(join ' ', @helm, 'upgrade', "wc-$store->{slug}", "$charts/chart", '-f', "$charts/values.json", '-f',
		"$charts/more.json", '>/dev/null'), 0, 'helm upgrades it');
	RealNode::wait_until('the set-up of the new chart is through', sub {
		(kubectl('get', 'job', "$store->{slug}-wc-init-2", '-o', 'jsonpath={.status.succeeded}') // '') eq '1';
	});
	isnt(pod('mariadb')->{metadata}{uid}, $before, 'in new pods');
	is(php('echo get_option("storeplatform_init"), " ", get_option("blogdescription");'), '9.9.9 as the merchant wrote it',
		"it is the new one, and changes nothing that is the merchant's");
	like(kubectl('exec', "deployment/$store->{slug}-wordpress", '-c', 'wordpress', '--', 'cat',
		'wp-content/plugins/woocommerce/woocommerce.php'), qr/Version: 99\.1\.0/, 'WooCommerce is newer');
	is(kubectl('get', 'secrets', '-o', $passwords), $secrets, 'with the passwords that it had');
};
all_is_there('the upgrade');

# Before anything is killed: WordPress takes an event off its list and then runs it, so a kill in between loses it.
RealNode::wait_until('the post of the future has come by itself', sub {
	RealNode::visit($store, 'GET', "/wp-json/wp/v2/posts/$future")->{content} =~ /said later/;
});
ok(kubectl('get', 'cronjobs', '-o', 'jsonpath={.items[0].status.lastSuccessfulTime}'), 'by the CronJob, whose run succeeded');

kill 'KILL', map { RealNode::processes(pod($_)) } 'wordpress', 'mariadb';
RealNode::wait_until('killed containers are started again, in the pods that they were in', sub {
	!grep { my $container = container($_); !$container->{restartCount} || !$container->{ready} } 'wordpress', 'mariadb';
});
all_is_there('their end by the hardest means');

my $evicted = pod('wordpress')->{metadata}{name};
kubectl('exec', $evicted, '-c', 'wordpress', '--', 'dd', 'if=/dev/zero', 'of=/run/apache2/much', 'bs=1M', 'count=32');
RealNode::wait_until('a pod that fills its folder is evicted', sub {
	(kubectl('get', 'events', '--field-selector', "reason=Evicted,involvedObject.name=$evicted", '-o', 'name') // '') ne '';
});
RealNode::wait_until('and another one takes its place', sub {
	pod('wordpress')->{metadata}{name} ne $evicted && container('wordpress')->{ready};
});
all_is_there('an eviction');

# The node's own programs; others on the node would notice.
RealNode::alone();
my $ids = sub { return join ' ', map { container($_)->{containerID} // 'none' } 'wordpress', 'mariadb' };
my $running = $ids->();
for my $program ('kubelet', 'containerd') {
	RealNode::restart($program);
	RealNode::wait_until("$program: the node is ready", sub {
		(RealNode::kubectl('get', '--raw', '/api/v1/nodes/node/proxy/healthz') // '') eq 'ok'
			&& defined RealNode::kubectl('wait', '--for=condition=Ready', 'node/node', '--timeout=5s');
	});
	all_is_there("a new start of $program");
	is($ids->(), $running, 'with the containers that ran all the while');
}
kubectl('delete', 'pod', pod('wordpress')->{metadata}{name}, '--grace-period=1');
RealNode::wait_until('and a new pod gets ready', sub { container('wordpress')->{ready} });
all_is_there('all of it');

$p->finish;
RealNode::leave($store);
