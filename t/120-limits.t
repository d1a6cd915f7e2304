#!/usr/bin/perl
# The rates that nginx allows one address: how many requests pass at once, which
# count together, what the one too many is told, and when the next one passes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use RawHttp;
use Test::More;
use Time::HiRes qw(time);

my $p = ApiTest->new;
$p->start;

my $gone = "/api/stores/$ApiTest::NO_ID";
my @create = (['POST', '/api/stores'], ['POST', '/api/v1/stores'], ['POST', '/api/stores/'], ['POST', '//api//stores'],
	['POST', '/api/v1/stores/'], ['POST', '/%61pi/stores'], ['POST', '/api/x/../stores']);
my @change = (['DELETE', $gone], ['POST', "$gone/retry"], ['PUT', '/api/stores'], ['OPTIONS', '/api/stores'],
	['DELETE', "/api/v1/stores/$ApiTest::NO_ID"]);
my @read = (['GET', '/api/stores'], ['HEAD', '/api/stores'], ['GET', '/api/health'], ['GET', '/metrics']);
my @files = (['GET', '/'], ['GET', '/app.js'], ['HEAD', '/activity'], ['GET', '/nothing'], ['POST', '/nothing']);
my @login = (['POST', '/api/login'], ['POST', '/api/login/'], ['POST', '/api/v1/login'], ['POST', '/api/v1/login/']);

my @zones = (
	# name, address, its requests, how many pass at once, how many follow a second
	['create', '127.9.9.1', \@create, 5, 5 / 60],
	['change', '127.9.9.2', \@change, 30, 30 / 60],
	['read', '127.9.9.3', \@read, 101, 600 / 60],
	['login', '127.9.9.4', \@login, 5, 10 / 60],
	['files', '127.9.9.6', \@files, 101, 600 / 60],
);

for (@zones) {
	my ($zone, $from, $requests, $burst, $rate) = @$_;
	subtest "the rate of $zone" => sub {
		my $ask = sub {
			my ($method, $path) = @{$requests->[$_[0] % @$requests]};
			return RawHttp::answer(RawHttp::send_bytes($p, "$method $path HTTP/1.1\r\nHost: 127.0.0.1\r\n"
				. "Connection: close\r\nContent-Length: 0\r\n\r\n", $from));
		};
		my ($passed, $r, $since) = (0, undef, time);
		for my $n (0 .. 3 * $burst - 1) {
			$r = $ask->($n);
			last if $r->{status} == 429;
			$passed++;
		}
		cmp_ok($passed, '>=', $burst, "$burst pass at once");
		# Every spelling counts: one that did not would pass again and again.
		$passed += $ask->($_)->{status} != 429 for 0 .. 3 * @$requests - 1;
		cmp_ok($passed, '<=', $burst + 1 + int((time - $since) * $rate), 'and no more, however they are spelt');
		$p->wait_for('a refusal', sub { ($r = $ask->(0))->{status} == 429 }, 10);
		$p->check($r, 429, 'rate_limited', 'one more');
		like($r->{headers}{'cache-control'}, qr/no-store/, 'which nobody keeps');
		my %get = (from => $from);
		if ($zone ne 'read') {
			is($p->get('/api/stores', %get)->{status}, 200, 'the same address may still read');
		} else {
			is($p->delete($gone, %get)->{status}, 404, 'the same address may still change something');
		}
		my ($method, $path) = @{$requests->[0]};
		isnt($p->request($method, $path, from => $from =~ s/9\.9/9.8/r)->{status}, 429, 'another address is not affected');
		my %other = (headers => {'X-Forwarded-For' => '127.9.7.7', 'X-Real-IP' => '127.9.7.7'});
		is($p->request($method, $path, from => $from, %other)->{status}, 429, 'nor is one another by saying so')
			if $zone eq 'create';
	};
}

subtest 'what is told is true' => sub {
	my $r;
	$p->wait_for('a refusal', sub {
		$r = $p->get('/api/health', from => '127.9.9.5') for 1 .. 120;
		$r->{status} == 429;
	});
	my $since = time;
	$p->wait_for('the next one to pass', sub { $p->get('/api/health', from => '127.9.9.5')->{status} == 200 }, 30);
	cmp_ok(time - $since, '<=', $r->{headers}{'retry-after'}, 'after Retry-After a request passes');
	# The longest wait is that for a create, one in 12 seconds.
	cmp_ok($r->{headers}{'retry-after'}, '>=', 12, 'in every zone');
};

subtest 'a limit is told by nginx alone' => sub {
	my $before = () = Platform::slurp("$p->{dir}/api.log") =~ /"message"/g;
	my $passed = grep { $p->post('/api/stores', {}, from => '127.9.9.6')->{status} == 400 } 1 .. 20;
	my $after = () = Platform::slurp("$p->{dir}/api.log") =~ /"message"/g;
	cmp_ok($passed, '<', 20, 'some are refused');
	is($after - $before, $passed, 'of which no process of the pool has heard');
};
$p->finish;
