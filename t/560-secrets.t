#!/usr/bin/perl
# What secrets are worth to whom: a stolen database (promise 6.2), many logins at once
# (6.6), how long a login takes (6.5), and a key that is lost (6.9).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use Crowd;
use File::Find ();
use Test::More;
use Time::HiRes qw(time sleep);

my $p = AccountTest->new(pool => 4, conf => {MAX_STORES => 100});
$p->start;
my ($setup) = $p->setup_tokens;
my $admin = $p->first_admin;
my $token = $p->add_token($admin, 'boss', 'admin');
my %many = (addresses => 0);
sub address { my $n = $many{addresses}++; return sprintf '127.%d.%d.7', 100 + $n / 250, 1 + $n % 250 }

subtest 'promise 6.2: a stolen database yields no credential' => sub {
	my %canary = (
		'a password' => $AccountTest::PASSWORD,
		'a session' => $admin =~ /=(.*)/,
		'a token' => $token,
		'the secret of a token' => substr($token, 15, 30),
		'the set-up token' => $setup,
		'a password that was changed' => 'Canary-old-password-1',
		'its successor' => 'Canary-new-password-2',
		'a shop\'s password' => 'Canary-shop-pw-3',
		'a key of a request' => 'Canary-idempotency-4',
		'what was typed as a name' => 'canary-typed-5',
	);
	my $made = $p->post('/api/users', {name => 'changer', password => $canary{'a password that was changed'}}, as => $admin);
	$p->check($made, 201, '', 'an account');
	my $session = $p->login('changer', $canary{'a password that was changed'});
	$canary{'a session that ended'} = $session =~ s/.*=//r;
	my $changed = $p->post('/api/me/password', {current_password => $canary{'a password that was changed'},
		new_password => $canary{'its successor'}}, as => $session);
	$p->check($changed, 200, '', 'changes its password');
	my $store = $p->post('/api/stores', {name => 'Canary', adminPassword => $canary{'a shop\'s password'}}, as => $token,
		headers => {'Idempotency-Key' => $canary{'a key of a request'}});
	$p->check($store, 201, '', 'a store');
	my $generated = $p->post('/api/stores', {name => 'Second'}, as => $token, headers => {'Idempotency-Key' => 'k2'})->{json};
	$canary{'a shop\'s password that was made'} = $generated->{admin_password};
	$p->check($p->post('/api/login', {name => $canary{'what was typed as a name'}, password => 'x'}), 401, 'login_failed', 'a stranger');
	my $shell = $p->sqlite;
	ApiTest::run_sql($shell, "\n.backup $p->{dir}/data/backup.db\n");
	ApiTest::end_shell($shell);
	my @files;
	File::Find::find({no_chdir => 1, wanted => sub { push @files, $_ if -f }}, "$p->{dir}/data", "$p->{dir}/nginx");
	cmp_ok(scalar(grep { /\.db/ } @files), '>=', 3, 'database, log and backup are looked at');
	for my $name (sort keys %canary) {
		is(join(' ', grep { index(Platform::slurp($_), $canary{$name}) >= 0 } @files), '', "not $name");
	}
	push @{$p->{secrets}}, grep { $_ ne $setup } values %canary;
	# What is in there does not open the door either.
	my @hashes = map { $_->[0] } $p->sql('SELECT hash FROM sessions UNION SELECT hash FROM tokens UNION SELECT password FROM users');
	cmp_ok(scalar @hashes, '>=', 4, 'there are hashes');
	for my $hash (@hashes) {
		is($p->get('/api/me', as => "__Host-sp=$hash")->{status}, 401, 'a hash is no cookie');
		is($p->post('/api/login', {name => 'boss', password => substr $hash, 0, 128}, from => address())->{status}, 401, 'and no password');
	}
	my ($key) = map { $_->[0] } $p->sql('SELECT key FROM tokens');
	is($p->get('/api/me', headers => {Authorization => 'Bearer spt_' . $key . '_' . 'A' x 30 . '_000000'})->{status}, 401, 'a key alone is no token');
};

