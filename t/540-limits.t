#!/usr/bin/perl
# Limits: how fast one client may ask (promise 5.5: the curve of bursts in numbers, and
# whole IPv6 networks), how many stores there may be, of all, of one user, in the queue.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use Crowd;
use Test::More;
use Time::HiRes qw(time);

my $p = AccountTest->new(pool => 2, conf => {MAX_STORES => 6, MAX_STORES_PER_USER => 2, MAX_QUEUED_PROVISIONS => 4});
# nginx takes an address that the test makes up for the client's, as behind a proxy that is trusted.
$p->{server_more} = "        set_real_ip_from 127.0.0.0/8;\n        real_ip_header X-Test-Address;\n";
$p->start;
my $admin = $p->first_admin;
my $boss = $p->add_token($admin, 'boss', 'admin');
my $addresses = 0;

# Asks from an address of its own unless told: its status.
sub ask {
	my ($method, $path, $address) = @_;
	my $r = $p->request($method, $path, as => $boss, headers => {'X-Test-Address' => $address});
	return $r->{status} == 429 ? 'limited' : 'passed';
}

# The curve: what passes at once, and then how long each further one took to come.
sub curve {
	my ($method, $path, $address, $after) = @_;
	my ($at_once, @waits) = (0);
	my $since = time;
	$at_once++ while ask($method, $path, $address) eq 'passed';
	my $took = time - $since;
	for (1 .. $after) {
		my $from = time;
		$p->wait_for('one more to pass', sub { ask($method, $path, $address) eq 'passed' }, 60);
		push @waits, time - $from;
	}
	return ($at_once, $took, time - $since, @waits);
}

my $none = "/api/stores/$ApiTest::NO_ID";
my @zones = (
	# what, the request, burst + 1, a minute, how many more are waited for
	['everything but GET', 'DELETE', $none, 30, 30, 2],
	['create', 'POST', '/api/stores', 5, 5, 0],
	['login', 'POST', '/api/login', 5, 10, 1],
	['GET', 'GET', '/api/health', 101, 600, 20],
);

subtest 'the dashboard is there for who has asked the API too often' => sub {
	my $address = '198.51.100.' . ++$addresses;
	1 while ask('GET', '/api/health', $address) eq 'passed';
	is(ask('GET', '/', $address), 'passed', 'its page');
	my $passed = 1;
	$passed++ while ask('GET', '/', $address) eq 'passed';
	cmp_ok($passed, '>=', 101, 'which has a burst of its own');
};

for (@zones) {
	my ($what, $method, $path, $burst, $rate, $more) = @$_;
	subtest "promise 5.5: the curve of $what" => sub {
		my ($at_once, $took, $all, @waits) = curve($method, $path, '198.51.100.' . ++$addresses, $more);
		my $drip = int($took * $rate / 60);
		cmp_ok($at_once, '>=', $burst, "$burst pass at once");
		cmp_ok($at_once, '<=', $burst + $drip + 1, "and no more than that and what $rate a minute let in meanwhile");
		# Over the whole time no more can have passed than burst and rate allow.
		cmp_ok($at_once + $more, '<=', $burst + $all * $rate / 60 + 1, "and $more more in their time") if $more;
		note(sprintf '%s: %d at once in %.2f s, then %d in %.1f s', $what, $at_once, $took, $more, $all - $took);
	};
}

subtest 'promise 5.5: a refusal is honest' => sub {
	my $r;
	$p->wait_for('a refusal', sub {
		$r = $p->get('/api/health', headers => {'X-Test-Address' => '198.51.100.77'}) for 1 .. 50;
		$r->{status} == 429;
	});
	$p->check($r, 429, 'rate_limited', 'JSON with Retry-After');
};

