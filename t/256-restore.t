#!/usr/bin/perl
# The drill: a backup of the platform in use, the database lost, the backup put
# back, with and without the key file. What the copy knows goes on against the
# cluster as it is; what it does not know is not touched.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $p = PlatformTest->new(conf => {MAX_STORES => 20});
my $copy = "$p->{dir}/backup.db";
my $key = "$p->{conf}{PROVISIONER_DIR}/seal.key";
$p->start;
my $ready = $p->create(name => 'Drill ready');
$p->wait_status($ready->{id}, 'ready');
$p->stop('provisioner');
my $waiting = $p->create(name => 'Drill waiting');

sub refused {
	my ($r, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$r->{status} $r->{out}", '1 ', "$name: refused");
	like($r->{err}, qr/\Astorectl: [^\n]*$error[^\n]*\n\z/, "$name: with a sentence");
}

sub stop { $p->stop($_) for qw(api provisioner) }
sub start { $p->start_provisioner; $p->start_pool }

subtest 'a backup of the platform in use' => sub {
	my $r = $p->storectl('db', 'backup', $copy);
	is("$r->{status} $r->{err}", '0 ', 'it is made');
	like($r->{out}, qr{\A\Q$copy\E is a checked copy.*\nKeep with it, as secretly as it: \Q$key\E\.}, 'and says what else belongs to it');
	is(sprintf('%o', (stat $copy)[2] & 07777), '600', 'for nobody else to read');
	is(join(' ', glob "$copy-* $copy.*"), '', 'one file');
	refused($p->storectl('db', 'backup', $copy), 'is there already', 'over a file');
	is($p->storectl('db', 'backup', '--force', $copy)->{status}, 0, '--force');
	refused($p->storectl('db', 'restore', $copy), 'Process \d+ has the database open; stop', 'a restore under the programs');
	ok(index(Platform::slurp($copy), $_) < 0, 'no password is in it') for @{$p->{secrets}};
};

my $etag = $p->get('/api/stores')->{headers}{etag};
$p->start_provisioner;
my $later = $p->create(name => 'Drill later');
$p->wait_status($_->{id}, 'ready') for $waiting, $later;

subtest '4.7: the database is lost and put back' => sub {
	stop();
	Platform::spew($p->{conf}{DATABASE_PATH}, 'rubbish ' x 4096);
	unlink "$p->{conf}{DATABASE_PATH}-wal", "$p->{conf}{DATABASE_PATH}-shm";
	is($p->run_program('store-api')->{status}, 1, 'the programs do not start');
	refused($p->storectl('db', 'restore', "$p->{dir}/none"), 'No such file', 'a copy that is not there');
	refused($p->storectl('db', 'restore', $p->{conf}{DATABASE_PATH}), 'not a database', 'a copy that is none');
	my $r = $p->storectl('db', 'restore', $copy);
	is("$r->{status} $r->{err}", '0 ', 'it is put back');
	like($r->{out}, qr/What was there is \S+\.replaced-\d+; .*\nPut seal\.key/, 'and says what is left to do');
	is($p->storectl('db', 'check')->{status}, 0, 'it is whole');
	start();
	isnt($p->get('/api/stores')->{headers}{etag}, $etag, 'no kept answer counts as the same');
	is($p->wait_status($waiting->{id}, 'ready|failed')->{status}, 'ready', 'the job that waited in it runs against what is there');
	is($p->store($ready->{id})->{status}, 'ready', 'what was ready is');
	is($p->get("/api/stores/$later->{id}")->{status}, 404, 'what came later is not known');
	ok(defined $p->kubectl('get', 'namespace', $later->{namespace}), 'and was not touched');
	$p->delete("/api/stores/$waiting->{id}");
	$p->wait_status($waiting->{id}, 'gone');
};

subtest 'put back without its key file' => sub {
	stop();
	unlink $key or die;
	is($p->storectl('db', 'restore', $copy)->{status}, 0, 'it is put back');
	like($p->storectl('db', 'check')->{out}, qr/FAULT: \Q$key\E is not there; put it back from the backup/, 'db check misses the key');
	start();
	like($p->storectl('db', 'check')->{out}, qr/FAULT: 1 stores wait with an admin password sealed to another key/, 'and names what depends on it');
	my $end = $p->wait_status($waiting->{id}, 'ready|failed');
	is("$end->{status} $end->{error_code}", 'failed admin_password_lost', 'its store fails');
	like($end->{error_message}, qr/admin password/, 'with the sentence that it needs another one');
	is($p->store($ready->{id})->{status}, 'ready', 'others are as they were');
	$p->delete("/api/stores/$_->{id}") for $waiting, $ready;
	$p->wait_status($_->{id}, 'gone') for $waiting, $ready;
};
$p->kubectl('delete', 'namespace', $later->{namespace});
$p->{fds} = undef;
$p->finish;
