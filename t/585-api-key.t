#!/usr/bin/perl
# 6.9: the keys of store-api's hashes are changed while it runs: tokens and answers to an
# Idempotency-Key hold, sessions end, the old key goes when nobody needs it. Both keys are
# changed under many creates at once. A wrong key is a clear failure.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use Crowd;
use Test::More;

my $p = AccountTest->new(conf => {MAX_STORES => 500, MAX_STORES_PER_USER => 500, MAX_QUEUED_PROVISIONS => 500});
my $dir = $p->{conf}{API_DIR};
$p->start;
my $boss = $p->first_admin;
my %tokens = map { $_ => $p->add_token($boss, 'boss', $_) } qw(admin operator viewer);
my $json = JSON::PP->new;

sub retired { return map { /\.([0-9a-f]{16})$/ ? $1 : () } glob "$dir/api.key.*" }
sub rotate { my ($key) = @_; return $p->storectl('keys', 'rotate', '--json', $key) }
sub me { my ($as) = @_; return $p->get('/api/me', as => $as)->{status} }

# In each process of the pool, one after the other.
sub everywhere {
	my ($code) = @_;
	return join ' ', map { my $pid = $_; $p->only($pid, $code) } $p->pool_pids;
}

sub list { return @{$json->decode($p->storectl('keys', 'list', '--json')->{out})} }

subtest 'keys list' => sub {
	my $r = $p->storectl('keys', 'list');
	is("$r->{status} $r->{err}", '0 ', 'it works');
	like($r->{out}, qr/\Aseal  [0-9a-f]{16}  current\napi   [0-9a-f]{16}  current\n\z/, 'one key of each');
	is($p->storectl('keys', 'rotate', 'nothing')->{status}, 2, 'a key that is none');
	is($p->storectl('keys', 'rotate')->{status}, 2, 'no key');
};

subtest '6.9: the key of hashes is changed' => sub {
	my %key = (headers => {'Idempotency-Key' => 'once'}, as => $tokens{operator});
	my $made = $p->post('/api/stores', {name => 'Made before'}, %key);
	is($made->{status}, 201, 'a store is made');
	is(everywhere(sub { me($boss) }), '200 200', 'a session holds');
	my $old = (list())[1]{id};
	my $r = rotate('api');
	is("$r->{status} $r->{err}", '0 ', 'a new key');
	is_deeply($json->decode($r->{out}), {key => 'api', before => $old, now => (grep { $_->{key} eq 'api' && $_->{current} } list())[0]{id}, needed_by => 4}, 'three tokens and an answer need the old one');
	is(everywhere(sub { me($tokens{viewer}) }), '200 200', 'a token holds, without a restart');
	is(everywhere(sub { me($boss) }), '401 401', 'sessions have ended');
	my $again = $p->post('/api/stores', {name => 'Made before'}, %key);
	is("$again->{status} $again->{json}{id}", "200 $made->{json}{id}", 'an Idempotency-Key is known again');
	is($p->post('/api/stores', {name => 'Another'}, %key)->{status}, 422, 'also for another body');
	is(me($p->login('boss')), 200, 'a new login works');
	is((grep { $_->{id} eq $old } list())[0]{needed_by}, 2, 'the tokens that were used need the old key no more');
	is(me($tokens{$_}), 200, "$_ holds") for qw(admin operator);
	# The answer to the Idempotency-Key is the last that does.
	is((grep { $_->{id} eq $old } list())[0]{needed_by}, 1, 'then only the answer does');
	$p->play('DELETE FROM idempotency');
	my ($pid) = $p->pool_pids;
	kill 'TERM', $pid;
	$p->wait_for('the old key to be removed', sub { !retired() });
	$p->wait_for('the pool', sub { $p->pool_pids == 2 });
	is(join(' ', map { my $t = $tokens{$_}; everywhere(sub { me($t) }) } sort keys %tokens), '200 200 200 200 200 200', 'tokens hold without it');
	my ($row) = @{$p->get('/api/stores/audit/log?action=key_rotate', as => $tokens{admin})->{json}};
	is("$row->{actor} $row->{details}{key} $row->{details}{before}", "storectl api $old", 'the audit tells');
	unlike($p->storectl('audit', 'export')->{out}, qr/\Q$_\E/, 'and no secret') for @{$p->{secrets}};
};

