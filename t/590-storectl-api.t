#!/usr/bin/perl
# storectl's commands that ask the API: with a token from a file, by URL; waiting and its
# progress, JSON, faults, and what happens when no answer comes.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use FastCgi;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

my $json = JSON::PP->new->utf8;
my $p = AccountTest->new(pool => 2, conf => {MAX_STORES => 5, MAX_STORES_PER_USER => 5});
my $mark = "$p->{dir}/crash";
$p->{conf}{STORE_CRASH_AT} = "create-committed=$mark";
$p->start;
my $admin = $p->first_admin;
my $file = "$p->{dir}/run/token";

# The token lies in the folder "run" only while a command reads it, so that no file keeps it.
my $token = $p->add_token($admin, 'boss', 'admin');
sub ctl {
	my (@args) = @_;
	Platform::spew($file, "$token\n", 0600);
	local $p->{conf}{STORE_URL} = $p->{url};
	my $r = $p->storectl(@args);
	unlink $file;
	return $r;
}
my @proof = ('--token-file', $file);

sub fails {
	my ($r, $status, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$r->{status} $r->{out}", "$status ", "$name: status $status");
	like($r->{err}, qr/\Astorectl: [^\n]*$error[^\n]*\n\z/, "$name: one sentence");
}

# Lets what waits come to an end, as the provisioner would.
sub finish_jobs {
	my ($state, $status) = @_;
	$p->play("UPDATE jobs SET state = '$state', finalized_at = 1 WHERE state IN ('queued', 'retry'); UPDATE stores SET status = '$status', error_message = 'It was played.',
		deleted_at = CASE '$status' WHEN 'deleted' THEN 1 END WHERE status IN ('provisioning', 'deleting')");
}

# Runs storectl beside us; the code meanwhile; then its result.
sub beside {
	my ($args, $code) = @_;
	Platform::spew($file, "$token\n", 0600);
	local $p->{conf}{STORE_URL} = $p->{url};
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		%ENV = $p->environment;
		open STDOUT, '>', "$p->{dir}/out" or POSIX::_exit(126);
		open STDERR, '>', "$p->{dir}/err" or POSIX::_exit(126);
		exec { $p->program('storectl') } 'storectl', @$args or POSIX::_exit(127);
	}
	my $ok = eval { $code->(); 1 };
	my $died = $@;
	waitpid $pid, 0;
	unlink $file;
	die $died unless $ok;
	my $r = {status => $? >> 8, map { $_ => Platform::slurp("$p->{dir}/$_") } qw(out err)};
	unlink map { "$p->{dir}/$_" } qw(out err storectl.out);
	return $r;
}

sub queued { return $p->sql_one("SELECT count(*) FROM jobs WHERE state = 'queued'") }

subtest 'create and wait' => sub {
	my $r = beside(['stores', 'create', '--wait', '--plan', 'medium', '--admin-user=chef', @proof, 'Blue Shop'], sub {
		$p->wait_for('its job', sub { queued() == 1 });
		$p->wait_for('its progress', sub { Platform::slurp("$p->{dir}/err") =~ /0%  \S/ });
		finish_jobs('done', 'ready');
	});
	is($r->{status}, 0, 'it is ready') or diag($r->{err});
	my ($password) = $r->{out} =~ /^admin_password +([0-9A-Za-z]{20})$/m;
	ok($password, 'its password is printed');
	push @{$p->{secrets}}, $password;
	like($r->{out}, qr/^status +provisioning\n.*^status +ready\n/ms, 'first as it is made, then as it is');
	like($r->{out}, qr/^plan +medium$/m, 'with its plan');
	like($r->{err}, qr/\A(?: *\d+%  \S.*\n)+\z/, 'progress is told, and nothing else');
	is(scalar(() = $r->{out} =~ /$password/g), 1, 'the password once');
};

subtest 'show, list, events' => sub {
	my $id = $p->sql_one("SELECT id FROM stores WHERE slug = 'blue-shop' AND status <> 'deleted'");
	for my $name ($id, 'blue-shop') {
		my $r = ctl('stores', 'show', @proof, $name);
		is($r->{status}, 0, "by $name");
		like($r->{out}, qr/^id +$id$/m, 'the store');
		like($r->{out}, qr/^admin_user +chef$/m, 'and who it is for');
	}
	is_deeply($json->decode(ctl('stores', 'show', '--json', @proof, $id)->{out}), $p->get("/api/stores/$id", as => $admin)->{json}, 'as JSON, the answer itself');
	is(ctl('stores', 'list', @proof)->{out}, "ready         blue-shop                       http://blue-shop.127-0-0-1.nip.io\n", 'a list');
	is(ctl('stores', 'list', '--status=failed', @proof)->{out}, '', 'of those that failed');
	is_deeply($json->decode(ctl('stores', 'list', '--json', @proof)->{out}), $p->get('/api/stores', as => $admin)->{json}, 'as JSON');
	$p->play("INSERT INTO events (store_id, job_id, kind, attempt, step, state, message, created_at) SELECT store_id, id, kind, 1, 'namespace', 'done', 'It is there.', 1767225600123 FROM jobs");
	is(ctl('stores', 'events', @proof, 'blue-shop')->{out}, "2026-01-01T00:00:00.123Z  done      namespace     It is there.\n", 'events');
};

subtest 'what fails, and is tried again' => sub {
	my $r = beside(['stores', 'create', '--wait', '--json', @proof, 'Second'], sub {
		$p->wait_for('its job', sub { queued() == 1 });
		finish_jobs('failed', 'failed');
	});
	is($r->{status}, 1, 'a store that fails is told by the status');
	my @rows = map { $json->decode($_) } split /\n/, $r->{out};
	push @{$p->{secrets}}, $rows[0]{admin_password};
	is(join(' ', map { $_->{status} } @rows), 'provisioning failed', 'and by the rows');
	$r = beside(['stores', 'retry', '--wait', @proof, 'second'], sub {
		$p->wait_for('its job', sub { queued() == 1 });
		finish_jobs('done', 'ready');
	});
	is($r->{status}, 0, 'tried again it is ready');
	fails(ctl('stores', 'retry', @proof, 'second'), 1, qr/Only a failed store/, 'once more it is not');
	$r = beside(['stores', 'delete', '--wait', @proof, 'second'], sub {
		$p->wait_for('its job', sub { queued() == 1 });
		finish_jobs('done', 'deleted');
	});
	is("$r->{status} $r->{out}", "0 It is gone.\n", 'and then it is deleted');
	fails(ctl('stores', 'show', @proof, 'second'), 1, qr/There is no store "second"/, 'and is not there');
	is(ctl('stores', 'delete', @proof, 'blue-shop')->{out}, "Store deletion initiated\n", 'without waiting');
	my $late = ctl('stores', 'delete', '--wait', '--timeout=1', @proof, 'blue-shop');
	is("$late->{status} $late->{out}", '1 ', 'a wait has an end');
	like($late->{err}, qr/^storectl: It is still deleting after 1 seconds, and goes on without us\.$/m, 'and says so');
};

subtest 'an answer that is lost' => sub {
	my $before = $p->sql_one('SELECT count(*) FROM stores');
	Platform::spew($mark, '');
	my $r = ctl('stores', 'create', '--json', @proof, 'Lost');
	is($r->{status}, 0, 'is asked for again') or diag($r->{err});
	ok(!-e $mark, 'the process that made it has died');
	my $row = $json->decode($r->{out});
	ok(!$row->{admin_password_available}, 'and the password with it');
	is($p->sql_one('SELECT count(*) FROM stores'), $before + 1, 'it was made once');
};

subtest 'tokens' => sub {
	my $r = ctl('token', 'create', '--scope', 'operator', '--days=7', @proof, 'for a script');
	my ($text) = $r->{out} =~ /^(spt_\w+)\n\z/;
	ok($text, 'one is printed');
	push @{$p->{secrets}}, $text;
	is($p->get('/api/me', as => $text)->{json}{role}, 'operator', 'and holds');
	my ($id) = ctl('token', 'list', @proof)->{out} =~ /^(\S+)  operator .*for a script$/m;
	ok($id, 'it is listed');
	is(ctl('token', 'revoke', @proof, $id)->{out}, "Token revoked\n", 'and revoked');
	is($p->get('/api/me', as => $text)->{status}, 401, 'and holds no more');
	like(ctl('token', 'list', @proof)->{out}, qr/^$id .*, revoked  for a script$/m, 'which the list says');
	fails(ctl('token', 'create', '--scope=root', @proof, 'x'), 1, qr/Validation error: scope must be/, 'a scope that is none');
	fails(ctl('token', 'revoke', @proof, 'x'), 2, qr/not the id of a token/, 'an id that is none');
};

subtest 'who one is' => sub {
	fails(ctl('stores', 'list'), 1, qr/Log in, or send an API token/, 'without a token');
	fails(ctl('stores', 'list', '--token-file', "$p->{dir}/none"), 1, qr/cannot read/, 'a file that is not there');
	Platform::spew("$p->{dir}/open", 'spt_x', 0644);
	fails(ctl('stores', 'list', '--token-file', "$p->{dir}/open"), 1, qr/may be read by others/, 'a file for all');
	mkdir "$p->{dir}/$_" for '.config', '.config/store-platform';
	Platform::spew("$p->{dir}/.config/store-platform/token", $token, 0600);
	is(ctl('stores', 'list')->{status}, 0, 'the usual file is found');
	unlink "$p->{dir}/.config/store-platform/token";
};

subtest 'where it is' => sub {
	fails(ctl('stores', 'list', "--url=$_", @proof), 2, qr/URL has to be/, "not $_") for 'ftp://x', '127.0.0.1', 'http://u:p@127.0.0.1', 'https://x/?q';
	fails(ctl('stores', 'list', '--url=http://192.0.2.1', @proof), 2, qr/not sent over plain HTTP/, 'a token is not shown around');
	fails(ctl('stores', 'list', '--url=http://127.0.0.1.evil.example', @proof), 2, qr/not sent over plain HTTP/, 'nor to who is called alike');
	my $closed = Platform::free_port();
	fails(ctl('stores', 'list', "--url=http://127.0.0.1:$closed", @proof), 1, qr/127\.0\.0\.1/, 'nobody is there');
	my $silly = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die "listen: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		while (my $c = $silly->accept) { sysread $c, my $x, 4096; syswrite $c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html"; close $c }
		POSIX::_exit(0);
	}
	fails(ctl('stores', 'list', '--url=http://127.0.0.1:' . $silly->sockport, @proof), 1, qr/The server answered 200/, 'somebody else is there');
	kill 'KILL', $pid;
	waitpid $pid, 0;
};

