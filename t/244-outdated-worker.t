#!/usr/bin/perl
# 4.8: a worker is in the middle of its job when a newer program changes the database. A
# schema that is not for it: it writes nothing more, and the job goes on under programs
# that fit. A schema that its floor lets it work with, as in a rolling update: pool,
# provisioner and worker go on as if nothing had been, until the newer ones take over.
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
$p->start;
my $newest = $p->sql_one('PRAGMA user_version');

# A provisioner, and a worker of its that stands still when helm has ended.
sub stand_still {
	Platform::spew("$stops/helm-unread", '');
	$p->stop('provisioner');
	$p->start_provisioner(STORE_STOP_IN => $stops);
	my $store = $p->create(name => $_[0]);
	my $worker;
	$p->wait_for('the worker to stand still', sub {
		return if -e "$stops/helm-unread";
		($worker) = grep { (readlink("/proc/$_/exe") || '') =~ m{/store-worker$} && Platform::slurp("/proc/$_/stat") =~ /\) T / }
			split ' ', Platform::slurp("/proc/$p->{pids}{provisioner}/task/$p->{pids}{provisioner}/children");
	});
	return ($store, $worker);
}

sub ready {
	my ($store, $name) = @_;
	my $end = $p->wait_status($store->{id}, 'ready|failed');
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($end->{status}, 'ready', $name) or diag $end->{error_message};
}

sub gone {
	my ($store, $slug) = @_;
	$p->delete("/api/stores/$store->{id}");
	$p->wait_status($store->{id}, 'gone');
	$p->is_gone($slug);
}

subtest '4.8: a schema that is not for it' => sub {
	my ($store, $worker) = stand_still('Outdated');
	$p->sql_write('PRAGMA user_version = 99');
	my $look = sub { join "\n", map { "@$_" } $p->sql("SELECT id, kind, step, state FROM events UNION ALL SELECT id, state, fence, '' FROM jobs UNION ALL SELECT id, action, '', '' FROM audit_log") };
	my $before = $look->();
	kill 'CONT', $worker;
	is($p->wait_end('provisioner'), 0, 'the provisioner ends');
	is($look->(), $before, 'neither it nor its worker has written anything');
	my $log = Platform::slurp("$p->{dir}/provisioner.log");
	like($log, qr/stopping: The database has schema 99/, 'it says why');
	is(scalar(grep { /store-worker/ } $p->leftovers), 0, 'no worker is left');
	is($p->sql_one("SELECT state FROM jobs"), 'running', 'the job is as it was');
	$p->sql_write("PRAGMA user_version = $newest");
	$p->start_provisioner;
	ready($store, 'programs that fit take the job up again');
	gone($store, 'outdated');
};

# The programs of the next version: the same objects with one more step of the schema, which
# adds all that a step of the kind EXPAND may add, to every table that there is.
sub next_version {
	my $dir = "$p->{dir}/next";
	my $step = join '', map { "ALTER TABLE $_->[0] ADD COLUMN later TEXT; ALTER TABLE $_->[0] ADD COLUMN more INTEGER NOT NULL DEFAULT 7;" }
		$p->sql("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
	$step .= 'CREATE TABLE later (id INTEGER PRIMARY KEY, job_id INTEGER) STRICT; CREATE INDEX jobs_later ON jobs (later, id);'
		. 'CREATE TRIGGER jobs_later AFTER INSERT ON jobs BEGIN INSERT INTO later (job_id) VALUES (new.id); END;';
	my ($n, $src) = ($newest + 1, "$Platform::TOP/src/io");
	my $code = Platform::slurp("$src/migrate.c");
	$code =~ s/^static const struct \{\n/static const char next[] = "$step";\n\n$&/m or die 'no table of steps';
	$code =~ s/^(\} steps\[\] = \{\n.*?)(^\};)/$1\t{next, EXPAND},\n$2/ms or die 'no steps';
	mkdir "$dir$_" or die "$dir$_: $!" for '', '/src', '/io';
	Platform::spew("$dir/migrate.c", $code);
	Platform::spew("$dir/io/migrate.h", Platform::slurp("$src/migrate.h") =~ s/(MIGRATE_NEWEST = )$newest;?/$1$n/r);
	my @rules = ("$dir/migrate.o:\n\t\$(COMPILE) -c -o \$\@ $dir/migrate.c");
	for my $program (qw(api provisioner worker)) {
		push @rules, "$dir/src/store-$program: $dir/migrate.o\n\t\$(LINK) \$(src_store_${program}_OBJECTS) $dir/migrate.o \$(src_store_${program}_LDADD)";
	}
	Platform::spew("$dir/rules", "include Makefile\n" . join("\n", @rules) . "\n");
	delete local @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
	my $told = `make -C '$p->{build}' -f '$dir/rules' @{[map { "'$dir/src/store-$_'" } qw(api provisioner worker)]} 2>&1`;
	is($?, 0, 'the programs of the next version') or diag $told;
	return $dir;
}

subtest '4.8: a schema that its floor lets it work with' => sub {
	my $next = next_version();
	my ($store, $worker) = stand_still('Rolling');
	my ($old) = $p->pool_pids;
	{
		local $p->{build} = $next;
		my $socket = IO::Socket::UNIX->new(Local => "$p->{dir}/run/next.sock", Listen => 16) or die "listen: $!";
		$p->spawn('next', [$p->program('store-api')], stdin => $socket);
	}
	$p->wait_for('the first new process to change the database', sub { $p->sql_one('PRAGMA user_version') == $newest * 1000 + $newest + 1 });
	kill 'CONT', $worker;
	ready($store, 'the old worker goes on to the end');
	is($p->sql_one("SELECT group_concat(attempt) FROM jobs WHERE store_id = '$store->{id}'"), 1, 'in its one attempt');
	my $second = $p->create(name => 'Meanwhile');
	is($p->sql_one("SELECT s.more || count(l.id) FROM stores s JOIN jobs j ON j.store_id = s.id JOIN later l ON l.job_id = j.id WHERE s.id = '$second->{id}'"),
		71, 'what old programs write has what the new schema adds');
	ready($second, 'a whole life by old programs');
	gone($second, 'meanwhile');
	is(scalar $p->post('/api/users', {name => 'late', role => 'viewer', password => 'long enough to be one'})->{status}, 201, 'an account, too');
	is(join(' ', $p->pool_pids), $old, 'the old process of the pool has not ended');
	is($p->storectl('audit', 'verify')->{status}, 0, 'nor is an old command refused');
	$p->stop('provisioner');
	$p->start_provisioner;
	is($p->sql_one('PRAGMA user_version'), $newest * 1000 + $newest + 1, 'old programs start, and leave the schema as it is');

	$p->stop($_) for qw(api provisioner next);
	local $p->{build} = $next;
	$p->start_provisioner;
	$p->start_pool;
	gone($store, 'rolling');
	my $third = $p->create(name => 'Afterwards');
	ready($third, 'the new programs take over');
	gone($third, 'afterwards');
	unlike(Platform::slurp("$p->{dir}/$_.log"), qr/database_version|has schema/, "$_: nothing was refused") for qw(api next);
};
$p->{fds} = undef;
$p->finish;
