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
like($p->store($store->{id})->{status}, qr/^(?:provisioning|ready)$/, 'the shop is being made');
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

# --- the copy of before each ---------------------------------------------------

my $backups = $p->volume . '/backups';
is(join(' ', map { s{.*/}{}r } glob "$backups/*"), 'before-2.db before-rollback-to-1.db', 'before each the database was copied');
for my $name ('before-2.db', 'before-rollback-to-1.db') {
	my $look = $p->shell('helm4', "DATABASE_PATH=$backups/$name PROVISIONER_DIR=" . $p->volume . '/provisioner API_DIR=' . $p->volume
		. '/api ' . $p->program('storectl') . ' db check');
	is($look->{code}, 0, "$name is a whole one") or diag($look->{out}, $look->{err});
}

# Generations of what the release has changed, if it has.
sub state_of { return kubectl('get', 'deployments,configmaps,services,networkpolicies', '-o',
	'jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.generation} {.metadata.annotations} {.data}{"\\n"}{end}') }
my $was = state_of();
chmod 0555, $backups or die "$backups: $!";
my $failed = $p->shell('helm4', RealPlatform::line('helm upgrade sp'));
chmod 0777, $backups or die "$backups: $!";
isnt($failed->{code}, 0, 'an upgrade whose copy cannot be made fails');
like($failed->{err}, qr/pre-upgrade hooks failed/, 'and says so');
like(kubectl('logs', 'job/sp-backup-upgrade'), qr/before-4\.db/, 'its pod says why');
is(state_of(), $was, 'it has changed nothing');

# --- who reaches what -------------------------------------------------------------

my ($stranger, $controller) = (["stranger-$$", "stranger-$$"], ['kube-system', "controller-$$"]);
RealNode::apply(RealNode::namespace($stranger->[0]), RealNode::pod(@$stranger, {app => 'stranger'}, 'sleep 3600'),
	RealNode::pod(@$controller, {'app.kubernetes.io/name' => 'traefik', test => 'platform'}, 'sleep 3600'));
my %target = ('10.96.0.10 53' => 'dns', map {
	my ($component, $port) = @$_;
	((map { ("$_->{status}{podIP} $port" => $component) } $p->pods($component)),
		(kubectl('get', 'service', '-l', "app.kubernetes.io/component=$component", '-o',
			'jsonpath={.items[*].spec.clusterIP} {.items[*].spec.ports[0].port}') =~ /^(\d.*)/ ? ($1 => "$component-service") : ()));
} ['api', 9000], ['nginx', 8080], ['provisioner', 8080]);
sub reached {
	my ($who) = @_;
	my $answers = RealNode::exec_in(@$who, 'sh', '-c', 'for t; do set -- $t; timeout 2 nc -w 1 $1 $2 </dev/null >/dev/null 2>&1 && echo $t; done; :',
		'sh', sort keys %target) // return '';
	my %names = map { $target{$_} => 1 } split /\n/, $answers;
	return join ' ', sort keys %names;
}
my $got;
RealNode::wait_until('the ingress controller reaches nginx, and nothing else of it', sub { ($got = reached($controller)) eq 'dns nginx nginx-service' }, 60)
	or diag("it reaches $got");
RealNode::wait_until('a stranger runs', sub { ($got = reached($stranger)) =~ /dns/ }, 60);
is($got, 'dns', 'and reaches nothing of it');
RealNode::kubectl('delete', '--wait=false', 'namespace', $stranger->[0]);
RealNode::kubectl('delete', '--wait=false', '-n', $controller->[0], 'pod', $controller->[1]);

# --- the way back -----------------------------------------------------------------

$p->post('/api/users', {name => 'late', role => 'viewer', password => 'correct horse battery'});
$p->well('helm4', 'kubectl -n platform scale deploy sp-api sp-provisioner --replicas=0');
$p->well('helm4', 'kubectl -n platform wait pods');
my $test = $p->shell('helm4', RealPlatform::line('helm test'));
isnt($test->{code}, 0, 'without the API the test fails');
like(kubectl('logs', 'sp-test'), qr{^/: 200\n/api/health: 502$}m, 'and tells what it saw');
$p->well('helm4', 'helm template');
$p->well('helm4', 'kubectl -n platform wait job/sp-restore');
$p->well('helm4', 'kubectl -n platform scale deploy sp-api sp-provisioner --replicas=1');
RealNode::wait_until('the platform is there again', sub { $p->get('/api/ready')->{status} == 200 });
is(join(' ', sort map { $_->{name} } @{$p->get('/api/users')->{json}}), 'boss', 'as it was before the upgrade');
is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'the job of then is done once more');

# --- the end, and again -------------------------------------------------------------

my $gone = $p->shell('helm4', "helm uninstall sp -n $ns --wait --timeout 2m");
is("$gone->{code} $gone->{err}", '0 ', 'helm 4: uninstall');
$p->settle;
is(kubectl('get', 'pvc', '-o', 'jsonpath={.items[*].metadata.name}'), 'sp-data', 'the claim stays');
like(shop()->{content}, qr/Sample Mug/, 'the shop stays');
$p->well('helm4', 'helm upgrade --install');
RealNode::wait_until('installed again, it is ready', sub { $p->get('/api/ready')->{status} == 200 });
ok($p->token('boss', $password, 'viewer'), 'it knows its accounts');
is($p->store($store->{id})->{status}, 'ready', 'and its stores');

is_status($p->delete("/api/stores/$store->{id}"), 200, 'the shop is deleted');
$p->wait_status($store->{id}, 'gone');
is(RealNode::kubectl('get', 'namespace', "store-$store->{slug}"), undef, 'its namespace is gone');
RealNode::wait_until('nothing of it is left on the disk', sub { !glob "$node/volumes/*_store-$store->{slug}_*" });
undef $store;

done_testing();
