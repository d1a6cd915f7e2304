#!/usr/bin/perl
# storectl as an operator meets it: options, unknown commands and configuration
# faults, and what `db check` says of a sound database and of each that is not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Test::More;

my $p = ApiTest->new;
my %fine = %{$p->{conf}};
my ($version) = Platform::slurp("$Platform::TOP/configure.ac") =~ /AC_INIT\(\[[^]]*\],\s*\[([^]]+)\]/;

sub storectl { return $p->storectl(@_) }

sub refused {
	my ($r, $status, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($r->{status}, $status, "$name: status $status");
	is($r->{out}, '', "$name: nothing on standard output");
	like($r->{err}, qr/\Astorectl: [^\n]*$error[^\n]*\n\z/, "$name: one sentence");
}

subtest 'options' => sub {
	my $help = storectl('--help');
	is("$help->{status} $help->{err}", '0 ', '--help ends well');
	like($help->{out}, qr/\AUsage: storectl \[-c FILE\] COMMAND/, 'it begins with the usage');
	my %page = map { $_ => 1 } Platform::slurp("$Platform::TOP/src/ctl/storectl.8") =~ /^\.It Cm ([a-z]+(?: [a-z]+)*)/mg;
	my %commands = map { $_ => 1 } $help->{out} =~ /^  ([a-z]+(?: [a-z]+)*)(?: [\[<A-Z-].*)?\n {8}\S/mg;
	ok(scalar keys %commands, 'it lists the commands');
	is_deeply(\%page, \%commands, 'and the manual page has the same');
	is(storectl('--version')->{out}, "storectl $version\n", '--version');
	for (['db', 'check'], ['setup'], ['user', 'add', '--admin']) {
		my $r = storectl(@$_, '--help');
		like("$r->{status} $r->{err}$r->{out}", qr/\A0 Usage: storectl \[-c FILE\] \Q$_->[0]\E[^\n]*\n[A-Z][^\n]+\.\nstorectl\(8\)/, "@$_ --help is its own");
	}
	for ([[], 'which command'], [['nothing'], 'there is no command "nothing"'], [['db'], 'there is no command "db"'],
		[['db', 'nothing'], 'no command "db nothing"'], [['-x'], 'no option -x'], [['--nothing'], 'no option --nothing'],
		[['-c'], '-c needs a file'], [['db', 'check', 'stray'], 'takes no argument "stray"'],
		[['db', 'check', '--nothing'], 'no option --nothing'], [['db', 'check', '--quick=1'], 'takes no value'],
		[['db', 'check', '--'], undef], [['db', 'check', '--qui'], 'no option --qui'], [['db', 'check', '--', '--quick'], 'takes no argument']) {
		my ($args, $error) = @$_;
		refused(storectl(@$args), 2, $error, "@$args") if $error;
	}
	refused(storectl('-c', "$p->{dir}/none.conf", 'db', 'check'), 1, 'cannot read \S+none\.conf', 'a file that is not there');
	local $p->{conf}{MAX_STORES} = 'x';
	refused(storectl('db', 'check'), 1, 'MAX_STORES', 'a fault of the configuration');
};

# What `db check` finds: its status, and its lines that are faults.
sub check {
	my (@args) = @_;
	my $r = storectl('db', 'check', @args);
	is($r->{err}, '', 'nothing on standard error');
	return ($r->{status}, join "\n", grep { /^FAULT/ } split /\n/, $r->{out});
}

subtest 'db check: a database that is not there' => sub {
	refused(storectl('db', 'check'), 1, 'cannot read', 'none');
	ok(!-e $p->{conf}{DATABASE_PATH}, 'and none is made');
};

$p->start;

subtest 'db check: all is well' => sub {
	$p->create(name => 'Checked');
	for my $args ([], ['--quick']) {
		my ($status, $faults) = check(@$args);
		is("$status $faults", '0 ', "db check @$args");
	}
	like(storectl('db', 'check')->{out}, qr/^well: SQLite 3\.\d+\.\d+ (?:is free of|has) the WAL-reset bug/m,
		'4.2: SQLite\'s version, and whether it has the fix');
};

subtest 'db check: key files' => sub {
	my $dir = $p->{conf}{PROVISIONER_DIR};
	rename "$dir/seal.key", "$dir/away" or die;
	my ($status, $faults) = check();
	is($status, 1, 'no key');
	like($faults, qr/\AFAULT: \S+seal\.key is not there; put it back from the backup.*set anew\.\z/, 'and what follows from it');
	$p->stop('provisioner');
	$p->start_provisioner;
	($status, $faults) = check();
	is($status, 1, 'another key');
	like($faults, qr/\AFAULT: 1 stores wait with an admin password sealed to another key/, 'and what follows from it');
	rename "$dir/away", "$dir/seal.key" or die;
	($status, $faults) = check();
	like($faults, qr/\AFAULT: seal\.pub in \S+ belongs to another key; restart store-provisioner/, 'a public half of another');
	Platform::spew("$dir/seal.pub", 'short');
	($status, $faults) = check();
	like($faults, qr/seal\.pub is not a key of 32 bytes/, 'a key that is cut');
	$p->stop('provisioner');
	$p->start_provisioner;
	is((check())[0], 0, 'a restart writes it anew');
};
$p->{fds} = undef; # the provisioner is another one by now
$p->{more} = 1;
$p->finish;

# --- damage ------------------------------------------------------------------

# All of the log into the file, by the one who may: then damage is in the file alone.
sub settle {
	my $q = ApiTest->new;
	$q->{more} = 1;
	$q->start;
	$q->create(name => "Store $_") for 1 .. 9;
	$q->{fds} = undef;
	$q->finish;
	return $q;
}

subtest 'db check: damage' => sub {
	my $q = settle();
	my $path = $q->{conf}{DATABASE_PATH};
	my $whole = Platform::slurp($path);
	unlink "$path-wal", "$path-shm"; # all of it is in the file, and would hide damage there
	local $p->{conf} = {%{$q->{conf}}};
	is((check())[0], 0, 'it is whole');
	my ($root) = map { $_->[0] } $q->sql("SELECT rootpage FROM sqlite_schema WHERE name = 'stores_slug'");
	my $index = $whole;
	$index =~ s/store-4/store-5/ for substr $index, ($root - 1) * 4096, 4096;
	Platform::spew($path, $index);
	is((check('--quick'))[0], 0, 'an index that disagrees: not seen by --quick');
	my ($status, $faults) = check();
	is($status, 1, 'but by the whole check');
	like($faults, qr/\AFAULT: The platform's database is damaged \(.*index.*\)\. .*storectl db restore FILE/i, 'with what to do');
	my $page = $whole;
	($root) = map { $_->[0] } $q->sql("SELECT rootpage FROM sqlite_schema WHERE name = 'stores'");
	substr($page, ($root - 1) * 4096, 200) = "\xff" x 200;
	Platform::spew($path, $page);
	like((check('--quick'))[1], qr/is damaged/, 'a page of rubbish');
	Platform::spew($path, 'no database ' x 1000);
	unlink "$path-wal", "$path-shm";
	my $r = storectl('db', 'check');
	is($r->{status}, 1, 'rubbish from the first byte');
	like($r->{out} . $r->{err}, qr/file is not a database/, 'is told');
	unlink $path;
	system('sqlite3', $path, 'PRAGMA application_id=4711; CREATE TABLE x (y)') == 0 or die;
	like((check())[1], qr/belongs to another application/, 'a database of somebody else');
	is(`sqlite3 '$path' 'PRAGMA journal_mode'`, "delete\n", 'which stays as it was');
};
done_testing();
