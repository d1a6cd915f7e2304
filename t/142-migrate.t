#!/usr/bin/perl
# 4.8: storectl db migrate: a checked copy, then the schema; not under programs that run;
# cut short and done again. And a program that still runs when a newer one has changed the
# database: its changes are refused with a sentence, and it ends.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Test::More;

my $p = ApiTest->new(pool => 1);
my $path = $p->{conf}{DATABASE_PATH};
my $json = JSON::PP->new;
$p->start;
my $store = $p->create(name => 'Migrated');
my $newest = $p->sql_one('PRAGMA user_version');
my $before = 1;

sub migrate { return $p->storectl('db', 'migrate', @_) }
sub version { return $p->sql_one('PRAGMA user_version') }
sub copies { my @found = glob "$path.schema-*"; return @found }
sub stop_programs { $p->stop($_) for qw(api provisioner) }

# A database as the first version made it, with the store in it: its schema is in the source.
sub age {
	my $source = Platform::slurp("$Platform::TOP/src/io/migrate.c") =~ s{/\*.*?\*/}{}gsr;
	my ($raise) = $source =~ /^#define RAISE "(.*)"$/m;
	my ($text) = $source =~ /^static const char schema_1\[\] =\n(.*?;)\n\n/ms;
	my $schema = join '', map { $_ eq 'RAISE' ? $raise : substr $_, 1, -1 } $text =~ /"[^"]*"|\bRAISE\b/g;
	unlink map { "$path$_" } '', '-wal', '-shm';
	$p->sql_write("PRAGMA journal_mode = WAL; PRAGMA application_id = 1400139634; PRAGMA user_version = $before; $schema;
		INSERT INTO stores (id, name, slug, type, plan, status, namespace, store_url, admin_url, admin_user, created_at, updated_at)
		VALUES ('$store->{id}', 'Migrated', 'migrated', 'woocommerce', 'small', 'provisioning', 'store-migrated', 'x', 'x', 'admin', 1, 1);
		INSERT INTO jobs (store_id, kind, state, max_attempts, run_at, actor, request_id, created_at)
		VALUES ('$store->{id}', 'provision', 'queued', 5, 1, 'x', 'x', 1);
		INSERT INTO audit_log (store_id, action, details, actor, created_at) VALUES ('$store->{id}', 'create', '{}', 'x', 1)");
}

