#!/usr/bin/perl
# helm that is missing, too old, hangs, floods, lies or dies: what it says is
# not believed, what the cluster shows is; nothing hangs and no attempt is
# without end.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use FakeHelm;
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $p = PlatformTest->new(conf => {MAX_STORES => 50, PROVISION_ATTEMPTS => 2, HELM_TIMEOUT => 10,
	MAX_CONCURRENT_DELETIONS => 10});
my $helm = FakeHelm->new($p, 'helm3');
$p->start;

sub ready_check {
	my ($name) = @_;
	return (grep { $_->{name} eq $name } @{$p->get('/api/ready')->{json}{checks}})[0];
}

# Creates a store under a mode and waits until it is ready or failed.
sub try_mode {
	my ($mode, $name) = @_;
	$helm->forget;
	$helm->mode($mode);
	my $store = $p->create(name => $name);
	return $p->wait_status($store->{id}, 'ready|failed', 180);
}

sub rss_kib { my ($pid) = @_; return (Platform::slurp("/proc/$pid/status") =~ /VmHWM:\s+(\d+)/)[0] }

subtest '2.2: exit 1 with a release that is deployed' => sub {
	my $s = try_mode('fail-after', 'fail after');
	is($s->{status}, 'ready', 'the store is ready');
	is(scalar $helm->calls, 1, 'and helm was not run again');
};

subtest '2.2: exit 0 with nothing deployed' => sub {
	my $s = try_mode('nothing', 'does nothing');
	is($s->{status}, 'failed', 'the store is failed');
	is($s->{error_code}, 'release_not_deployed', 'with its code');
	like($s->{error_message}, qr/reported success, but the cluster/, 'and a sentence');
	is(scalar $helm->calls, 2, 'after the attempts that were allowed');
	$helm->mode('real');
	is($p->post("/api/stores/$s->{id}/retry", undef)->{status}, 200, 'it can be retried');
	is($p->wait_status($s->{id}, 'ready|failed')->{status}, 'ready', 'and is ready then');
};

subtest 'closed input' => sub {
	my $s = try_mode('deaf', 'deaf helm');
	is($s->{status}, 'failed', 'the store is failed');
};

subtest 'refusal with a chart that renders' => sub {
	# The fake refuses `template` too: that is what a broken chart looks like.
	my $s = try_mode('refuse', 'refused');
	is($s->{error_code}, 'chart_failed', 'the chart is named');
	like($s->{error_message}, qr/it does not please me/, "with helm's own words");
	is(scalar(grep { $_ eq 'upgrade' } $helm->calls), 1, 'without another attempt');
};

subtest '2.10: a gigabyte of output' => sub {
	my $s = try_mode('flood', 'flood');
	is($s->{status}, 'failed', 'the store is failed');
	cmp_ok(length $s->{error_message}, '<', 800, 'the sentence stays short');
	cmp_ok(rss_kib($p->{pids}{provisioner}), '<', 60_000, 'the supervisor stays small');
};

subtest '2.10: a child that holds the pipes' => sub {
	my $s = try_mode('orphan', 'orphan');
	is($s->{status}, 'failed', 'the store is failed');
	is(scalar($p->leftovers), scalar(grep { /store-|nginx|multiwatch/ } $p->leftovers),
		'the child is gone');
};

subtest '2.10: hang, then stop by deadline' => sub {
	my $s = try_mode('hang', 'hang');
	is($s->{status}, 'failed', 'the store is failed');
	is($s->{error_code}, 'deadline_exceeded', 'by its deadline');
	like($s->{error_message}, qr/did not end in its time/, 'and says so');
};

subtest '2.10: TERM ignored while the store is deleted' => sub {
	$helm->forget;
	$helm->mode('stubborn');
	my $store = $p->create(name => 'stubborn');
	$p->wait_for('helm to run', sub { $helm->calls });
	$p->delete("/api/stores/$store->{id}");
	$helm->mode('real');
	$p->wait_status($store->{id}, 'gone', 120);
	$p->is_gone('stubborn');
	is($p->sql_one("SELECT state FROM jobs WHERE store_id = '$store->{id}' AND kind = 'provision'"),
		'cancelled', 'the provision was cancelled');
};

subtest '1.7: killed each time, also while it is asked whether the chart is at fault' => sub {
	my $s = try_mode('killed', 'killed');
	is($s->{status}, 'failed', 'the store is failed');
	is($s->{error_code}, 'helm_failed', 'by helm, and not by the chart');
	is($s->{job}{attempt}, 2, 'after the attempts that were allowed');
};

subtest '2.1: helm killed while its record is pending' => sub {
	my $s = try_mode('die', 'dies pending');
	is($s->{status}, 'ready', 'the next attempt makes it ready');
	is($s->{job}{attempt}, 2, 'which was the second');
};

subtest '2.2: exit 0 with a record that is pending' => sub {
	my $s = try_mode('lie', 'lies');
	my ($said) = map { $_->{message} } grep { $_->{state} eq 'failed' } $p->events($s->{id});
	like($said, qr/reported success, but the cluster has the release wc-lies as "pending-install"/, 'it was not believed');
	is($s->{status}, 'ready', 'the next attempt makes it ready');
	is($s->{job}{attempt}, 2, 'which was the second');
};

# The gate: jobs wait in the queue while helm cannot be used, and say why. The
# rule for versions has its unit test.
subtest '2.9: helm 4.2.1 comes while the platform runs' => sub {
	$helm->version('v4.2.1');
	$p->wait_for('helm to be refused', sub { !ready_check('helm')->{ok} }, 60);
	like(ready_check('helm')->{sentence}, qr/4\.2\.1 loses hooks/, 'the reason is told');
	is($p->get('/api/ready')->{status}, 503, 'the platform is not ready');
	$helm->version('v3.22.0');
	$p->wait_for('helm to be accepted', sub { ready_check('helm')->{ok} });
};

subtest '2.11: helm missing, then not executable' => sub {
	$p->stop('provisioner');
	rename $helm->path, $helm->path . '.away' or die;
	$p->start_provisioner;
	$p->wait_for('helm to be missed', sub { !ready_check('helm')->{ok} }, 60);
	like(ready_check('helm')->{sentence}, qr/No such file/, 'the reason is told');
	my $store = $p->create(name => 'patient');
	Platform::spew($helm->path, "#!/bin/sh\nexit 0\n", 0644);
	$p->wait_for('the other reason', sub { ready_check('helm')->{sentence} =~ /denied/ }, 60);
	my $row = $p->store($store->{id});
	is($row->{status}, 'provisioning', 'a new store waits');
	is($row->{job}{attempt}, 0, 'without an attempt');
	like($row->{progress}{message}, qr/helm cannot be run/, 'and says for what');
	unlink $helm->path;
	rename $helm->path . '.away', $helm->path or die;
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'then it goes on by itself');
};

$helm->mode('real');
$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} }, 180);
$p->finish;
