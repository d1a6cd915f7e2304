#!/usr/bin/perl
# The programs as an operator meets them: options, configuration and its faults,
# what README and --help say of each key, and every refusal to start, each with
# a sentence and the right exit status.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use Test::More;
use Time::HiRes qw(time sleep);

my $p = ApiTest->new;
my @programs = qw(store-api store-provisioner);
my %fine = %{$p->{conf}};

# Runs a program to its end: {status, out, err}. env is all of its environment; stdin is a
# handle. One that goes on is killed after a while, and its status is undef.
sub run {
	my ($program, %opt) = @_;
	my %file = map { $_ => "$p->{dir}/$_.txt" } qw(out err);
	defined(my $pid = fork) or die "fork: $!";
	if ($pid == 0) {
		%ENV = %{$opt{env} || {}};
		if ($opt{stdin}) { POSIX::dup2(fileno $opt{stdin}, 0) } else { open STDIN, '<', '/dev/null' }
		open STDOUT, '>', $file{out} or POSIX::_exit(126);
		open STDERR, '>', $file{err} or POSIX::_exit(126);
		exec { $p->program($program) } $program, @{$opt{args} || []} or POSIX::_exit(127);
	}
	my ($end, $status) = time + 20;
	until (defined $status) {
		if (waitpid($pid, WNOHANG) == $pid) { $status = $?; last }
		if (time > $end) { kill 'KILL', $pid; waitpid $pid, 0; last }
		sleep 0.005;
	}
	return {status => defined $status ? $status >> 8 | ($status & 127) << 8 : undef,
		map { $_ => Platform::slurp($file{$_}) } keys %file};
}

# A run that is refused: its status, nothing on standard output, these lines on the other.
sub refused {
	my ($r, $status, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($r->{status}, $status, "$name: status $status");
	is($r->{out}, '', "$name: nothing on standard output");
	like($r->{err}, $error, "$name: a sentence");
}

# --- options -----------------------------------------------------------------------

my ($version) = Platform::slurp("$Platform::TOP/configure.ac") =~ /AC_INIT\(\[[^]]*\],\s*\[([^]]+)\]/;

for my $program (@programs) {
	subtest "options of $program" => sub {
		for (['--help', qr/^usage: $program \[-n\] \[-c FILE\]\n/i], ['--version', qr/^$program \Q$version\E\n\z/]) {
			my ($option, $text) = @$_;
			my $r = run($program, args => [$option]);
			is("$r->{status} $r->{err}", '0 ', "$option ends well");
			like($r->{out}, $text, "$option: what it says");
		}
		my $check = run($program, args => ['-n'], env => \%fine);
		is("$check->{status}|$check->{out}|$check->{err}", '0||', '-n is silent when all is well');
		is(join(' ', glob("$p->{dir}/data/* $p->{dir}/run/*")), '', 'and makes nothing');
		for ([['-x'], qr/'x'/], [['--nothing'], qr/--nothing/], [['-c'], qr/'c'/], [['stray'], qr/stray/],
			[['-n', 'stray'], qr/stray/], [['--version=1'], qr/--version/]) {
			my ($args, $error) = @$_;
			refused(run($program, args => $args, env => \%fine), 2, $error, "@$args");
		}
		refused(run($program, args => ['-n', '-c', "$p->{dir}/none.conf"], env => \%fine), 1,
			qr/^$program: cannot read \S+none\.conf: No such file or directory$/, 'a file that is not there');
	};
}

# --- configuration --------------------------------------------------------------------

