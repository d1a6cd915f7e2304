#!/usr/bin/perl
# The queue: how many work at once, who goes first, what a stop and a kill of
# the supervisor do to running jobs, and that no two helms ever work on one
# store. helm is a fake where it has to stand still.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use FakeHelm;
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $p = PlatformTest->new(conf => {MAX_STORES => 50, MAX_CONCURRENT_PROVISIONS => 2,
	MAX_CONCURRENT_DELETIONS => 2, PROVISION_ATTEMPTS => 3});
my $helm = FakeHelm->new($p, 'helm3');
$p->start;
$p->wait_for('the platform', sub { $p->get('/api/ready')->{status} == 200 });

sub jobs { return $p->sql_one("SELECT count(*) FROM jobs WHERE $_[0]") }

sub remove_all {
	$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
	$p->wait_for('everything to be gone', sub { !@{$p->get('/api/stores')->{json}} }, 180);
}

subtest 'no more at once than allowed, deletions beside them' => sub {
	my $old = $p->create(name => 'old one');
	$p->wait_status($old->{id}, 'ready');
	$helm->forget;
	$helm->mode('hang');
	my @stores = map { $p->create(name => "queue $_") } 1 .. 4;
	$p->wait_for('two to run', sub { $helm->calls == 2 });
	is(jobs("kind = 'provision' AND state = 'running'"), 2, 'two run');
	is(jobs("kind = 'provision' AND state = 'queued'"), 2, 'two wait');
	is($p->store($stores[2]{id})->{progress}{queue_position}, 1, 'the third is next');
	is($p->store($stores[3]{id})->{progress}{queue_position}, 2, 'the fourth follows');
	my @ready = map { $p->store($_->{id})->{progress}{estimated_ready_at} } @stores;
	is(scalar(grep { defined } @ready), 4, 'each says when it is expected to be ready');
	cmp_ok($ready[2], 'gt', $ready[0], 'the third after the first');
	is($p->store($stores[3]{id})->{progress}{estimated_ready_at}, $ready[3], 'a point in time: it stays the same');
	my $metrics = $p->get('/api/metrics')->{json};
	is($metrics->{active_provisions}, 2, 'the metrics say so');
	is($metrics->{queued_provisions}, 2, 'and how many wait');
	$helm->mode('real');
	$p->delete("/api/stores/$old->{id}");
	$p->wait_status($old->{id}, 'gone');
	is(jobs("kind = 'provision' AND state = 'running'"), 2, 'a deletion did not wait behind them');
	remove_all();
	$p->is_gone("queue-$_") for 1 .. 4;
	is(jobs("kind = 'provision' AND state = 'cancelled'"), 4, 'the provisions were cancelled');
};

subtest '1.8: a job that always fails does not stop the others' => sub {
	$helm->mode('nothing');
	my $poison = $p->create(name => 'poison');
	$p->wait_for('its first attempt', sub { $p->store($poison->{id})->{job}{state} eq 'retry' });
	$helm->mode('real');
	my @good = map { $p->create(name => "good $_") } 1 .. 3;
	is($p->wait_status($_->{id}, 'ready|failed')->{status}, 'ready', "$_->{slug} is ready") for @good;
	is($p->wait_status($poison->{id}, 'ready|failed')->{status}, 'ready', 'and so is the other one then');
};

subtest '1.6: stop while three helms run and one store waits' => sub {
	my $room = $p->{conf}{MAX_CONCURRENT_PROVISIONS};
	$p->stop('provisioner');
	$p->{conf}{MAX_CONCURRENT_PROVISIONS} = 3;
	$p->start_provisioner;
	$helm->forget;
	$helm->mode('hang');
	my @stores = map { $p->create(name => "stopped $_") } 1 .. 4;
	$p->wait_for('helm to run', sub { $helm->calls == 3 });
	kill 'TERM', $p->{pids}{provisioner} for 1 .. 2;
	is($p->wait_end('provisioner', 40), 0, 'it ends well, also when told twice');
	is(scalar(grep { /sleep 1000/ } $p->leftovers), 0, 'helm ended with it');
	is(scalar $helm->calls, 3, 'nothing more was begun');
	for my $store (@stores) {
		my ($row) = $p->sql("SELECT state, attempt, outages FROM jobs WHERE store_id = '$store->{id}'");
		is("@$row", 'queued 0 0', "$store->{slug} waits again, without an attempt used");
	}
	$helm->mode('real');
	$p->{conf}{MAX_CONCURRENT_PROVISIONS} = $room;
	$p->start_provisioner;
	for my $store (@stores) {
		my $end = $p->wait_status($store->{id}, 'ready|failed');
		is($end->{status}, 'ready', "$store->{slug} is made by the next one");
		is($end->{job}{attempt}, 1, 'at the first attempt');
	}
};

