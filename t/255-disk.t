#!/usr/bin/perl
# The platform's own disk: full (a real small file system), read-only, failing,
# interrupted, damaged. Reads go on, writes are refused with a sentence, nothing is
# invented, helm is not started (nor does it inherit the database), and when the trouble is over everything goes on
# without a restart. The local Kubernetes shows that jobs do.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use FakeHelm;
use Faults;
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

# A mount namespace of our own: what is mounted here nobody else sees, and it ends with us.
if (!$ENV{STORE_TEST_MOUNTS}) {
	my $can = system('unshare -m --propagation private true 2>/dev/null') == 0;
	$ENV{STORE_TEST_MOUNTS} = $can ? 'own' : 'none';
	exec 'unshare', '-m', '--propagation', 'private', $^X, $0 if $can;
}

my $full_sentence = qr/^The disk of the platform's database is full; nothing was changed\.$/;

sub provisioner_says { my ($p, $what) = @_; return Platform::slurp("$p->{dir}/provisioner.log") =~ $what }
sub log_mark { my ($p) = @_; return length Platform::slurp("$p->{dir}/provisioner.log") }
sub said_since { my ($p, $mark, $what) = @_; return substr(Platform::slurp("$p->{dir}/provisioner.log"), $mark) =~ $what }

# Every byte of the disk that holds the data, also what others gave back meanwhile.
sub fill {
	my ($p) = @_;
	open my $out, '>>', "$p->{dir}/data/fill" or die "fill: $!";
	binmode $out;
	1 while syswrite $out, "\0" x 65536;
	1 while syswrite $out, "\0" x 512;
	close $out;
}

# Creates until one is refused (what the log's file has already is not asked of the disk).
sub create_until_refused {
	my ($p, $name) = @_;
	for my $n (1 .. 500) {
		fill($p);
		my $r = $p->post('/api/stores', {name => "$name $n"});
		return $r if $r->{status} != 201;
		push @{$p->{secrets}}, $r->{json}{admin_password};
		push @{$p->{made}}, $r->{json}{id};
	}
	die 'the disk does not get full';
}

