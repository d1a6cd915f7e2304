# The demo on a real node of its own, as a user meets it: it says what is a stand-in, makes a
# shop, fetches its page, removes everything and proves that nothing is left.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Platform;
use RealNode;
use Test::More;

RealNode::need();

my $tmp = File::Temp->newdir('store-demo-XXXXXX', TMPDIR => 1);
my $text = do {
	local $ENV{TMPDIR} = "$tmp";
	local $ENV{HELM} = Platform::helm('helm3');
	local $ENV{KUBECONFIG} = '/nonexistent';
	qx($^X $Platform::TOP/t/demo --once --real 2>&1 </dev/null);
};
is($?, 0, 'it exits with 0') or diag($text);
like($text, qr/^Cluster: a local control plane with a real node/m, 'it says which cluster it took');
like($text, qr/^Stand-ins: .*instead of WooCommerce/m, 'and what is a stand-in');
like($text, qr{^Visited http://demo-shop\.localhost:\d+: "Demo Shop", \d{4,} bytes\.$}m, 'it visited the shop');
like($text, qr/demo-shop\s+$_\s+\d+\.\d s/, "it told the step $_")
	for qw(namespace secrets release database wordpress woocommerce storefront volumes);
like($text, qr/^Gone: namespace, release record and volumes\.$/m, 'it proved that nothing is left');
is(join(' ', glob "$tmp/*"), '', 'no folder is left');
is(scalar(grep { index(Platform::slurp($_), "$tmp/") >= 0 } glob '/proc/[0-9]*/cmdline'), 0, 'and no process');

done_testing();