my @faults = (
	[DATABASE_PATH => 'x.db'], [DATABASE_PATH => ''], [PROVISIONER_DIR => './x'], [API_DIR => 'x'], [WAKE_SOCKET => '~/x'],
	[LOG_LEVEL => 'loud'], [LOG_LEVEL => 'INFO'], [LOG_LEVEL => 'warn error'], [LOG_LEVEL => 'in'], [AUTH => 'maybe'], [AUTH => ''],
	[BASE_DOMAIN => ''], [BASE_DOMAIN => 'Shop.example'], [BASE_DOMAIN => 'a..b'], [BASE_DOMAIN => '-a.b'],
	[BASE_DOMAIN => 'a b'], [BASE_DOMAIN => 'a/b'], [BASE_DOMAIN => join '.', ('a' x 60) x 4],
	[STORE_PORT => 0], [STORE_PORT => 65536], [STORE_PORT => '80x'], [STORE_PORT => ''], [STORE_PORT => ' 80'],
	[MAX_STORES => 0], [MAX_STORES => 100001], [MAX_STORES => -1], [MAX_STORES => '1e3'], [MAX_STORES => '99999999999999999999'],
	[MAX_STORES_PER_USER => 'x'], [MAX_QUEUED_PROVISIONS => 0], [MAX_CONCURRENT_PROVISIONS => 65], [MAX_CONCURRENT_DELETIONS => 0],
	[HELM => 'helm'], [HELM => ''], [HELM => '/' . 'x' x 2000], [HELM_CHART_PATH => 'charts'], [HELM_VALUES_FILE => 'v.yaml'],
	[HELM_TIMEOUT => 9], [KUBECONFIG => 'config'], [PROVISION_TIMEOUT => 86401], [PROVISION_ATTEMPTS => 21],
	[STOREFRONT_CHECK => 'yes'], [STOREFRONT_ADDRESS => '1.2.3.4'], [STOREFRONT_ADDRESS => ':80'], [STOREFRONT_ADDRESS => 'x:0'],
);