subtest 'arguments' => sub {
	fails(ctl('stores', 'create', @proof), 2, qr/needs/, 'no name');
	fails(ctl('stores', 'create', @proof, 'x' x 70), 1, qr/Validation error: name must have 2 to 60/, 'a bad name');
	fails(ctl('stores', 'show', @proof, $_), 2, qr/neither the id/, "no store: $_") for '../users', 'A B', 'x', '%2f';
	fails(ctl('stores', 'list', '--status=a/b', @proof), 2, qr/has to be a word/, 'no status');
	fails(ctl('stores', 'list', '--status=x', @proof), 1, qr/status has to be provisioning/, 'one that is none');
	fails(ctl('stores', 'delete', '--timeout=0', @proof, 'lost'), 2, qr/--timeout has to be/, 'no time');
	fails(ctl('stores', 'show', @proof, $ApiTest::NO_ID), 1, qr/Store not found/, 'nothing of that id');
};
subtest 'completion' => sub {
	my $complete = sub {
		my (@words) = @_;
		Platform::spew("$p->{dir}/.config/store-platform/token", $token, 0600);
		local %ENV = ($p->environment, STORE_URL => $p->{url}, PATH => "$p->{build}/src:$ENV{PATH}");
		open my $in, '-|', 'bash', '-c', 'source "$1"; shift; COMP_WORDS=(storectl "$@"); COMP_CWORD=$#; _storectl; echo "${COMPREPLY[@]}"',
			'bash', "$Platform::TOP/src/ctl/completion/storectl", @words or die "bash: $!";
		my $said = join '', <$in>;
		close $in;
		unlink "$p->{dir}/.config/store-platform/token";
		chomp $said;
		return $said;
	};
	is($complete->(''), 'adopt audit db doctor import keys namespace setup stores token user -c --help --version', 'the first words');
	is($complete->('st'), 'stores', 'what begins so');
	is($complete->('audit', ''), 'verify export', 'the second');
	is($complete->('user', 'r'), 'role remove', 'of each');
	is($complete->('stores', 'create', '--'), '--plan= --admin-user= --wait --timeout= --json', 'options');
	is($complete->('stores', 'show', 'b'), 'blue-shop', 'names of stores');
	is($complete->('user', 'role', 'ann', ''), 'viewer operator admin', 'roles');
	is($complete->('keys', 'rotate', ''), '--json seal api', 'keys');
	is($complete->('db', 'migrate', '--'), '--backup= --json', 'options of a command without arguments');
	is($complete->('adopt', '--'), '--new-address --json', 'of one of one word');
	is($complete->('adopt', '--json', '--'), '--new-address --json', 'also behind another');
	is($complete->('nothing', ''), '', 'nothing of nothing');
};
unlink glob "$p->{dir}/storectl.*";
subtest 'by the socket of the web server' => sub {
	my $socket = "unix:$p->{dir}/run/http.sock";
	my $r = ctl('stores', 'create', '--url', $socket, @proof, '--json', 'By socket');
	is($r->{status}, 0, 'a store is created') or diag($r->{err});
	my $store = $json->decode($r->{out});
	push @{$p->{secrets}}, $store->{admin_password};
	is(ctl('stores', 'show', '--url', $socket, @proof, $store->{slug})->{status}, 0, 'and shown');
	is($p->sql_one("SELECT ip_address FROM audit_log WHERE action = 'create' AND store_id = '$store->{id}'"), 'unix:', 'the audit log says how it came');
	like(ctl('stores', 'list', '--url', $socket)->{err}, qr/Log in, or send an API token/, 'it is no way past the login');
	fails(ctl('stores', 'list', '--url', "$socket.away", @proof), 1, 'http\.sock\.away|connect', 'one that is not there');
	fails(ctl('stores', 'list', '--url', 'unix:run/http.sock', @proof), 2, 'absolute path', 'one without a place');
	fails(ctl('stores', 'list', '--url', 'unix:/' . 'x' x 120, @proof), 2, '107 bytes', 'one that is too long');
	is(ctl('stores', 'delete', '--url', $socket, @proof, $store->{slug})->{status}, 0, 'and deleted again');
	finish_jobs('done', 'deleted');
};

$p->finish;
