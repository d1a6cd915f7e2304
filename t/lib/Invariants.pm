# Invariants.pm: what is true of the platform whatever has happened to it.
# PlatformTest::finish() looks at the end of every test, when all programs are gone.
#
#	Invariants::of_rows($p)      # complaints about database, locks and files
#	Invariants::of_cluster($p)   # complaints where rows and cluster differ, once all settled
package Invariants;

use strict;
use warnings;

use Fcntl qw(LOCK_EX LOCK_NB);
use File::Find ();

use Platform;

# A name, and a query whose rows are what breaks it. Rows that a test wrote itself
# (ApiTest::play) were written by none of our programs: then only the first three count.
my @rows = (
	['the database is whole', 'PRAGMA integrity_check', sub { $_[0][0] ne 'ok' }],
	['every reference leads somewhere', 'PRAGMA foreign_key_check'],
	['at most one running job a store',
		"SELECT store_id FROM jobs WHERE state = 'running' GROUP BY store_id HAVING count(*) > 1"],
	['a job is at its end exactly if that is dated',
		"SELECT id, state FROM jobs WHERE (finalized_at IS NOT NULL) <> (state IN ('done', 'failed', 'cancelled'))"],
	['a job that is done or failed has one row of audit about that, another none', q{
		SELECT j.id, j.kind, j.state, count(a.id) FROM jobs j LEFT JOIN audit_log a ON a.store_id = j.store_id
		AND a.action IN ('provision_success', 'provision_failed', 'delete_success', 'delete_failed')
		AND json_extract(a.details, '$.job') = j.id
		GROUP BY j.id HAVING count(a.id) <> (j.state IN ('done', 'failed'))}],
	# One that storectl made of a namespace was not created, but adopted or removed.
	['a store has a job and one row of audit about its creation', q{
		SELECT s.id FROM stores s WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.store_id = s.id)
		OR NOT EXISTS (SELECT 1 FROM audit_log a WHERE a.store_id = s.id
		AND a.action IN ('create', 'namespace_adopted', 'namespace_removed'))
		OR (SELECT count(*) FROM audit_log a WHERE a.store_id = s.id AND a.action = 'create') > 1}],
	['a store that is being made or removed has a job for it', q{
		SELECT s.id, s.status FROM stores s WHERE s.status IN ('provisioning', 'deleting') AND NOT EXISTS
		(SELECT 1 FROM jobs j WHERE j.store_id = s.id AND j.finalized_at IS NULL
		AND j.kind = CASE s.status WHEN 'deleting' THEN 'delete' ELSE 'provision' END)}],
	['a store that is ready or deleted has no job that waits or runs', q{
		SELECT s.id, s.status, j.kind, j.state FROM stores s JOIN jobs j ON j.store_id = s.id
		WHERE s.status IN ('ready', 'deleted') AND j.finalized_at IS NULL}],
	['what is counted is there', q{
		SELECT what, word, n FROM tallies WHERE n <> (SELECT count(*) FROM stores WHERE what = 'store' AND status = word)
		+ (SELECT count(*) FROM jobs WHERE kind = what AND state = word)}],
	['one store a slug', q{SELECT slug FROM stores WHERE status <> 'deleted' GROUP BY slug HAVING count(*) > 1}],
);

sub of_rows {
	my ($p) = @_;
	my $path = $p->{conf}{DATABASE_PATH};
	my @bad;
	return () unless -s $path && $p->sql_one("SELECT count(*) FROM sqlite_schema WHERE name = 'audit_log'");
	for my $i (0 .. ($p->{played} ? 2 : $#rows)) {
		my ($name, $query, $is_bad) = @{$rows[$i]};
		push @bad, map { "$name: @$_" } grep { !$is_bad || $is_bad->($_) } $p->sql($query);
	}
	my $chain = $p->{played} ? {status => 0} : $p->storectl('audit', 'verify');
	push @bad, "the audit log is a chain: $chain->{out}$chain->{err}" if $chain->{status};
	my %there = map { $_->[0] => 1 } $p->sql('SELECT id FROM stores');
	push @bad, map { "an acknowledged store is there: $_" } grep { !$there{$_} } @{$p->{acknowledged} || []};
	return (@bad, of_files($p));
}

# Locks that somebody still holds, and files that were to be gone.
sub of_files {
	my ($p) = @_;
	my @bad;
	for my $path (glob "$p->{conf}{PROVISIONER_DIR}/jobs/*.lock $p->{conf}{PROVISIONER_DIR}/provisioner.lock") {
		open my $lock, '+<', $path or next;
		push @bad, "a lock is free when nothing runs: $path" unless flock $lock, LOCK_EX | LOCK_NB;
	}
	File::Find::find({no_chdir => 1, wanted => sub {
		push @bad, "no temporary file is left: $_" if /(?:\.(?:new|part|tmp)|-journal)$/;
	}}, grep { -d } "$p->{dir}/data", "$p->{dir}/run");
	return @bad;
}

sub of_cluster {
	my ($p) = @_;
	my (%namespace, %volume, %deployed, @bad);
	my @stores = $p->sql('SELECT id, namespace, status FROM stores ORDER BY created_at') or return ();
	$namespace{$_->{metadata}{name}} = $_->{metadata}{labels}{'store-platform.io/store-id'} // ''
		for @{$p->kube_json('get', 'namespaces')->{items}};
	$volume{$_->{spec}{claimRef}{namespace} || ''}++ for @{$p->kube_json('get', 'pv')->{items}};
	$deployed{$_->{metadata}{namespace}}++
		for @{$p->kube_json('get', 'secrets', '-A', '-l', 'owner=helm,status=deployed')->{items}};
	for (@stores) {
		my ($id, $name, $status) = @$_;
		my $here = ($namespace{$name} // '') eq $id;
		push @bad, "$name: the store is ready and its namespace is not there" if $status eq 'ready' && !$here;
		push @bad, "$name: the store is ready with " . ($deployed{$name} || 0) . ' deployed releases'
			if $status eq 'ready' && $here && ($deployed{$name} || 0) != 1;
		push @bad, "$name: the store is deleted and its namespace is there" if $status eq 'deleted' && $here;
		push @bad, "$name: the store is deleted and its volumes are there"
			if $status eq 'deleted' && !exists $namespace{$name} && $volume{$name};
	}
	return @bad;
}

1;