subtest '1.5: kill -9 of the supervisor while helm ignores TERM' => sub {
	$helm->forget;
	$helm->mode('stubborn');
	my $store = $p->create(name => 'orphaned');
	$p->wait_for('helm to run', sub { $helm->calls });
	kill 'KILL', $p->{pids}{provisioner};
	$p->wait_end('provisioner', 10);
	my ($pid) = map { /^(\d+): .*fakehelm/ } $p->leftovers;
	ok($pid, 'helm is still there');
	$helm->mode('real');
	$p->start_provisioner;
	$p->wait_for('the row to be looked at', sub {
		Platform::slurp("$p->{dir}/provisioner.log") =~ /process $pid of an older job/ });
	is(scalar $helm->calls, 1, 'no second helm is started beside it');
	is($p->store($store->{id})->{job}{state}, 'running', 'the row is left alone meanwhile');
	my $end = $p->wait_status($store->{id}, 'ready|failed', 90);
	is($end->{status}, 'ready', 'then it is ended, and the store is made');
	is($end->{job}{attempt}, 2, 'at the second attempt');
	ok(!kill(0, $pid), 'the old helm is gone');
};

subtest 'kill -9 of a worker, and of helm' => sub {
	for my $victim ('worker', 'helm') {
		$helm->forget;
		$helm->mode('hang');
		my $store = $p->create(name => "killed $victim");
		$p->wait_for('helm to run', sub { $helm->calls });
		my $look = $victim eq 'worker' ? qr/^(\d+): store-worker/ : qr/^(\d+): sleep 1000/;
		my $pid = $p->wait_for("the $victim", sub { (map { /$look/ } $p->leftovers)[0] });
		$helm->mode('real');
		kill 'KILL', $pid;
		my $end = $p->wait_status($store->{id}, 'ready|failed');
		is($end->{status}, 'ready', "the store is ready after the $victim was killed");
		is($end->{job}{attempt}, 2, 'at the second attempt');
		is(jobs("store_id = '$store->{id}'"), 1, 'by the same job');
	}
};

subtest '1.7: attempts are bounded when every worker dies' => sub {
	my $mark = "$p->{dir}/deadly";
	$p->stop('provisioner');
	# A label's file that cannot be removed twice would end the dying: here it is made anew each time.
	$p->start_provisioner(STORE_CRASH_AT => "begin-namespace=$mark");
	Platform::spew($mark, '');
	my $store = $p->create(name => 'doomed');
	my $end;
	$p->wait_for('the end', sub {
		Platform::spew($mark, '') unless -e $mark;
		$end = $p->store($store->{id});
		$end->{status} eq 'failed';
	});
	is($end->{error_code}, 'worker_died', 'it is failed, with its code');
	like($end->{error_message}, qr/ended by signal 9/, 'and a sentence');
	is($end->{job}{attempt}, 3, 'after the attempts that were allowed');
	is(scalar(grep { ($_->{store_id} || '') eq $store->{id} && $_->{action} eq 'provision_failed' }
		@{$p->get('/api/stores/audit/log')->{json}}), 1, 'the audit tells it once');
	unlink $mark;
	$p->post("/api/stores/$store->{id}/retry", undef);
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'a retry makes it ready');
};

$helm->mode('real');
remove_all();
$p->{fds} = undef; # the supervisor is another one by now
$p->finish;