subtest '6.9: a token that is never used, and one that has ended' => sub {
	my $idle = $p->add_token($tokens{admin}, 'boss', 'viewer');
	rotate('api') for 1 .. 2;
	is(scalar retired(), 1, 'one key of before is needed: by who was not here meanwhile');
	is(me($idle), 200, 'it holds after two changes');
	$p->add_token($tokens{admin}, 'boss', 'viewer');
	me($_) for values %tokens;
	rotate('api');
	ok(scalar retired(), 'a key of before is needed');
	my ($t) = grep { !$_->{last_used_at} } @{$p->get('/api/tokens', as => $tokens{admin})->{json}};
	me($_) for values %tokens, $idle;
	$p->delete("/api/tokens/$t->{id}", as => $tokens{admin});
	is(rotate('api')->{status}, 0, 'once more');
	is((grep { !$_->{current} && $_->{key} eq 'api' } list())[0]{needed_by}, 4, 'a revoked token needs none');
};

subtest '6.9: both keys are changed under many requests' => sub {
	my $crowd = Crowd->start(4, sub {
		my ($i) = @_;
		my @bad;
		for my $n (1 .. 12) {
			my $r = $p->post('/api/stores', {name => "crowd $i $n"}, as => $tokens{operator}, headers => {'Idempotency-Key' => "k-$i-$n"});
			push @bad, "$r->{status} $r->{content}" if $r->{status} != 201;
			my $t = $p->post('/api/tokens', {name => "t $i $n", user => 'boss', scope => 'viewer'}, as => $tokens{admin});
			push @bad, "token $t->{status} $t->{content}" if $t->{status} != 201 || me($t->{json}{token}) != 200;
			$r = $p->post('/api/stores', {name => "crowd $i $n"}, as => $tokens{operator}, headers => {'Idempotency-Key' => "k-$i-$n"});
			push @bad, "again $r->{status} $r->{content}" if $r->{status} != 200;
		}
		return \@bad;
	});
	my @r = map { rotate($_) } (qw(seal api)) x 4;
	my @bad = map { @$_ } $crowd->results;
	is("@bad", '', 'every request was answered as if nothing happened');
	is(join(' ', map { $_->{status} . $_->{err} } @r), join(' ', ('0') x @r), 'every change was made');
	cmp_ok($p->sql_one('SELECT count(DISTINCT seal_key_id) FROM stores'), '>', 1, 'passwords wait for several keys');
	is($p->storectl('db', 'check')->{status}, 0, 'and each of them is there');
	is($p->storectl('audit', 'verify')->{status}, 0, 'the audit is whole');
	my $r;
	for (1 .. 10) {
		$p->post('/api/stores', {name => "many $_"}, as => $tokens{operator});
		$r = rotate('seal');
		last if $r->{status};
	}
	like($r->{err}, qr/8 keys of before are still needed/, 'there is an end to how many are kept');
};

subtest '6.9: a wrong key is a clear failure' => sub {
	my $key = Platform::slurp("$dir/api.key");
	my %kept = map { $_ => Platform::slurp("$dir/api.key.$_") } retired();
	unlink map { "$dir/api.key.$_" } keys %kept;
	Platform::spew("$dir/new", 'x' x 32, 0600);
	rename "$dir/new", "$dir/api.key" or die;
	my $r = $p->get('/api/me', as => $tokens{viewer});
	is("$r->{status} $r->{json}{code}", '401 unauthorized', 'another key: a token does not hold');
	Platform::spew("$dir/new", 'short', 0600);
	rename "$dir/new", "$dir/api.key" or die;
	$r = $p->get('/api/me', as => $tokens{viewer});
	is("$r->{status} $r->{json}{code}", '500 configuration', 'one that is cut');
	like($r->{json}{error}, qr/api\.key is not a key of 32 bytes/, 'is told');
	Platform::spew("$dir/new", $key, 0600);
	rename "$dir/new", "$dir/api.key" or die;
	Platform::spew("$dir/api.key.$_", $kept{$_}, 0600) for keys %kept;
	is(everywhere(sub { me($tokens{viewer}) }), '200 200', 'with the right one all is as before');
};
$p->finish;
