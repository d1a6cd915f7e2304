#!/usr/bin/perl
# storectl's commands of accounts: the first admin, passwords that come from standard
# input or are made, the last admin, and what the API makes of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use IPC::Open3 qw(open3);
use Test::More;

my $p = AccountTest->new;
$p->start;
my $pw = 'horse battery staple';
push @{$p->{secrets}}, $pw;

# Runs storectl: {status, out, err}.
sub ctl {
	my ($input, @args) = @_;
	local %ENV = $p->environment;
	my $pid = open3(my $to, my $from, my $errors = IO::Handle->new, $p->program('storectl'), @args);
	local $SIG{PIPE} = 'IGNORE';
	print $to $input;
	close $to;
	my ($out, $err) = map { local $/; scalar(<$_>) // '' } $from, $errors;
	waitpid $pid, 0;
	return {status => $? >> 8, out => $out, err => $err};
}

# The same at a terminal, with answers as its questions come; what was seen there.
sub at_terminal {
	my ($command, @dialogue) = @_;
	my $log = "$p->{dir}/terminal";
	unlink $log;
	local %ENV = $p->environment;
	open my $in, '|-', 'sh', '-c', 'exec "$@" >/dev/null', 'sh', 'script', '-qfec', join(' ', $p->program('storectl'), $command), $log or die;
	$in->autoflush;
	my $asked = 0;
	for (@dialogue) {
		$p->wait_for('a question', sub { -e $log && (() = Platform::slurp($log) =~ /(?:or more|again): /g) > $asked });
		$asked++;
		print $in "$_\n";
	}
	close $in;
	return Platform::slurp($log);
}

sub fails {
	my ($r, $status, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$r->{status} $r->{out}", "$status ", $name);
	like($r->{err}, $error, "$name: a sentence");
}

subtest 'the first admin' => sub {
	my ($token) = $p->setup_tokens;
	my $r = ctl("$pw\n", 'user', 'add', '--admin', 'boss');
	is("$r->{status}|$r->{out}|$r->{err}", "0|There is a new admin: boss\n|", 'is added');
	my $cookie = $p->login('boss', $pw);
	is($p->get('/api/me', as => $cookie)->{json}{role}, 'admin', 'and logs in');
	$p->check($p->post('/api/setup', {token => $token, name => 'thief', password => $pw}), 403, 'setup_refused', 'the way by the token is closed');
	is($p->sql_one("SELECT actor FROM audit_log WHERE action = 'user_create'"), 'storectl', 'the log tells of it');
};

subtest 'at a terminal' => sub {
	plan(skip_all => 'there is no program script') unless -x '/usr/bin/script';
	my $seen = at_terminal('user add typed.1', 'short', $pw, 'another of twelve', $pw, $pw);
	like($seen, qr/A password has 12 to 128 characters.*These are two passwords\..*There is a new viewer: typed\.1/s, 'what will not do is asked for again');
	ok(index($seen, $pw) < 0 && index($seen, 'short') < 0, 'and none is shown');
	ok($p->login('typed.1', $pw), 'the last one counts');
	like(at_terminal('user add typed.2', 'short', 'short', 'short'), qr/storectl: A password has 12/, 'three times, and no more');
	is(ctl('', 'user', 'remove', 'typed.1')->{status}, 0, 'it goes again');
};

subtest 'others' => sub {
	my $r = ctl('', 'user', 'add', '--role', 'operator', '--generate', 'op.1');
	my ($made) = $r->{out} =~ /^There is a new operator: op\.1\nIts password, which is shown only now: ([0-9A-Za-z]{20})\n\z/;
	ok($made, 'a password is made and printed') or diag("$r->{out} $r->{err}");
	push @{$p->{secrets}}, $made;
	my $cookie = $p->login('op.1', $made);
	is(ctl("$pw\nmore", 'user', 'passwd', 'op.1')->{status}, 0, 'a new password');
	$p->check($p->get('/api/me', as => $cookie), 401, 'unauthorized', 'ends the sessions');
	$cookie = $p->login('op.1', $pw);
	is(ctl('', 'user', 'role', 'op.1', 'viewer')->{status}, 0, 'a new role');
	$p->check($p->get('/api/me', as => $cookie), 401, 'unauthorized', 'ends them too');
	is(ctl("$pw", 'user', 'add', 'v')->{status}, 2, 'a name of one letter is none');
	is(ctl("$pw", 'user', 'add', 'vi')->{status}, 0, 'a viewer; the line need not end');
	my $list = ctl('', 'user', 'list');
	is(join(' ', $list->{out} =~ /^(\S+) +(\S+)/mg), 'boss admin op.1 viewer vi viewer', 'they are listed');
	my $json = JSON::PP->new->decode(ctl('', 'user', 'list', '--json')->{out});
	is(join(' ', map { "$_->{name}:$_->{role}" } @$json), 'boss:admin op.1:viewer vi:viewer', 'as JSON, too');
	is(join(' ', sort keys %{$json->[0]}), 'created_at id last_login_at name role updated_at', 'without a secret');
	is(ctl('', 'user', 'remove', 'vi')->{status}, 0, 'one is removed');
	is($p->sql_one("SELECT count(*) FROM users WHERE name = 'vi'"), 0, 'and gone');
};

subtest 'what is refused' => sub {
	fails(ctl("$pw\n", qw(user add boss)), 1, qr/^storectl: A user with the name "boss" exists/, 'a name twice');
	fails(ctl("short\n", qw(user add other)), 2, qr/12 to 128 characters/, 'a short password');
	fails(ctl('', qw(user add other)), 2, qr/no password on standard input/, 'no password');
	fails(ctl("a\tb" x 10 . "\n", qw(user add other)), 2, qr/control characters/, 'a tab in it');
	fails(ctl("$pw\n", qw(user add --role root other)), 2, qr/viewer, operator or admin/, 'a role that is none');
	fails(ctl("$pw\n", qw(user add Other)), 2, qr/lower-case/, 'a bad name');
	fails(ctl("$pw\n", qw(user passwd none)), 1, qr/^storectl: There is no user "none"/, 'a user that is not there');
	fails(ctl('', qw(user remove boss)), 1, qr/last admin/, 'the last admin is not removed');
	fails(ctl('', qw(user role boss viewer)), 1, qr/last admin/, 'and stays one');
	fails(ctl('', qw(user add)), 2, qr/needs/, 'no name');
	local $p->{conf}{DATABASE_PATH} = "$p->{dir}/data/none.db";
	fails(ctl("$pw\n", qw(user add other)), 1, qr/Start store-api first/, 'no database');
	ok(!-e $p->{conf}{DATABASE_PATH}, 'and none is made');
};
$p->finish;