SKIP: {
	skip 'a file system of its own needs root', 1 if $ENV{STORE_TEST_MOUNTS} ne 'own';
	subtest '4.5: a full disk' => sub {
		my $p = PlatformTest->new(conf => {MAX_STORES => 1000, MAX_CONCURRENT_PROVISIONS => 8});
		$p->{more} = 1;
		my $helm = FakeHelm->new($p, 'helm3');
		system('mount', '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', "$p->{dir}/data") == 0 or die 'mount';
		$p->start;
		$p->wait_for('the platform', sub { $p->get('/api/ready')->{status} == 200 });
		my $store = $p->create(name => 'disk before it');
		push @{$p->{made}}, $store->{id};
		$p->wait_status($store->{id}, 'ready');
		ok(-s "$p->{conf}{DATABASE_PATH}.ballast", 'the ballast is there');

		kill 'STOP', $p->{pids}{provisioner};
		my $calls = () = $helm->calls;
		# Its file is what creates could still be written to: without it the first few are refused.
		my $shell = ApiTest::sqlite($p);
		ApiTest::run_sql($shell, 'PRAGMA wal_checkpoint(TRUNCATE)');
		ApiTest::end_shell($shell);
		# Keeps the log from starting anew, which would make room in it.
		my $reader = ApiTest::sqlite($p);
		ApiTest::run_sql($reader, 'BEGIN; SELECT count(*) FROM stores');
		push @{$p->{made}}, $p->create(name => "Disk waiting $_")->{id} for 1 .. 3;
		my $refused = create_until_refused($p, 'Disk full');
		is($refused->{status}, 507, 'a create is refused');
		is($refused->{json}{code}, 'disk_full', 'with a word');
		like($refused->{json}{error}, $full_sentence, 'and a sentence');
		is($p->delete("/api/stores/$store->{id}")->{status}, 507, 'and a delete');
		my $mark = log_mark($p);
		kill 'CONT', $p->{pids}{provisioner};
		$p->wait_for('the provisioner to notice', sub { said_since($p, $mark, qr/disk of the platform's database is full/) });
		for my $path ('/api/stores', "/api/stores/$store->{id}", "/api/stores/$store->{id}/events",
			'/api/stores/audit/log', '/api/metrics', '/api/health') {
			is($p->get($path)->{status}, 200, "reads go on: $path");
		}
		my ($check) = grep { $_->{name} eq 'database' } @{$p->get('/api/ready')->{json}{checks}};
		ok(!$check->{ok}, 'it is not called ready');
		like($check->{sentence}, qr/its disk has \d+ KiB left/, 'and says why');

		is(scalar(my @c = $helm->calls), $calls, 'helm was not started');
		is(scalar @{$p->get('/api/stores')->{json}}, scalar @{$p->{made}}, 'nothing was invented');
		is($p->sql_one("SELECT count(*) FROM jobs WHERE state = 'running' OR attempt > 1"), 0, 'and no attempt begun');
		ApiTest::end_shell($reader);

		my @old = $p->pool_pids;
		kill 'KILL', @old;
		$p->wait_for('new processes', sub {
			my %now = map { $_ => 1 } $p->pool_pids; $p->pool_pids == 2 && !grep { $now{$_} } @old });
		$p->wait_for('their answer', sub { $p->get('/api/stores')->{status} == 200 });
		is($p->get("/api/stores/$store->{id}")->{status}, 200, 'new processes of the pool read too');

		$p->stop('api');
		$p->stop('provisioner');
		unlink "$p->{conf}{DATABASE_PATH}-shm"; # as after a reboot
		fill($p);
		$p->start_pool;
		is($p->get('/api/stores')->{status}, 200, 'so does a pool that starts on a full disk');
		ok(!-e "$p->{conf}{DATABASE_PATH}.ballast", 'in place of the ballast');
		fill($p);
		$p->start_provisioner;
		is($p->get("/api/stores/$store->{id}")->{status}, 200, 'and the provisioner starts on it as well');
		my @pids = ($p->pool_pids, $p->{pids}{provisioner});
		unlink "$p->{dir}/data/fill";
		my $after = $p->create(name => 'Disk after it');
		for my $id (@{$p->{made}}, $after->{id}) {
			is($p->wait_status($id, 'ready|failed')->{status}, 'ready', 'a store becomes ready');
		}
		is("@{[$p->pool_pids, $p->{pids}{provisioner}]}", "@pids", 'without a restart');
		$p->wait_for('the ballast', sub { -s "$p->{conf}{DATABASE_PATH}.ballast" });
		pass('the ballast is back');
		$p->delete("/api/stores/$_") for @{$p->{made}}, $after->{id};
		$p->wait_for('the end of all', sub { !@{$p->get('/api/stores')->{json}} }, 300);
		$p->{fds} = undef;
		$p->finish;
		system('umount', '-l', "$p->{dir}/data");
	};
}

SKIP: {
	my $p = PlatformTest->new(conf => {MAX_STORES => 100});
	$p->{more} = 1;
	my $why = Faults::missing($p);
	skip $why, 1 if $why;
	subtest '4.5: a disk that is read-only, fails, or is over its quota' => sub {
		my $helm = FakeHelm->new($p, 'helm3');
		my $faults = Faults->new($p);
		$p->start;
		$p->wait_for('the platform', sub { $p->get('/api/ready')->{status} == 200 });
		my $store = $p->create(name => 'Disk before');
		$p->wait_status($store->{id}, 'ready');
		my $n = 0;
		for (['write ENOSPC 0 0 store-platform.db', 507, 'disk_full'], ['write EDQUOT 0 0 store-platform.db', 503, 'database_unusable'],
			['write EROFS 0 0 store-platform.db', 503, 'database_unusable'], ['write EIO 0 0 store-platform.db', 503, 'database_unusable'],
			['sync EIO 0 0 store-platform.db', 503, 'database_unusable']) {
			my ($rule, $status, $code) = @$_;
			$p->wait_for('the queue to be empty', sub { !$p->sql_one("SELECT count(*) FROM jobs WHERE finalized_at IS NULL") });
			my $calls = () = $helm->calls;
			$faults->set($rule);
			my $r = $p->post('/api/stores', {name => 'Disk refused ' . ++$n});
			is("$r->{status} $r->{json}{code}", "$status $code", "$rule: a create");
			like($r->{json}{error}, qr/nothing was changed\.$/, 'with a sentence');
			is($p->delete("/api/stores/$store->{id}")->{status}, $status, 'a delete');
			is($p->get('/api/stores')->{status}, 200, 'a list');
			is($p->get("/api/stores/$store->{id}")->{json}{status}, 'ready', 'the store is as it was');
			is($p->sql_one('SELECT count(*) FROM stores'), $n, 'no store was made');
			is($p->sql_one("SELECT count(*) FROM jobs WHERE kind = 'delete'"), 0, 'and no job');
			is(scalar(my @c = $helm->calls), $calls, 'and helm was not started');
			$faults->clear;
			ok($p->create(name => "Disk refused $n"), 'then it is made');
		}
		for my $rule ('write EINTR 0 1', 'read EINTR 0 1 store-platform.db', 'read EINTR 0 1 pipe:',
			'open EINTR 0 1 store-platform.db', 'poll EINTR 0 3', 'wait EINTR 0 2') {
			my $of_library = $rule =~ /^poll/; # libfcgi's own: it gives a request up for it
			$faults->set($rule) unless $of_library;
			my $r = $p->post('/api/stores', {name => 'Disk interrupted ' . ++$n});
			$faults->set($rule);
			is($r->{status}, 201, "$rule: a create");
			push @{$p->{secrets}}, $r->{json}{admin_password};
			$p->wait_for('its end', sub { $p->sql_one("SELECT status FROM stores WHERE id = '$r->{json}{id}'") =~ /ready|failed/ });
			$faults->clear;
			is($p->store($r->{json}{id})->{status}, 'ready', 'and its store is ready');
		}
		$faults->set('fork EAGAIN 0 0');
		my $late = $p->create(name => 'Disk no process');
		$p->wait_for('it to be told', sub { provisioner_says($p, qr/Resource temporarily unavailable/) });
		is($p->store($late->{id})->{job}{attempt}, 0, 'no process can be started: no attempt is used');
		$faults->clear;
		is($p->wait_status($late->{id}, 'ready|failed')->{status}, 'ready', 'then it is made');
		$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
		$p->wait_for('the end of all', sub { !@{$p->get('/api/stores')->{json}} }, 300);
		$p->finish;
	};
}

subtest '4.9: helm inherits nothing of the database' => sub {
	my $p = PlatformTest->new;
	$p->{more} = 1;
	my $helm = FakeHelm->new($p, 'helm3');
	$helm->mode('hang');
	$p->start;
	my $store = $p->create(name => 'Disk descriptors');
	my $pid = $p->wait_for('helm', sub { (map { /^(\d+): sleep 1000/ } $p->leftovers)[0] });
	my %open = map { m{/(\d+)$} => readlink } glob "/proc/$pid/fd/*";
	is(join(' ', sort keys %open), '0 1 2 3', 'it has its streams and the lock');
	like($open{3}, qr{/jobs/\Q$store->{id}\E\.lock$}, 'which is that of its store');
	is(join(' ', grep { !/^pipe:|\.lock$/ } values %open), '', 'the streams are pipes');
	my ($worker) = map { /^(\d+): store-worker/ } $p->leftovers;
	ok((grep { /store-platform\.db$/ } map { readlink } glob "/proc/$worker/fd/*"), 'while the worker has the database open');
	$p->delete("/api/stores/$store->{id}");
	$helm->mode('real');
	$p->wait_status($store->{id}, 'gone');
	$p->finish;
};

subtest '4.7: damage' => sub {
	my $p = ApiTest->new(conf => {MAX_STORES => 100});
	$p->{more} = 1;
	$p->start;
	my $store = $p->create(name => "Store $_") for 1 .. 30;
	my $path = $p->{conf}{DATABASE_PATH};
	my ($root) = map { $_->[0] } $p->sql("SELECT rootpage FROM sqlite_schema WHERE name = 'audit_log'");
	$p->stop($_) for qw(api provisioner);
	unlink "$path-wal", "$path-shm"; # the last checkpoint has moved all of it
	my $whole = Platform::slurp($path);
	$p->start_provisioner;
	$p->start_pool;
	$p->await_databases;
	# Under the running programs, as a failing disk does it.
	open my $out, '+<:raw', $path or die "$path: $!";
	seek $out, ($root - 1) * 4096, 0;
	print $out "\xff" x 4096;
	close $out;
	# Pages that a process has in its memory are read anew after a write of another; and
	# each request is another one, since answers are kept too.
	my $limit = 0;
	my $r = $p->wait_for('the damage to be seen', sub {
		$limit = $limit % 500 + 1;
		my $r = $p->get("/api/stores/audit/log?limit=$limit");
		return $r->{status} != 200 && $r;
	});
	is("$r->{status} $r->{json}{code}", '503 database_corrupt', 'what is damaged is not answered');
	like($r->{json}{error}, qr/is damaged \(.*\)\. Stop the programs and give it a backup: storectl db restore FILE$/, 'with what to do');
	is($p->get('/api/stores')->{status}, 200, 'other reads go on');
	$r = $p->post('/api/stores', {name => 'Into damage'});
	is("$r->{status} $r->{json}{code}", '503 database_corrupt', 'a write into it is refused');
	is($p->sql_one('SELECT count(*) FROM stores'), 30, 'whole');
	$p->stop($_) for qw(api provisioner);
	for my $program (qw(store-provisioner store-api)) {
		my $end = $p->run_program($program);
		is($end->{status}, 1, "$program does not start");
		like($end->{err}, qr/is damaged .* storectl db restore FILE/, 'and says why');
	}
	Platform::spew($path, $whole);
	unlink "$path-wal", "$path-shm";
	$p->start_provisioner;
	$p->start_pool;
	is($p->get('/api/stores/audit/log')->{status}, 200, 'the whole file again: it starts');
	$p->{fds} = undef;
	$p->finish;
};
done_testing();