# Lines of standard error without the name of the program.
sub lines { my ($r, $program) = @_; return split /\n/, $r->{err} =~ s/^$program: //r }

for my $program (@programs) {
	subtest "faults of the configuration of $program" => sub {
		for (@faults) {
			my ($key, $value) = @$_;
			my $r = run($program, args => ['-n'], env => {%fine, $key => $value});
			my @lines = lines($r, $program);
			is($r->{status}, 1, "$key=" . substr($value, 0, 20) . ' is refused');
			like("@lines", qr/^$key \(environment\) .*\.$/, 'in a line that names it');
		}
		my %many = map { @$_ } @faults[0, 4, 8, 11, 18, 22, 31];
		my $r = run($program, args => ['-n'], env => {%fine, %many});
		is(join(' ', sort map { /^(\w+) / } lines($r, $program)), join(' ', sort keys %many), 'each fault has its line');
		refused(run($program, env => {%fine, %many}), 1, qr/DATABASE_PATH/, 'without -n it does not start either');
	};
	subtest "the file of $program" => sub {
		my $file = "$p->{dir}/test.conf";
		my $try = sub { Platform::spew($file, $_[0]); return run($program, args => ['-n', '-c', $file], env => $_[1] || {}) };
		my $r = $try->("# a comment\n\n  AUTH = \"off\"  \nMAX_STORES=7\n\t# another\nBASE_DOMAIN=shops.example\n");
		is("$r->{status}$r->{err}", '0', 'comments, blanks and quotes are no fault');
		$r = $try->("AUTH=off\nMAX_STORE=7\nMAX_STORES\nSTORE_PORT=x\n= 1\nmax_stores=1\n");
		is(join(' ', map { /\(\Q$file\E line (\d)\)/ ? $1 : '?' } lines($r, $program)), '2 3 4 5 6',
			'unknown keys and bad values are told with their lines');
		$r = $try->("AUTH=off\nMAX_STORES=0\n", {MAX_STORES => 5});
		is($r->{status}, 1, 'a fault of the file counts, although the environment has the key');
		$r = $try->("AUTH=on\n", {AUTH => 'off'});
		is("$r->{status}$r->{err}", '0', 'the environment wins');
		is($try->("AUTH=off\nX=" . 'y' x 9000 . "\n")->{status}, 1, 'a line of 9,000 bytes is a fault');
		refused(run($program, args => ['-n', '-c', $p->{dir}], env => \%fine), 1, qr/\Q$p->{dir}\E/, 'a folder is no file');
	};
}

subtest 'what README, --help and the programs say of the keys' => sub {
	my %help;
	for my $program (@programs) {
		my $text = run($program, args => ['--help'])->{out};
		$help{$1} = [$2, $3] while $text =~ /^  ([A-Z_]+)=(.*)\n {8}(\S.*)$/mg;
		$help{$program} = join "\n", map { "$_ @{$help{$_}}" } grep { /^[A-Z]/ } sort keys %help;
	}
	is(delete $help{'store-api'}, delete $help{'store-provisioner'}, 'both programs say the same');
	my ($table) = Platform::slurp("$Platform::TOP/README.md") =~ /^\| key \| default \| meaning \|\n\|[-|]+\|\n((?:\|.*\n)+)/m;
	my %readme;
	for (split /\n/, $table // '') {
		my ($key, $default, $meaning) = /^\| `(\w+)` \| (?:`(.*?)`)? *\| (.*) \|$/ or fail("a row of README: $_"), next;
		$readme{$key} = [$default // '', $meaning];
	}
	is_deeply(\%readme, \%help, 'README has these keys, defaults and sentences, and no other');
	cmp_ok(scalar keys %help, '>=', 20, 'which are all of them');
	my $example = run('store-provisioner', args => ['--example']);
	is(join(' ', sort $example->{out} =~ /^#([A-Z_]+)=/mg), join(' ', sort keys %help), 'and so has the example');
	Platform::spew("$p->{dir}/all.conf", $example->{out} =~ s/^#(?=[A-Z_]+=)//mgr);
	is(run('store-provisioner', args => ['-n', '-c', "$p->{dir}/all.conf"])->{status}, 0,
		'which is a configuration without faults');
};

# --- refusals to start ------------------------------------------------------------------

# A listening socket, as descriptor 0 of store-api has to be; path counts them.
my $listeners = 0;
sub listener {
	return IO::Socket::UNIX->new(Local => "$p->{dir}/run/test" . $listeners++ . '.sock', Listen => 1) || die "listen: $!";
}

sub refuses_to_start {
	my ($program, $env, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $r = run($program, env => {%fine, %$env}, $program eq 'store-api' ? (stdin => listener()) : ());
	refused($r, 1, $error, "$program, $name");
	is(scalar(my @lines = split /\n/, $r->{err}), 1, 'in one line');
}

subtest 'the key of hashes' => sub {
	my $dir = "$p->{dir}/data/key";
	refuses_to_start('store-api', {API_DIR => "$p->{dir}/none/x"},
		qr{cannot make the folder \Q$p->{dir}\E/none/x: No such file or directory}, 'no folder above its own');
	mkdir $dir or die "$dir: $!";
	Platform::spew("$dir/api.key", 'too short');
	refuses_to_start('store-api', {API_DIR => $dir}, qr{\Q$dir\E/api\.key is not a key of 32 bytes}, 'a key that is none');
	unlink glob "$dir/* $p->{dir}/data/*.db*";
	rmdir $dir;
};

subtest 'descriptor 0 of store-api' => sub {
	socketpair my $one, my $other, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
	my $bound = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "udp: $!";
	open my $file, '<', $0 or die "$0: $!";
	for (['/dev/null', undef], ['a file', $file], ['a connection', $one], ['a datagram socket', $bound]) {
		my ($name, $handle) = @$_;
		refused(run('store-api', env => \%fine, stdin => $handle), 1, qr/Descriptor 0 is not a listening socket/, $name);
	}
	is(join(' ', glob "$p->{dir}/data/*"), '', 'it made nothing');
};

subtest 'folders that are not there' => sub {
	for my $program (@programs) {
		refuses_to_start($program, {DATABASE_PATH => "$p->{dir}/none/x.db"},
			qr{cannot create \Q$p->{dir}\E/none/x\.db: No such file or directory}, 'no folder of the database');
		refuses_to_start($program, {DATABASE_PATH => "$p->{dir}/data"}, qr{\Q$p->{dir}\E/data}, 'a folder as the database');
	}
	refuses_to_start('store-provisioner', {PROVISIONER_DIR => "$p->{dir}/none/x"},
		qr{cannot make the folder \Q$p->{dir}\E/none/x: No such file or directory}, 'no folder above its own');
	refuses_to_start('store-provisioner', {WAKE_SOCKET => "$p->{dir}/none/wake.sock"},
		qr{\Q$p->{dir}\E/none/wake\.sock: No such file or directory}, 'no folder of the socket');
	refuses_to_start('store-provisioner', {WAKE_SOCKET => "$p->{dir}/run/" . 'x' x 120},
		qr/File name too long/, 'a path that is too long for a socket');
};

subtest 'databases that are not ours' => sub {
	my $sql = sub {
		my ($name, $text) = @_;
		my $path = "$p->{dir}/data/$name.db";
		system('sqlite3', $path, $text) == 0 or die "sqlite3: $text";
		return $path;
	};
	my $ours = 'PRAGMA application_id=' . 0x53746f72;
	my %foreign = (
		newer => [$sql->('newer', "$ours; PRAGMA user_version=99; PRAGMA journal_mode=wal; CREATE TABLE future (x)"), qr/database has schema 99, .* newer store-platform has written it/],
		another => [$sql->('another', 'PRAGMA application_id=4711; CREATE TABLE x (y)'), qr/belongs to another application/],
		unmarked => [$sql->('unmarked', 'CREATE TABLE x (y)'), qr/belongs to another application/],
		garbage => ["$p->{dir}/data/garbage.db", qr/not a database/],
	);
	Platform::spew($foreign{garbage}[0], 'no database ' x 1000);
	for my $name (sort keys %foreign) {
		my ($path, $error) = @{$foreign{$name}};
		my $before = Platform::slurp($path);
		refuses_to_start($_, {DATABASE_PATH => $path}, $error, $name) for @programs;
		ok(Platform::slurp($path) eq $before && ($name eq 'newer' || !-e "$path-wal"), "$name: it is as it was, to the byte");
	}
};

# --- a life of the provisioner ---------------------------------------------------------

my $wake = $p->{conf}{WAKE_SOCKET};

subtest 'a second provisioner' => sub {
	my $pid = $p->start_provisioner;
	my %mode = ('seal.key' => 0600, 'seal.pub' => 0644, jobs => 0700, helm => 0700, '' => 0755);
	is(sprintf('%o', (stat "$p->{conf}{PROVISIONER_DIR}/$_")[2] & 07777), sprintf('%o', $mode{$_}), "mode of '$_'")
		for sort keys %mode;
	is(sprintf('%o', (stat $p->{conf}{DATABASE_PATH})[2] & 07777), '660', 'mode of the database');
	refuses_to_start('store-provisioner', {}, qr/another store-provisioner is running on \Q$p->{conf}{PROVISIONER_DIR}\E/, 'a second one');
	ok(-S $wake, 'the socket of the first is left alone');
	ok(kill(0, $pid), 'and so is the first');
};

subtest 'its end' => sub {
	for my $signal (qw(TERM INT USR1)) {
		is($p->stop('provisioner', $signal, 20), 0, "SIG$signal ends it well");
		ok(!-e $wake, 'and its socket is gone');
		$p->start_provisioner;
	}
	kill 'KILL', $p->{pids}{provisioner};
	is($p->wait_end('provisioner', 10), 9, 'kill -9 ends it');
	ok(-S $wake, 'its socket stays behind');
	my $key = Platform::slurp("$p->{conf}{PROVISIONER_DIR}/seal.key");
	unlink "$p->{dir}/provisioner.log"; # the socket proves nothing now, but its own first word does
	$p->start_provisioner;
	is(Platform::slurp("$p->{conf}{PROVISIONER_DIR}/seal.key"), $key, 'the next one starts all the same, with the same key');
	$p->wait_for('its first word', sub { Platform::slurp("$p->{dir}/provisioner.log") =~ /jobs wait/ });
};
$p->finish;