subtest 'promise 6.6: 200 logins at once' => sub {
	my $rss = sub { my $sum = 0; $sum += $_ for map { Platform::slurp("/proc/$_/status") =~ /VmRSS:\s+(\d+)/ ? $1 : 0 } $p->pool_pids; return $sum / 1024 };
	my @addresses = map { address() } 1 .. 200;
	$p->play('DELETE FROM attempts');
	my $crowd = Crowd->start(200, sub {
		my $r = $p->post('/api/login', {name => "somebody$_[0]", password => 'wrong'}, from => $addresses[$_[0]]);
		return [$r->{status}, $r->{json}{code}, $r->{headers}{'retry-after'}];
	});
	my ($peak, @took) = (0);
	my $end = time + 4;
	while (time < $end) {
		my $since = time;
		my $r = $p->get('/api/stores', as => $token);
		push @took, time - $since if $r->{status} == 200;
		my $now = $rss->();
		$peak = $now if $now > $peak;
	}
	my @r = $crowd->results;
	my %seen;
	$seen{"$_->[0] $_->[1]"}++ for @r;
	cmp_ok($seen{'401 login_failed'} || 0, '>=', 2, 'some are looked at');
	cmp_ok($seen{'429 login_busy'} || 0, '>=', 1, 'others are told to come again');
	is(join(' ', sort keys %seen), '401 login_failed 429 login_busy', 'and nothing else happens');
	is(scalar(grep { $_->[0] == 429 && ($_->[2] // '') ne '1' } @r), 0, 'in a second');
	cmp_ok($peak, '<', 200, 'all processes together stay below 200 MB');
	@took = sort { $a <=> $b } @took;
	note(sprintf '%d looked at, %d busy; peak %.0f MB; %d GETs meanwhile, p50 %.1f ms, p99 %.1f ms', $seen{'401 login_failed'},
		$seen{'429 login_busy'}, $peak, scalar @took, 1000 * $took[@took / 2], 1000 * $took[@took * 0.99]);
	cmp_ok(scalar @took, '>=', 20, 'and reading goes on');
	is($p->sql_one('SELECT count(*) FROM attempts WHERE failures > 1'), 0, 'who was told to come again has not used up an attempt');
};

subtest 'promise 6.5: an unknown user costs the same time' => sub {
	my %took = (known => [], unknown => []);
	for my $n (1 .. 30) {
		for my $who ('known', 'unknown') {
			$p->play('DELETE FROM attempts') if $n % 4 == 1;
			my $since = time;
			my $r = $p->post('/api/login', {name => $who eq 'known' ? 'boss' : "nobody$n", password => "wrong $n"}, from => address());
			push @{$took{$who}}, time - $since if $r->{status} == 401;
		}
	}
	my ($known, $unknown) = map { my @t = sort { $a <=> $b } @$_; $t[0] } @took{qw(known unknown)};
	cmp_ok($known, '>', 0.01, 'a password takes its time');
	cmp_ok(abs($known - $unknown), '<', 0.5 * $known, 'and so does one of nobody');
	note(sprintf 'known %.1f ms, unknown %.1f ms (shortest of 30)', 1000 * $known, 1000 * $unknown);
};

subtest 'promise 6.9: the key of hashes is lost' => sub {
	my $path = "$p->{conf}{API_DIR}/api.key";
	my $key = Platform::slurp($path);
	is($p->stop('api'), 0, 'the pool stops');
	Platform::spew($path, scalar reverse($key), 0600);
	$p->start_pool;
	$p->wait_for('the pool', sub { $p->get('/api/health')->{status} == 200 });
	$p->check($p->get('/api/me', as => $token), 401, 'unauthorized', 'with another key a token is none');
	$p->check($p->get('/api/me', as => $admin), 401, 'unauthorized', 'nor a session');
	ok($p->login('boss'), 'but a password is still one');
	is($p->stop('api'), 0, 'the pool stops');
	Platform::spew($path, $key, 0600);
	$p->start_pool;
	$p->wait_for('the pool', sub { $p->get('/api/health')->{status} == 200 });
	$p->check($p->get('/api/me', as => $token), 200, '', 'put back, the token holds again');
	$p->check($p->get('/api/me', as => $admin), 200, '', 'and the session');
};
$p->finish;
