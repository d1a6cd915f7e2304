# The platform in the cluster of its shops, for real: its chart with its own images by the
# commands of the chart's README, a shop's life by it, an upgrade and a rollback under load
# that lose no request, the copy before each, who reaches what, and what stays when it goes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ImageTest;
use JSON::PP qw(decode_json);
use RealNode;
use RealPlatform;
use Test::More;
use Visitors;

my $node = RealNode::need();
ImageTest::need();
my $ns = $RealPlatform::NAMESPACE;
my $p = RealPlatform->new;
my $owner = $$;
my $store;
END {
	if ($p && $$ == $owner) {
		local $?;
		$p->shell('helm4', "helm uninstall sp -n $ns --ignore-not-found; kubectl delete namespace --wait=false $ns");
		RealNode::leave($store) if $store;
	}
}

sub kubectl { return RealNode::kubectl('-n', $ns, @_) }
sub names { return join ' ', sort map { $_->{metadata}{name} } @_ }
sub is_status { my ($r, $status, $name) = @_; return is($r->{status}, $status, $name) || diag($r->{content}) }

# --- install, by helm 3 ------------------------------------------------------

$p->well('helm3', 'kubectl create namespace');
$p->well('helm3', 'kubectl label namespace');
ok(defined kubectl('create', 'secret', 'tls', 'platform-tls', "--cert=$p->{dir}/tls.crt", "--key=$p->{dir}/tls.key"), 'with a certificate');
like($p->well('helm3', 'helm upgrade --install'), qr{^  https://platform\.localhost/$}m, 'it says where it is');
my @waits = grep { grep { !$_->{ready} } @{$_->{status}{containerStatuses}} } $p->pods;
is(names(@waits), '', 'every pod is ready then');
is(scalar(grep { $_->{restartCount} } map { @{$_->{status}{containerStatuses}} } $p->pods), 0, 'and none was started twice');
like($p->well('helm3', 'helm test'), qr/^Phase: +Succeeded$/m, 'its test succeeds');

my $said = $p->well('helm3', "kubectl -n $ns exec -i deploy/sp-api -- storectl user add");
my ($password) = $said =~ /^Its password.*: (\S+)$/m or BAIL_OUT("no password: $said");
my $token = $p->token('boss', $password, 'admin');
is_status($p->get('/api/ready', as => $token), 200, 'the API answers by HTTPS');

$store = $p->post('/api/stores', {name => "Cluster $$"}, as => $token)->{json};
$p->{as} = $token;
$p->wait_for('helm, in the pod', sub { grep { $_->{step} eq 'release' } $p->events($store->{id}) });

# --- upgrade by helm 4 and rollback by helm 3, under load ---------------------

# What the scalers do without a metrics server is to keep the least number of pods.
RealNode::wait_until('there are two pods of each', sub {
	!grep { $p->pods($_) < 2 || grep { !$_->{status}{containerStatuses}[0]{ready} } $p->pods($_) } 'api', 'nginx';
});
my %before = map { $_ => names($p->pods($_)) } qw(api nginx provisioner);
my $visitors = Visitors->start($RealPlatform::HOST, $token);
$p->mine(logLevel => 'debug', nginx => {resources => {requests => {memory => '33Mi'}}});
$p->well('helm4', 'helm upgrade --install');
$p->settle;
my %after = map { $_ => names($p->pods($_)) } keys %before;
isnt($after{$_}, $before{$_}, "another $_") for sort keys %after;
is($p->store($store->{id})->{status} =~ /^(?:provisioning|ready)$/, 1, 'the shop is being made');
$p->well('helm3', 'helm rollback');
$p->settle;
isnt(names($p->pods($_)), $after{$_}, "and another $_") for sort keys %after;
my $sum = $visitors->stop;
is(join("\n", @{$sum->{faults}}), '', "of $sum->{asked} requests, $sum->{changed} of them changes, none was lost");
cmp_ok($sum->{asked}, '>', 1000, 'they were many');
note(sprintf 'the slowest took %.2f s', $sum->{slowest});

my $scalers = kubectl('get', 'hpa', '-o', 'json');
is(scalar(() = $scalers =~ /"reason": "FailedGetResourceMetric"/g), 2, 'the scalers say that they cannot measure');

my $end = $p->wait_status($store->{id}, 'ready|failed');
is($end->{status}, 'ready', 'the job went on through it all') or diag(map { "$_->{step} $_->{state} $_->{message}\n" } $p->events($store->{id}));
sub shop {
	my ($address, $port) = split /:/, RealNode::addresses()->{http};
	return HTTP::Tiny->new(timeout => 20)->get("http://$store->{slug}.shops.localhost:$port/", {peer => $address});
}
like(shop()->{content}, qr/Sample Mug/, 'the shop is there, through the ingress');

done_testing();