subtest 'promise 5.5: a network is one client' => sub {
	my $from = sub { ask('POST', '/api/stores', $_[0]) };
	my @same = map { sprintf '2001:db8:1:2:%x:%x::%x', $_, $_ * 7, $_ } 1 .. 20;
	my $passed = grep { $from->($_) eq 'passed' } @same;
	cmp_ok($passed, '>=', 5, 'of 20 addresses of one /64 five pass');
	cmp_ok($passed, '<=', 6, 'and no more');
	is($from->('2001:db8:1:3::1'), 'passed', 'the next /64 is another');
	is($from->('2001:db8:0:2::1'), 'passed', 'and so is one before it');
	my @four = map { "203.0.113.$_" } 1 .. 10;
	is(scalar(grep { $from->($_) eq 'passed' } @four), 10, 'each IPv4 address is its own');
};

# --- how many ------------------------------------------------------------------------------

my %who = map { $_ => do { $p->add_user($admin, $_, 'operator'); $p->add_token($admin, $_, 'operator') } } qw(ann bob cat);
sub create { my ($as, $name) = @_; return $p->post('/api/stores', {name => $name}, as => $who{$as} // $boss) }
sub finish_jobs { $p->play("UPDATE jobs SET state = 'done', finalized_at = 1 WHERE state = 'queued'; UPDATE stores SET status = 'ready' WHERE status = 'provisioning'") }

subtest 'stores of one user' => sub {
	$p->check(create('ann', "Ann $_"), 201, '', "ann's store $_") for 1, 2;
	my $r = create('ann', 'Ann 3');
	$p->check($r, 409, 'user_store_limit', 'one too many');
	like($r->{json}{error}, qr/\b2 stores\b.*MAX_STORES_PER_USER is 2; delete one/, 'the number, and what to do');
	is($r->{headers}{'retry-after'}, undef, 'a limit is no rate');
	$p->check(create('bob', 'Bob 1'), 201, '', 'another user has his own');
	my @r = Crowd->start(8, sub { create('cat', "Cat $_[0]")->{status} })->results;
	# The queue is full after one more: what is refused by which limit does not matter here.
	is(scalar(grep { $_ == 201 } @r), 1, 'of many at once none slips through');
};

subtest 'the queue' => sub {
	my $r = create('bob', 'Bob 2');
	$p->check($r, 409, 'queue_limit', 'four wait already');
	like($r->{json}{error}, qr/\b4 stores wait\b.*MAX_QUEUED_PROVISIONS is 4; try again when/, 'the number, and what to do');
	my ($id) = map { $_->[0] } $p->sql("SELECT id FROM stores WHERE slug = 'bob-1'");
	$p->check($p->delete("/api/stores/$id", as => $who{bob}), 200, '', 'a delete finds its place all the same');
	$p->check(create('bob', 'Bob 2'), 201, '', 'and has made room in the queue');
	my ($failed) = map { $_->[0] } $p->sql("SELECT id FROM stores WHERE slug = 'ann-1'");
	$p->play("UPDATE jobs SET state = 'failed', finalized_at = 1 WHERE store_id = '$failed'; UPDATE stores SET status = 'failed' WHERE id = '$failed'");
	$p->check(create('boss', 'Boss 1'), 201, '', 'a failed one has left the queue');
	$p->check($p->post("/api/stores/$failed/retry", undef, as => $boss), 409, 'queue_limit', 'and is not tried again while it is full');
	finish_jobs();
	$p->check($p->post("/api/stores/$failed/retry", undef, as => $boss), 200, '', 'then it is');
	finish_jobs();
};

subtest 'stores of all' => sub {
	is($p->sql_one("SELECT count(*) FROM stores WHERE status <> 'deleted'"), 6, 'there are six');
	my $r = create('boss', 'Boss 2');
	$p->check($r, 409, 'store_limit', 'one too many');
	like($r->{json}{error}, qr/\b6 stores\b.*MAX_STORES is 6; delete a store or raise the limit/, 'the number, and what to do');
	$p->play("UPDATE stores SET status = 'deleted', deleted_at = 1 WHERE slug = 'bob-1'");
	$p->check(create('boss', 'Boss 2'), 201, '', 'one that is gone counts no more');
};
$p->finish;
