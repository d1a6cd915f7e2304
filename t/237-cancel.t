#!/usr/bin/perl
# A delete that comes at any step, at its begin and at its end, and while helm
# runs: the work is stopped, and the store ends as gone. The worker is held at
# each point until the delete has been asked for, so that no point is missed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use FakeHelm;
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $PATIENCE = 400;	# seconds: who waits this long has failed, however busy the machine is

my @provision = qw(namespace secrets release database wordpress woocommerce storefront);
my @delete = qw(release namespace volumes);

my $p = PlatformTest->new(conf => {MAX_STORES => 50, MAX_CONCURRENT_PROVISIONS => 30, MAX_CONCURRENT_DELETIONS => 30});
my $helm = FakeHelm->new($p, 'helm3');
my $stops = "$p->{dir}/stops";
mkdir $stops or die "$stops: $!";
$p->start_provisioner(STORE_STOP_IN => $stops);
$p->start_pool;
$p->start_nginx;
$p->wait_for('the platform', sub { $p->get('/api/ready')->{status} == 200 });

# Sets a trap at a label, does something, and waits until a worker is in it.
sub trap {
	my ($label, $do) = @_;
	Platform::spew("$stops/$label", '');
	my $r = $do->();
	$p->wait_for("a worker to stop at $label", sub { !-e "$stops/$label" });
	return $r;
}

# The workers that are stopped, by the lock of a store that they hold.
sub stopped {
	my ($store) = @_;
	return grep {
		(readlink("/proc/$_/fd/3") || '') =~ /\Q$store->{id}\E/ && Platform::slurp("/proc/$_/stat") =~ /\) T /
	} map { /^(\d+): store-worker/ } $p->leftovers;
}

# Lets the stopped worker go on; after_term: not before it has been told to end, and soon
# after that, since one that does not end within 40 s is killed.
sub go_on {
	my ($store, $after_term) = @_;
	my $pid = $p->wait_for('the stopped worker', sub { (stopped($store))[0] });
	$p->wait_for('its TERM', sub {
		my ($pending) = Platform::slurp("/proc/$pid/status") =~ /^ShdPnd:\s*([0-9a-f]+)/m;
		hex($pending // 0) & 1 << 14;
	}) if $after_term;
	kill 'CONT', $pid;
}

sub asked { return $p->sql_one("SELECT count(*) FROM jobs WHERE store_id = '$_[0]{id}' AND kind = 'provision' AND cancel_requested_at > 0") }

sub check_gone {
	my ($store, $what) = @_;
	$p->wait_status($store->{id}, 'gone|failed', $PATIENCE);
	$p->is_gone($store->{slug}, "$what: gone");
	is($p->sql_one("SELECT count(*) FROM jobs WHERE store_id = '$store->{id}' AND state IN ('queued', 'running', 'retry')"),
		0, "$what: no job is left");
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE store_id = '$store->{id}' AND action = 'delete_success'"),
		1, "$what: one delete_success");
}

# Asks for the end of a set-up that is held at a point, and waits until its job has ended.
sub cancel_at {
	my ($at) = @_;
	my $store = trap($at, sub { $p->create(name => "cancel $at") });
	is($p->delete("/api/stores/$store->{id}")->{status}, 200, "$at: the delete is accepted");
	is(asked($store), 1, "$at: the set-up is asked to stop");
	go_on($store, 1);
	my $job = "kind = 'provision' AND store_id = '$store->{id}'";
	$p->wait_for('the end of the set-up', sub {
		$p->sql_one("SELECT count(*) FROM jobs WHERE $job AND state NOT IN ('queued', 'running', 'retry')");
	});
	is($p->sql_one("SELECT state FROM jobs WHERE $job"), 'cancelled', "$at: the set-up was cancelled");
	return $store;
}

subtest '1.9: a delete at each step of a set-up' => sub {
	# One after the other, since a worker that goes on would step into the trap of the next
	# one. A removal has steps of the same names: it ends before the next trap is set.
	my %removing = map { $_ => 1 } @delete;
	my @points = map { ("begin-$_", "end-$_") } grep { $removing{$_} } @provision;
	check_gone(cancel_at($_), $_) for @points;
	my %store = map { $_ => cancel_at($_) } map { ("begin-$_", "end-$_") } grep { !$removing{$_} } @provision;
	check_gone($store{$_}, $_) for sort keys %store;
};

subtest '1.9: a delete while helm runs' => sub {
	$helm->forget;
	$helm->mode('hang');
	my $store = $p->create(name => 'cancel helm');
	$p->wait_for('helm to run', sub { $helm->calls });
	$p->delete("/api/stores/$store->{id}");
	$helm->mode('real');
	check_gone($store, 'helm');
	is(scalar(grep { /sleep 1000/ } $p->leftovers), 0, 'helm ended');
};

subtest '1.9: a delete again at each step of a removal' => sub {
	my %store;
	my @points = map { ("begin-$_", "end-$_") } @delete;
	$store{$_} = $p->create(name => "again $_") for @points;
	$p->wait_status($_->{id}, 'ready', $PATIENCE) for values %store;
	for my $at (@points) {
		trap($at, sub { $p->delete("/api/stores/$store{$at}{id}") });
		is($p->delete("/api/stores/$store{$at}{id}")->{status}, 200, "$at: the second delete is accepted");
		go_on($store{$at});
		check_gone($store{$at}, $at);
		is($p->sql_one("SELECT count(*) FROM jobs WHERE store_id = '$store{$at}{id}' AND kind = 'delete'"),
			1, "$at: one job did it");
	}
};

# The cluster counts what is left in a namespace 5 s after its end was asked for, and comes
# back late if it is anything. So the claims, which helm keeps, are on their way before that.
subtest 'claims go with the last pod, not with the namespace' => sub {
	my $store = $p->create(name => 'ahead');
	my $of = sub { map { $_->{metadata} } @{$p->kube_json('-n', $store->{namespace}, 'get', $_[0])->{items}} };
	$p->wait_status($store->{id}, 'ready', $PATIENCE);
	my @claims = $of->('pvc');
	ok(scalar @claims, 'it has claims');
	trap('helm-unstarted', sub { $p->delete("/api/stores/$store->{id}") });
	is(scalar(grep { $_->{deletionTimestamp} } $of->('pvc')), scalar @claims, 'all are asked to go, and stay while pods use them');
	Platform::spew("$stops/begin-namespace", '');
	go_on($store);
	$p->wait_for('the next step', sub { !-e "$stops/begin-namespace" });
	$p->wait_for('pods and claims to be gone', sub { !$of->('pod,pvc') }, $PATIENCE);
	ok(!$p->kube_json('get', 'namespace', $store->{namespace})->{metadata}{deletionTimestamp}, 'before the end of the namespace is asked for');
	go_on($store);
	check_gone($store, 'claims ahead');
	is(scalar(grep { $_->{state} eq 'info' } $p->events($store->{id})), 0, 'nothing is told of it');
};

$p->finish;
