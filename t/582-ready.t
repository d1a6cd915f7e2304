#!/usr/bin/perl
# /api/ready while the database is broken, which is when it is asked: with a session, with
# a token, by a stranger from elsewhere. Each hears 503, which part it is and what to do;
# the stranger hears no more than ever, nor does who cannot be known.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use FastCgi;
use Test::More;

# A mount namespace of our own: what is mounted here nobody else sees, and it ends with us.
if (!$ENV{STORE_TEST_MOUNTS}) {
	my $can = system('unshare -m --propagation private true 2>/dev/null') == 0;
	$ENV{STORE_TEST_MOUNTS} = $can ? 'own' : 'none';
	exec 'unshare', '-m', '--propagation', 'private', $^X, $0 if $can;
}

sub platform {
	my ($mounted) = @_;
	my $p = AccountTest->new(pool => 1, conf => {HELM => '/nonexistent/helm'});
	$p->{more} = 1;
	!$mounted || system('mount', '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', "$p->{dir}/data") == 0 or die 'mount';
	$p->start;
	my $session = $p->first_admin;
	return ($p, $session, $p->add_token($session, 'boss', 'admin'));
}

sub database_of { my ($r) = @_; return (grep { $_->{name} eq 'database' } @{$r->{json}{checks} || []})[0] || {} }

# Everybody who may ask, through nginx or, from another address, past it.
sub tells {
	my ($p, $what, $sentence, $session, $token) = @_;
	my %away = (REQUEST_METHOD => 'GET', DOCUMENT_URI => '/api/ready', REMOTE_ADDR => '192.0.2.1', HTTP_HOST => 'p.example');
	for (['a session', $p->get('/api/ready', as => $session)], ['a token', $p->get('/api/ready', as => $token)],
		['nobody, from here', $p->get('/api/ready')], ['a stranger', FastCgi::ask($p->socket_path, \%away), 1]) {
		my ($who, $r, $stranger) = @$_;
		my $check = database_of($r);
		is("$r->{status} " . ($check->{ok} ? 'ok' : 'broken'), '503 broken', "$what, $who: it is told");
		is($r->{json}{ready} ? 1 : 0, 0, 'not ready');
		like($check->{sentence}, $stranger ? qr/^Log in, or ask from the machine itself/ : $sentence, 'what it is');
		like($check->{remedy}, qr/^Run storectl db check on the machine/, 'and what to do');
		cmp_ok($r->{headers}{'retry-after'} // 0, '>', 0, 'and when to ask again');
	}
	is($p->get('/api/health', as => $token)->{status}, 200, 'it is alive');
	return;
}

sub is_well {
	my ($p, @as) = @_;
	for my $as (@as) {
		my $check = database_of($p->get('/api/ready', as => $as));
		is($check->{ok} ? 1 : $check->{sentence}, 1, 'and then it works again');
	}
	is($p->get('/api/ready', as => 'spt_' . 'x' x 10 . '_' . 'y' x 30 . '_' . 'z' x 6)->{status}, 401, 'a token that does not hold is refused as ever');
}

my ($p, @as) = platform();

subtest 'a database that works' => sub { is_well($p, @as) };

subtest 'locked' => sub {
	$p->locked(sub { tells($p, 'locked', qr/^The database is busy/, @as) });
	is_well($p, @as);
};

subtest 'missing' => sub {
	my $path = $p->{conf}{DATABASE_PATH};
	rename $path, "$path.away" or die "$path: $!";
	tells($p, 'missing', qr/^The database's file is not there any more/, @as);
	Platform::spew($path, 'another one');
	tells($p, 'another one', qr/or is another one/, @as);
	rename "$path.away", $path or die "$path: $!";
	is_well($p, @as);
};

subtest 'corrupt' => sub {
	my $path = $p->{conf}{DATABASE_PATH};
	my %root = map { @$_ } $p->sql("SELECT name, rootpage FROM sqlite_schema WHERE name IN ('health', 'users', 'sessions', 'tokens')");
	$p->stop($_) for qw(api provisioner);
	unlink "$path-wal", "$path-shm"; # the last checkpoint has moved all of it
	my $whole = Platform::slurp($path);
	$p->start_pool;
	$p->wait_for('the pool', sub { $p->get('/api/health')->{status} == 200 });
	open my $out, '+<:raw', $path or die "$path: $!";
	for (values %root) {
		seek $out, ($_ - 1) * 4096, 0;
		print $out "\xff" x 4096;
	}
	close $out;
	# Pages that the process has in its memory are read anew after a write of another.
	my $shell = $p->sqlite;
	ApiTest::run_sql($shell, "INSERT INTO setup VALUES (1, 'x', 'x', 1)");
	ApiTest::end_shell($shell);
	tells($p, 'corrupt', qr/is damaged .*storectl db restore FILE/, @as);
	$p->stop('api');
	Platform::spew($path, $whole);
	unlink "$path-wal", "$path-shm";
	$p->start_pool;
	$p->wait_for('the pool', sub { $p->get('/api/health')->{status} == 200 });
	is_well($p, @as);
};
$p->finish;

SKIP: {
	skip 'a file system of its own needs root', 1 if $ENV{STORE_TEST_MOUNTS} ne 'own';
	subtest 'a full disk' => sub {
		my ($q, @known) = platform('mounted');
		is_well($q, @known);
		open my $out, '>:raw', "$q->{dir}/data/fill" or die "fill: $!";
		1 while syswrite $out, "\0" x 65536;
		1 while syswrite $out, "\0" x 512;
		tells($q, 'full', qr/its disk has \d+ KiB left/, @known);
		close $out;
		unlink "$q->{dir}/data/fill";
		is_well($q, @known);
		$q->finish;
		system 'umount', "$q->{dir}/data";
	};
}
done_testing();
