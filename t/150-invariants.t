#!/usr/bin/perl
# That the checker of invariants, which ends every test of the platform, finds
# each of them broken: one after the other, in a database that was whole.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Fcntl qw(LOCK_EX);
use Invariants;
use Test::More;

my $p = ApiTest->new;
$p->start;
my $id = $p->create(name => 'Whole')->{id};
$p->create(name => 'Other');
$p->stop($_) for qw(nginx api provisioner);
my $path = $p->{conf}{DATABASE_PATH};
unlink "$path-wal", "$path-shm"; # the last checkpoint has moved all of it
my $whole = Platform::slurp($path);
is(join("\n", Invariants::of_rows($p)), '', 'nothing is broken');

my $end = "state = 'done', finalized_at = 1";
my @broken = (
	['a job is at its end exactly if that is dated', "UPDATE jobs SET state = 'done' WHERE id = 1"],
	['a job that is done or failed has one row of audit', "UPDATE jobs SET $end WHERE id = 1; UPDATE stores SET status = 'ready'"],
	['a job that is done or failed has one row of audit', 'INSERT INTO audit_log (store_id, action, details, actor, created_at)'
		. " VALUES ('$id', 'provision_success', '{\"job\":1}', 'x', 1)"],
	['a store has a job and one row', "DELETE FROM jobs WHERE store_id = '$id'"],
	['a store has a job and one row', "INSERT INTO audit_log (store_id, action, details, actor, created_at) VALUES ('$id', 'create', '{}', 'x', 1)"],
	['a store that is being made or removed has a job', "UPDATE stores SET status = 'deleting' WHERE id = '$id'"],
	['a store that is being made or removed has a job', "UPDATE jobs SET state = 'cancelled', finalized_at = 1 WHERE id = 1"],
	['a store that is ready or deleted has no job', "UPDATE stores SET status = 'ready' WHERE id = '$id'"],
	['at most one running job', "DROP INDEX jobs_running; UPDATE jobs SET store_id = '$id', state = 'running'"],
	['every reference leads somewhere', "UPDATE events SET job_id = 99; INSERT INTO events (store_id, job_id, kind, attempt,"
		. " step, state, message, created_at) VALUES ('$id', 99, 'x', 1, 'x', 'info', 'x', 1)"],
	['what is counted is there', "UPDATE tallies SET n = n + 1 WHERE what = 'store'"],
	['one store a slug', "DROP INDEX stores_slug; UPDATE stores SET slug = 'same'"],
	['an acknowledged store is there', "PRAGMA foreign_keys=OFF; DELETE FROM stores WHERE id = '$id'"],
	['the database is whole', "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name = 'jobs_due'"],
);
for (@broken) {
	my ($what, $sql) = @$_;
	system('sqlite3', '-bail', $path, "PRAGMA ignore_check_constraints=ON; PRAGMA recursive_triggers=OFF; $sql") == 0
		or die "sqlite3: $sql";
	like(join("\n", Invariants::of_rows($p)), qr/^\Q$what\E/m, "found: $what");
	unlink "$path-wal", "$path-shm";
	Platform::spew($path, $whole);
}
for (['no temporary file is left', "$p->{conf}{PROVISIONER_DIR}/seal.pub.new"], ['no temporary file is left', "$path-journal"]) {
	my ($what, $file) = @$_;
	Platform::spew($file, '');
	like(join("\n", Invariants::of_rows($p)), qr/^\Q$what\E: \Q$file\E/m, "found: $what");
	unlink $file;
}
open my $lock, '>', "$p->{conf}{PROVISIONER_DIR}/jobs/$id.lock" or die;
flock $lock, LOCK_EX or die;
like(join("\n", Invariants::of_rows($p)), qr/^a lock is free when nothing runs/m, 'found: a lock that is held');
close $lock;
$p->{fds} = undef;
$p->finish;