sub refused {
	my ($r, $said, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$r->{status} $r->{out}", '1 ', "$name: refused");
	like($r->{err}, qr/\Astorectl: [^\n]*$said[^\n]*\n\z/, "$name: with a sentence");
}

subtest 'nothing to do' => sub {
	my $r = migrate();
	is("$r->{status} $r->{out}$r->{err}", "0 The schema is $newest, this program's.\n", 'it says so, also while the programs run');
	is_deeply($json->decode(migrate('--json')->{out}), {from => $newest, to => $newest, backup => undef}, 'as JSON');
	is(scalar copies(), 0, 'and makes no copy');
	is($p->storectl('db', 'schema')->{out}, "The database has schema $newest; programs of an older one may not work with it. This program is of $newest.\n", 'db schema tells');
};

subtest '4.8: a schema of before' => sub {
	stop_programs();
	age();
	refused($p->storectl('user', 'list'), "has schema $before, and this program needs $newest\\. .*storectl db migrate", 'another command');
	refused($p->storectl('audit', 'verify'), 'storectl db migrate', 'one that reads');
	like($p->storectl('db', 'check')->{out}, qr/^well: The schema is $before; storectl db migrate/m, 'db check tells');
	my $shell = $p->sqlite;
	ApiTest::run_sql($shell, 'SELECT count(*) FROM stores');
	refused(migrate(), 'Process \d+ has the database open; stop store-provisioner', 'a program that runs');
	ApiTest::end_shell($shell);
	is(version(), $before, 'nothing was changed');
	is(scalar copies(), 0, 'and nothing copied');

	my $mark = "$p->{dir}/mark";
	Platform::spew($mark, '');
	{
		local $p->{preload} = {STORE_CRASH_AT => "migrate-kept=$mark"};
		is(migrate()->{status}, 'signal 9', 'cut short');
	}
	is(version(), $before, 'it is as it was');
	my $r = migrate('--json');
	is("$r->{status} $r->{err}", '0 ', 'and done again');
	my $told = $json->decode($r->{out});
	is("$told->{from} $told->{to}", "$before $newest", 'from where to where');
	is(version(), $newest, 'it is there');
	is(sprintf('%o', (stat $told->{backup})[2] & 07777), '600', 'the copy is for nobody else to read');
	is(`sqlite3 -readonly '$told->{backup}' 'PRAGMA user_version; PRAGMA integrity_check; SELECT count(*) FROM stores'`, "$before\nok\n1\n", 'and is what was before');
	is($p->sql_one('SELECT count(*) FROM stores'), 1, 'nothing was lost');
	$p->start_provisioner;
	$p->start_pool;
	is(scalar @{$p->get('/api/stores')->{json}}, 1, 'the programs work with it');
	stop_programs();
	is($p->storectl('db', 'restore', $told->{backup})->{status}, 0, 'the copy can be put back');
	is(version(), $before, 'with its schema');
	$r = migrate("--backup=$p->{dir}/named.db");
	is("$r->{status} $r->{err}", '0 ', 'a copy of a name of its own');
	ok(-f "$p->{dir}/named.db", 'is there');
	age();
	refused(migrate("--backup=$p->{dir}/named.db"), 'is there already', 'a name that is taken');
	is(version(), $before, 'nothing was changed');
	$p->start_provisioner;
	is(version(), $newest, 'a program brings it there by itself, too');
	$p->stop('provisioner');
};

subtest '4.8: what is refused' => sub {
	$p->sql_write('PRAGMA user_version = 99');
	refused(migrate(), 'has schema 99, .*a newer store-platform has written it', 'a database of a newer program');
	$p->sql_write("PRAGMA user_version = $newest");
	local $p->{conf}{DATABASE_PATH} = "$p->{dir}/none.db";
	refused(migrate(), 'There is no database to migrate', 'none');
	is($p->storectl('db', 'schema')->{out}, "There is no database yet. This program is of $newest.\n", 'db schema says so');
	ok(!-e "$p->{dir}/none.db", 'and none is made');
};

subtest '4.8: a program that still runs when a newer one has changed the database' => sub {
	$p->start_provisioner;
	$p->start_pool;
	is(scalar @{$p->get('/api/stores')->{json}}, 1, 'it answers');
	my ($pid) = $p->pool_pids;
	$p->sql_write('PRAGMA user_version = 99');
	my $r = $p->post('/api/stores', {name => 'Too late'});
	$p->check($r, 503, 'database_version', 'a change is refused');
	like($r->{json}{error}, qr/has schema 99 by now, .*restart this program/, 'with a sentence');
	is($p->sql_one('SELECT count(*) FROM stores'), 1, 'and not made');
	$p->wait_for('the old process to end', sub { !grep { $_ == $pid } $p->pool_pids });
	is($p->wait_end('provisioner'), 0, 'the old provisioner ends');
	like(Platform::slurp("$p->{dir}/provisioner.log"), qr/stopping: The database has schema 99/, 'and says why');
	$p->stop('api');
	is($p->run_program('store-api')->{status}, 1, 'an old program does not start again');
	$p->sql_write("PRAGMA user_version = $newest");
	$p->start_provisioner;
	$p->start_pool;
	is($p->post('/api/stores', {name => 'In time'})->{status}, 201, 'one that fits does');
};

# As a later version leaves the file: t/244 has the programs.
subtest '4.8: a newer schema that programs of this one may work with' => sub {
	$p->sql_write("PRAGMA user_version = " . ($newest * 1000 + $newest + 1));
	my ($next, $suits) = ($newest + 1, "The schema is @{[$newest + 1]}, a newer program's; this one's, $newest, may work with it.\n");
	is(migrate()->{out}, $suits, 'db migrate says so');
	is_deeply($json->decode(migrate('--json')->{out}), {from => $next, to => $next, backup => undef}, 'and does nothing');
	like($p->storectl('db', 'check')->{out}, qr/^well: \Q$suits/m, 'it is no fault');
	is($p->storectl('db', 'schema')->{out}, "The database has schema $next; programs of $newest and later may work with it. This program is of $newest.\n", 'db schema');
	is_deeply($json->decode($p->storectl('db', 'schema', '--json')->{out}), {schema => $next, oldest => $newest, program => $newest}, 'as JSON');
	is($p->post('/api/stores', {name => 'Meanwhile'})->{status}, 201, 'changes are made');
	is($p->storectl('db', 'backup', "$p->{dir}/newer.db")->{status}, 0, 'a backup');
	$p->sql_write('PRAGMA user_version = ' . ($next * 1000 + $next + 1));
	is_deeply($json->decode($p->storectl('db', 'schema', '--json')->{out}), {schema => $next + 1, oldest => $next, program => $newest}, 'db schema tells also of what is not for it');
	$p->sql_write("PRAGMA user_version = $newest");
};
$p->{fds} = undef;
$p->finish;
