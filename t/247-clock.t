#!/usr/bin/perl
# The provisioner's clock jumps by hours and by years, to and fro, while jobs
# run and wait: nothing is begun twice and nothing waits longer than its pause.
# libfaketime plays the jumps; monotonic clocks stay true, as a kernel's do.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use FakeHelm;
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $PATIENCE = 400;	# seconds: who waits this long has failed, however busy the machine is
my ($library) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
plan(skip_all => 'no libfaketime: apt install libfaketime') unless $library;

my $p = PlatformTest->new(conf => {MAX_STORES => 50, MAX_CONCURRENT_PROVISIONS => 1, PROVISION_ATTEMPTS => 20});
my $helm = FakeHelm->new($p, 'helm3');
my $clock = "$p->{dir}/clock";

sub set_clock {
	my ($to) = @_;
	Platform::spew("$clock.new", "$to\n");
	rename "$clock.new", $clock or die "clock: $!";
}

sub start_provisioner {
	$p->start_provisioner(LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $clock, FAKETIME_NO_CACHE => 1,
		FAKETIME_DONT_FAKE_MONOTONIC => 1);
}

sub jobs { return $p->sql_one("SELECT count(*) FROM jobs WHERE $_[0]") }
sub log_text { return Platform::slurp("$p->{dir}/provisioner.log") }

set_clock('+0');
start_provisioner();
$p->start_pool;
$p->start_nginx;

subtest '1.10: jumps while one job runs and others wait' => sub {
	$helm->mode('hang');
	my @stores = map { $p->create(name => "clock $_") } 1 .. 3;
	$p->wait_for('helm to run', sub { $helm->calls });
	my $fence = $p->sql_one("SELECT sum(fence) FROM jobs");
	my $moved = 0;
	for my $to ('+1h', '-1h', '+365d', '-365d', '+0') {
		my $said = () = log_text() =~ /the clock was put/g;
		set_clock($to);
		$p->wait_for("the jump to $to to be seen", sub { (() = log_text() =~ /the clock was put/g) > $said });
		is(jobs("state = 'running'"), 1, "$to: one runs");
		is(scalar $helm->calls, 1, "$to: helm was not started again");
	}
	is($p->sql_one("SELECT sum(fence) FROM jobs"), $fence, 'nothing was claimed');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'lease_lost'"), 0, 'no lease was lost');
	$helm->mode('real');
	kill 'KILL', map { /^(\d+): sleep 1000/ } $p->leftovers;
	for (@stores) {
		my $end = $p->wait_status($_->{id}, 'ready|failed', $PATIENCE);
		is($end->{status}, 'ready', "$_->{slug} is ready in the end") or diag $end->{error_message};
		cmp_ok($end->{job}{attempt}, '<=', 2, 'with an attempt more at most');
	}
	my $average = $p->get('/api/metrics')->{json}{avg_provision_duration_seconds};
	cmp_ok($average, '<', 3600, 'no year got into the average');
};

subtest '1.10: put back by a year while a job waits for its next attempt' => sub {
	$helm->mode('nothing');
	my $store = $p->create(name => 'pausing');
	$p->wait_for('its pause', sub { jobs("store_id = '$store->{id}' AND state = 'retry'") });
	$p->sql_write("UPDATE jobs SET run_at = run_at + 200000 WHERE store_id = '$store->{id}' AND state = 'retry'");
	my ($before) = $p->sql_one("SELECT run_at FROM jobs WHERE store_id = '$store->{id}'");
	set_clock('-365d');
	my $after;
	$p->wait_for('the pause to move along', sub {
		($after = $p->sql_one("SELECT run_at FROM jobs WHERE store_id = '$store->{id}'")) < $before - 300 * 86400_000 });
	cmp_ok($after, '<', (time - 365 * 86400 + 300) * 1000, 'it is due within the longest pause of the clock that counts now');
	$helm->mode('real');
	set_clock('+0');
	is($p->wait_status($store->{id}, 'ready|failed', $PATIENCE)->{status}, 'ready', 'and it goes on');
};

subtest '1.10: a point of time far ahead is clamped at the start' => sub {
	$p->stop('provisioner');
	my $store = $p->create(name => 'far ahead');
	my $never = $p->create(name => 'an hour ahead');
	$p->sql_write("UPDATE jobs SET state = 'retry', attempt = 1, run_at = run_at + 31536000000 WHERE store_id = '$store->{id}';
		UPDATE jobs SET run_at = run_at + 3600000 WHERE store_id = '$never->{id}'");
	start_provisioner();
	for ($store, $never) {
		is($p->wait_status($_->{id}, 'ready|failed', $PATIENCE)->{status}, 'ready', "$_->{slug} is made now");
	}
};

$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} }, $PATIENCE);
$p->finish;
