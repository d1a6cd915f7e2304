#!/usr/bin/perl
# The Kubernetes API down, refusing, throttling, cutting its answers: nothing is
# lost, nothing is invented, and the store says what it waits for.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiProxy;
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $p = PlatformTest->new(conf => {MAX_STORES => 50, MAX_CONCURRENT_DELETIONS => 10});
my $proxy = ApiProxy->start("$p->{dir}/proxy");
$p->{conf}{KUBECONFIG} = $proxy->kubeconfig;

# Down before the start: the platform comes up and says so.
$proxy->rules({match => '.', action => 'close'});
$p->start;

sub cluster_check {
	return (grep { $_->{name} eq 'cluster' } @{$p->get('/api/ready')->{json}{checks}})[0];
}

subtest '2.11: down at the start' => sub {
	$p->wait_for('the reason to be told', sub { cluster_check()->{sentence} =~ /cannot be reached/ });
	ok(!cluster_check()->{ok}, 'the cluster is missed');
	my $store = $p->create(name => 'early');
	my $row = $p->store($store->{id});
	is($row->{status}, 'provisioning', 'a store waits');
	like($row->{progress}{message}, qr/cannot be reached/, 'and says for what');
	is($row->{progress}{queue_position}, 1, 'with its place in the queue');
	$proxy->rules;
	my $end = $p->wait_status($store->{id}, 'ready|failed');
	is($end->{status}, 'ready', 'it is made when the cluster is back');
	is($end->{job}{attempt}, 1, 'at its first attempt');
};

# Each fault twice, at a call in the middle of a provision; then it goes on.
my @faults = (
	['503', {status => 503}],
	['500', {status => 500}],
	['no answer', {action => 'close'}],
	['an answer that does not come', {action => 'hang'}], # given up after 15 s
	['an answer cut short', {action => 'truncate'}],
	['an answer that is no JSON', {status => 200, body => '<html>welcome</html>'}],
	['409 for an update', {status => 409}],
	['a lost answer', {action => 'after'}],
);
for my $case (@faults) {
	my ($what, $fault) = @$case;
	subtest "$what in the middle" => sub {
		my $match = $what =~ /409/ ? '^GET /apis/apps/v1/\S+/statefulsets/'
			: $what =~ /lost/ ? '^POST /api/v1/namespaces/[^/]+/secrets$'
			: '^GET /api/v1/namespaces/[^/]+/secrets/';
		$proxy->rules({match => $match, times => 1, %$fault});
		my $store = $p->create(name => "fault $what");
		my $end = $p->wait_status($store->{id}, 'ready|failed');
		is($end->{status}, 'ready', 'the store is ready in the end') or diag($end->{error_message});
		cmp_ok($end->{job}{attempt}, '<=', 2, 'with at most one attempt more');
	};
}

subtest '1.7: 429 with Retry-After' => sub {
	$proxy->rules({match => '^POST /api/v1/namespaces$', times => 1, status => 429,
		headers => {'Retry-After' => 4}});
	my $store = $p->create(name => 'throttled');
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'the store is ready');
	my @at = map { (split ' ')[0] } grep { m{ POST /api/v1/namespaces$} } $proxy->requests;
	cmp_ok($at[-1] - $at[-2], '>=', 4, 'and was not tried again before its time');
};

subtest '403 of access control' => sub {
	$proxy->rules({match => '^POST /api/v1/namespaces$', status => 403});
	my $store = $p->create(name => 'forbidden');
	my $end = $p->wait_status($store->{id}, 'ready|failed');
	is($end->{status}, 'failed', 'the store is failed at once');
	is($end->{error_code}, 'cluster_forbidden', 'with its code');
	like($end->{error_message}, qr/lacks a right/, 'and a sentence');
	$proxy->rules;
	$p->post("/api/stores/$store->{id}/retry", undef);
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'a retry makes it ready');
};

subtest '2.11: credential refused with 401' => sub {
	$proxy->rules({match => '.', status => 401});
	my $store = $p->create(name => 'expired');
	$p->wait_for('the credential to be missed', sub { !cluster_check()->{ok} }, 60);
	like(cluster_check()->{sentence}, qr/credential.*401/, 'the reason is told');
	is($p->store($store->{id})->{status}, 'provisioning', 'the store waits');
	$proxy->rules;
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'and is made afterwards');
};

subtest 'wrong authority' => sub {
	my $dir = "$p->{dir}/wrong";
	mkdir $dir;
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
		. " -subj /CN=other -keyout $dir/key -out $dir/ca.crt 2>/dev/null") == 0 or die 'openssl';
	$proxy->write_kubeconfig(ca => "$dir/ca.crt");
	$p->wait_for('the server to be refused', sub { !cluster_check()->{ok} }, 60);
	like(cluster_check()->{sentence}, qr/certificate/, 'the certificate is named');
	$proxy->write_kubeconfig;
	$p->wait_for('the server to be accepted', sub { cluster_check()->{ok} }, 60);
};

subtest 'a namespace that is not ours' => sub {
	$p->kubectl('create', 'namespace', 'store-foreign');
	$p->kubectl('-n', 'store-foreign', 'create', 'configmap', 'precious');
	my $store = $p->create(name => 'foreign');
	my $end = $p->wait_status($store->{id}, 'ready|failed');
	is($end->{error_code}, 'namespace_not_ours', 'it is refused');
	$p->delete("/api/stores/$store->{id}");
	$p->wait_status($store->{id}, 'gone');
	ok(defined $p->kubectl('-n', 'store-foreign', 'get', 'configmap', 'precious'), 'and never touched');
	$p->kubectl('delete', 'namespace', 'store-foreign');
};

# Four faults at once, each for its store: what state the job waits in, and what it says.
my %errors = (
	500 => [{status => 500}, 'retry', 'cluster_failed'],
	429 => [{status => 429}, 'retry', 'cluster_throttled'],
	garbage => [{status => 200, body => '<html>hello</html>'}, 'queued', 'cluster_bad_answer'],
	403 => [{status => 403}, 'failed', 'cluster_forbidden'],
);
subtest '2.3: errors on the list of records while a store is deleted' => sub {
	my %store = map { $_ => $p->create(name => "sticky $_") } keys %errors;
	$p->wait_status($_->{id}, 'ready') for values %store;
	$proxy->rules(map { {match => "/store-sticky-$_/secrets", %{$errors{$_}[0]}} } keys %errors);
	$p->delete("/api/stores/$_->{id}") for values %store;
	for my $what (sort keys %errors) {
		my (undef, $state, $code) = @{$errors{$what}};
		my $row;
		$p->wait_for("$what to be met", sub { $row = $p->store($store{$what}{id}); $row->{job}{state} eq $state });
		is($row->{job}{error_code}, $code, "$what: $state, $code");
		ok($row->{job}{error_message}, "$what: with a sentence");
		ok($row->{job}{next_attempt_at}, "$what: and the time of the next attempt") if $state ne 'failed';
		is($row->{status}, $state eq 'failed' ? 'failed' : 'deleting', "$what: the store is not said to be deleted");
		ok(defined $p->kubectl('get', 'namespace', "store-sticky-$what"), "$what: it is still there");
	}
	$proxy->rules;
	is($p->post("/api/stores/$store{403}{id}/retry", undef)->{status}, 200, '403: the removal can be retried');
	for my $what (sort keys %errors) {
		$p->wait_status($store{$what}{id}, 'gone', 180);
		$p->is_gone("sticky-$what");
	}
};

$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} }, 180);
$p->finish;
