#!/usr/bin/perl
# storectl db archive: each backup whole and in a folder of its own, the oldest ones
# removed, nothing else touched. Promise 4.7; its timer: t/725-machine.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Fcntl qw(:flock);
use Test::More;

my $p = ApiTest->new;
$p->start;
my $folder = "$p->{dir}/backups";
mkdir $folder, 0700 or die;
my $form = qr/\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z/;

sub archives { return map { s{.*/}{}r } sort glob "$folder/[0-9]*" }

sub refused {
	my ($r, $status, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$r->{status} $r->{out}", "$status ", "$name: refused");
	like($r->{err}, qr/\Astorectl: [^\n]*$error[^\n]*\n\z/, "$name: with a sentence");
}

subtest 'a backup' => sub {
	$p->create(name => 'Archived');
	my $retired = 'seal.key.0123456789abcdef'; # what storectl keys rotate leaves for a while
	Platform::spew("$p->{conf}{PROVISIONER_DIR}/$_", 'k' x 32, 0600) for $retired, 'seal.key.other';
	my $old = umask 0;
	my $r = $p->storectl('db', 'archive', $folder);
	umask $old;
	is("$r->{status} $r->{err}", '0 ', 'is made of the platform in use');
	like($r->{out}, qr{\A\Q$folder\E/$form is a backup of database and keys\.\n\z}, 'and named by its time');
	my ($name) = archives();
	is(join(' ', map { s{.*/}{}r } glob "$folder/$name/{.*,}*"), ". .. api.key seal.key $retired store-platform.db", 'it has these files');
	is(sprintf('%o', (stat "$folder/$name")[2] & 07777), '700', 'for its owner');
	is(sprintf('%o', (stat "$folder/$name/$_")[2] & 07777), '600', "$_ too") for qw(api.key seal.key store-platform.db);
	is(Platform::slurp("$folder/$name/seal.key"), Platform::slurp("$p->{conf}{PROVISIONER_DIR}/seal.key"), 'the key is the key');
	is(Platform::slurp("$folder/$name/api.key"), Platform::slurp("$p->{conf}{API_DIR}/api.key"), 'and the other one too');
	local $p->{conf}{DATABASE_PATH} = "$folder/$name/store-platform.db";
	is($p->storectl('db', 'check')->{status}, 0, 'the database is whole');
	is($p->sql_one("SELECT name FROM stores"), 'Archived', 'and has what was there');
};

subtest 'the oldest go' => sub {
	mkdir "$folder/$_" or die for qw(mine 2020-01-01), map { "2020-01-0${_}T000000.000Z" } 1 .. 3;
	Platform::spew("$folder/2020-01-01T000000.000Z/store-platform.db", 'old');
	Platform::spew("$folder/2020-01-03T000000.000Z/notes", 'of somebody');
	Platform::spew("$folder/2020-01-02", 'a file');
	my $r = $p->storectl('db', 'archive', '--keep=4', $folder);
	is("$r->{status} $r->{err}", '0 ', 'with --keep=4');
	like($r->{out}, qr{^\Q$folder\E/2020-01-01T000000\.000Z was removed\.$}m, 'it says which');
	is(join(' ', grep { /^2020/ } archives()), '2020-01-01 2020-01-02 2020-01-02T000000.000Z 2020-01-03T000000.000Z',
		'the oldest one went, and what only looks like one stays');
	refused_after($p->storectl('db', 'archive', '--keep=1', $folder), 'cannot remove \S+2020-01-03T000000.000Z', 'one that holds something else');
	is(Platform::slurp("$folder/2020-01-03T000000.000Z/notes"), 'of somebody', 'keeps it');
	unlink "$folder/2020-01-03T000000.000Z/notes";
	mkdir "$folder/2099-01-01T000000.000Z" or die;
	is($p->storectl('db', 'archive', '--keep=1', $folder)->{status}, 0, 'with a clock that was put back');
	is(scalar(grep { /^$form$/ } archives()), 1, 'one is kept');
	my ($kept) = grep { /^$form$/ } archives();
	ok(-s "$folder/$kept/store-platform.db", 'the one that was just made');
};

# The backup is made and told of, but not all is well.
sub refused_after {
	my ($r, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($r->{status}, 1, "$name: status 1");
	like($r->{out}, qr/is a backup of/, "$name: the new one is there");
	like($r->{err}, qr/\Astorectl: [^\n]*$error[^\n]*\n\z/, "$name: with a sentence");
}

subtest 'what does not work' => sub {
	my @before = archives();
	refused($p->storectl('db', 'archive', "--keep=$_", $folder), 2, '--keep takes a number', "--keep=$_") for qw(0 -1 x 99999);
	refused($p->storectl('db', 'archive', "$folder/none"), 1, 'No such file', 'a folder that is not there');
	open my $lock, '>', "$folder/.lock" or die;
	flock $lock, LOCK_EX or die;
	refused($p->storectl('db', 'archive', $folder), 1, 'another backup is being made', 'two at a time');
	close $lock;
	mkdir "$folder/.part" or die;
	Platform::spew("$folder/.part/$_", 'half') for qw(store-platform.db store-platform.db.part seal.key);
	is($p->storectl('db', 'archive', $folder)->{status}, 0, 'one that was killed does not harm the next');
	ok(!-e "$folder/.part", 'and is tidied away');
	my $key = "$p->{conf}{PROVISIONER_DIR}/seal.key";
	rename $key, "$key.away" or die;
	my $r = $p->storectl('db', 'archive', $folder);
	is($r->{status}, 1, 'a key that is missing is a fault');
	like($r->{out}, qr{^\Q$key\E is not there, and not in this backup.*\n.* is a backup of}, 'but no reason to have no backup');
	symlink '/etc/hostname', $key or die;
	my $n = () = archives();
	refused($p->storectl('db', 'archive', $folder), 1, 'cannot read \S+seal\.key', 'a key that leads elsewhere');
	is(scalar(() = archives()), $n, 'is not followed');
	ok(!-e "$folder/.part", 'and nothing half is left');
	rename "$key.away", $key or die;
};
$p->finish;
