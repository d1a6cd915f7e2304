#!/usr/bin/perl
# Supervisors that die again and again, a queue that a new one finds, and what
# the pauses between attempts are: figures are printed, conditions are checked.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiProxy;
use FakeHelm;
use PlatformTest;
use Test::More;
use Time::HiRes qw(time);

PlatformTest::need_cluster();

my $PATIENCE = 400;	# seconds: who waits this long has failed, however busy the machine is

sub jobs { my ($p, $where) = @_; return $p->sql_one("SELECT count(*) FROM jobs WHERE $where") }

sub kill_supervisor {
	my ($p) = @_;
	kill 'KILL', $p->{pids}{provisioner};
	$p->wait_end('provisioner', 20);
}

subtest '1.3: no two helms work on one store, however often the supervisor is killed' => sub {
	my $p = PlatformTest->new(conf => {MAX_STORES => 50, MAX_CONCURRENT_PROVISIONS => 4,
		MAX_CONCURRENT_DELETIONS => 8, PROVISION_ATTEMPTS => 20});
	my $helm = FakeHelm->new($p, 'helm3');
	$p->{more} = 1;
	$helm->mode('marked');
	$p->start;
	my @stores = map { $p->create(name => "marked $_") } 1 .. 12;
	for my $kill (1 .. 10) {
		my $calls = $helm->calls;
		$p->wait_for('helm to run again', sub { $helm->calls > $calls || !jobs($p, "finalized_at IS NULL") });
		kill_supervisor($p);
		$p->start_provisioner;
	}
	is($p->wait_status($_->{id}, 'ready|failed', $PATIENCE)->{status}, 'ready', "$_->{slug} is ready") for @stores;
	is(join(' ', $helm->collisions), '', 'no helm met another one');
	is(jobs($p, "store_id IN (SELECT store_id FROM audit_log WHERE action = 'provision_success')
		AND kind = 'provision'"), 12, 'each was made by one job');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'provision_success'"), 12, 'and told once');
	$helm->mode('real');
	$p->delete("/api/stores/$_->{id}") for @stores;
	$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} }, $PATIENCE);
	$p->{fds} = undef; # the supervisor is another one by now
	$p->finish;
};

subtest 'figure: a restart with 50 queued and 3 running jobs' => sub {
	my $p = PlatformTest->new(conf => {MAX_STORES => 100, MAX_CONCURRENT_PROVISIONS => 3, MAX_CONCURRENT_DELETIONS => 8});
	my $helm = FakeHelm->new($p, 'helm3');
	$p->{more} = 1;
	$helm->mode('hang');
	$p->start;
	my @stores = map { $p->create(name => "waiting $_") } 1 .. 53;
	$p->wait_for('three to run', sub { $helm->calls == 3 });
	is(jobs($p, "state = 'queued'"), 50, '50 wait');
	my $fence = $p->sql_one('SELECT sum(fence) FROM jobs');
	kill_supervisor($p);
	my $begin = time;
	$p->start_provisioner;
	$p->wait_for('a job to be resumed', sub { $p->sql_one('SELECT sum(fence) FROM jobs') > $fence });
	note(sprintf 'the first job was resumed %.2f s after the start', time - $begin);
	$p->wait_for('helm to run for all three', sub { $helm->calls == 6 });
	is(jobs($p, "state = 'running'"), 3, 'three run again');
	is(jobs($p, "state = 'running' AND attempt = 2"), 3, 'the same three');
	$helm->mode('real');
	$p->delete("/api/stores/$_->{id}") for reverse @stores;
	$p->wait_for('all to be gone', sub { !@{$p->get('/api/stores')->{json}} }, $PATIENCE);
	is(jobs($p, "kind = 'provision' AND state = 'cancelled'"), 53, 'all were cancelled');
	$p->{fds} = undef;
	$p->finish;
};

# The gaps between the attempts of a store, by the proxy's own clock.
sub gaps {
	my ($proxy, $path) = @_;
	my @at = map { (split ' ')[0] } grep { / GET \Q$path\E$/ } $proxy->requests;
	return map { $at[$_] - $at[$_ - 1] } 1 .. $#at;
}

subtest '1.7: retries are bounded, spaced and visible' => sub {
	my $p = PlatformTest->new(conf => {MAX_STORES => 50, PROVISION_ATTEMPTS => 4, MAX_CONCURRENT_PROVISIONS => 4});
	my $proxy = ApiProxy->start("$p->{dir}/proxy");
	$p->{conf}{KUBECONFIG} = $proxy->kubeconfig;
	$p->{more} = 1;
	$proxy->rules({match => '^GET /api/v1/namespaces/store-faulty-\d$', status => 503},
		{match => '^GET /api/v1/namespaces/store-throttled$', status => 429, times => 1, headers => {'Retry-After' => 20}});
	$p->start;
	my $throttled = $p->create(name => 'throttled');
	my @stores = map { $p->create(name => "faulty $_") } 1, 2;
	my $job;
	$p->wait_for('a pause', sub { ($job = $p->store($stores[0]{id})->{job})->{state} eq 'retry' });
	is($job->{error_code}, 'cluster_failed', 'while it waits, the job says why');
	like($job->{error_message}, qr/answered 503/, 'in a sentence');
	cmp_ok($job->{attempt}, '>=', 1, 'how often it was tried');
	is($job->{max_attempts}, 4, 'of how many times');
	like($job->{next_attempt_at}, qr/^\d{4}-.*Z$/, 'and when it is tried next');
	for my $store (@stores) {
		my $end = $p->wait_status($store->{id}, 'ready|failed', $PATIENCE);
		is($end->{status}, 'failed', "$store->{slug} is failed in the end");
		like($end->{error_message}, qr/answered 503/, 'with a sentence');
		my @gaps = gaps($proxy, "/api/v1/namespaces/$store->{namespace}");
		is(scalar @gaps, 3, 'after the attempts that were allowed');
		note("$store->{slug}: " . join ' ', map { sprintf '%.1f s', $_ } @gaps);
		# The limit doubles; what is above it is the machine's own time.
		cmp_ok($gaps[$_], '<=', 5 * 2 ** $_ + 20, "gap $_ is within its limit") for 0 .. 2;
		push @{$store->{gaps}}, @gaps;
	}
	isnt(join(' ', map { sprintf '%.1f', $_ } @{$stores[0]{gaps}}), join(' ', map { sprintf '%.1f', $_ } @{$stores[1]{gaps}}),
		'two stores do not come back at the same times');
	is($p->wait_status($throttled->{id}, 'ready|failed', $PATIENCE)->{status}, 'ready', 'the throttled one is ready');
	cmp_ok((gaps($proxy, "/api/v1/namespaces/store-throttled"))[0], '>=', 20, 'and was let alone as long as it was told');
	$proxy->rules;
	$p->delete("/api/stores/$_->{id}") for @stores, $throttled;
	$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} }, $PATIENCE);
	$p->finish;
};

done_testing();
