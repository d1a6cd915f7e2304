#!/usr/bin/perl
# 4.8: a worker is in the middle of its job when a newer program changes the database: it
# writes nothing more, and the job goes on under programs that fit.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $p = PlatformTest->new(pool => 1);
my $stops = "$p->{dir}/stops";
mkdir $stops or die;
Platform::spew("$stops/helm-unread", '');
$p->start;
$p->stop('provisioner');
$p->start_provisioner(STORE_STOP_IN => $stops);
my $newest = $p->sql_one('PRAGMA user_version');
my $store = $p->create(name => 'Outdated');

# The worker stands still when helm has ended.
my $worker;
$p->wait_for('the worker to stand still', sub {
	return if -e "$stops/helm-unread";
	($worker) = grep { (readlink("/proc/$_/exe") || '') =~ m{/store-worker$} && Platform::slurp("/proc/$_/stat") =~ /\) T / }
		split ' ', Platform::slurp("/proc/$p->{pids}{provisioner}/task/$p->{pids}{provisioner}/children");
});
$p->sql_write('PRAGMA user_version = 99');
my $look = sub { join "\n", map { "@$_" } $p->sql("SELECT id, kind, step, state FROM events UNION ALL SELECT id, state, fence, '' FROM jobs UNION ALL SELECT id, action, '', '' FROM audit_log") };
my $before = $look->();
kill 'CONT', $worker;
is($p->wait_end('provisioner'), 0, '4.8: the provisioner ends');
is($look->(), $before, '4.8: neither it nor its worker has written anything');
my $log = Platform::slurp("$p->{dir}/provisioner.log");
like($log, qr/stopping: The database has schema 99/, 'it says why');
is(scalar(grep { /store-worker/ } $p->leftovers), 0, 'no worker is left');
is($p->sql_one("SELECT state FROM jobs"), 'running', 'the job is as it was');
$p->sql_write("PRAGMA user_version = $newest");
$p->start_provisioner;
my $end = $p->wait_status($store->{id}, 'ready|failed');
is($end->{status}, 'ready', '4.8: programs that fit take the job up again') or diag $end->{error_message};
$p->delete("/api/stores/$store->{id}");
$p->wait_status($store->{id}, 'gone');
$p->is_gone('outdated');
$p->{fds} = undef;
$p->finish;
