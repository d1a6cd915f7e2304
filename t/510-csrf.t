#!/usr/bin/perl
# Promise 5.9 through nginx: which pages may change something in the name of who
# has logged in, or log him in. Shops run code of their owners on sibling host
# names, so a page of the same site is a stranger like any other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use RawHttp;
use Test::More;

my $p = AccountTest->new(pool => 2, conf => {MAX_STORES => 1000, MAX_STORES_PER_USER => 1000});
$p->start;
my $cookie = $p->first_admin;
my $token = $p->add_token($cookie, 'boss', 'admin');
my ($host) = $p->{url} =~ m{//(.*)};

my %proof = ('no cookie' => [], cookie => ["Cookie: $cookie"], bearer => ["Authorization: Bearer $token"],
	both => ["Cookie: $cookie", "Authorization: Bearer $token"]);
my @origins = ("http://$host", 'http://evil.example', "http://shop.$host", "https://$host", 'http://127.0.0.1:1', 'null', "http://$host/", undef);
my @sites = ('same-origin', 'same-site', 'cross-site', 'none', undef);
my @types = ('application/json', 'text/plain', 'application/x-www-form-urlencoded', undef);

# A change by every combination; nothing it says is valid, so what passes the guard is 400 or 404.
sub ask {
	my ($method, $path, $body, @headers) = @_;
	return RawHttp::answer(RawHttp::send_bytes($p, join("\r\n", "$method $path HTTP/1.1", "Host: $host", @headers,
		'Content-Length: ' . length $body, 'Connection: close', '', $body)));
}

for my $case (['POST', '/api/stores', '{}'], ['DELETE', "/api/stores/$ApiTest::NO_ID", '']) {
	my ($method, $path, $body) = @$case;
	for my $who (sort keys %proof) {
		subtest "promise 5.9: $method with $who" => sub {
			my (@wrong, $n);
			for my $origin (@origins) { for my $site (@sites) { for my $type (@types) {
				my $r = ask($method, $path, $body, @{$proof{$who}}, defined $origin ? "Origin: $origin" : (),
					defined $site ? "Sec-Fetch-Site: $site" : (), defined $type ? "Content-Type: $type" : ());
				my $page = ($origin // '') eq "http://$host" && ($site // 'same-origin') eq 'same-origin';
				my $json = ($type // '') eq 'application/json';
				my $want = $who eq 'no cookie' ? 401
					: $who eq 'cookie' && !$page ? 403
					: !$json && ($who eq 'cookie' || $method eq 'POST') ? 415
					: $method eq 'POST' ? 400 : 404;
				$n++;
				push @wrong, join ' ', $r->{status}, 'for', $want, map { $_ // '-' } $origin, $site, $type
					if $r->{status} != $want;
			}}}
			is(join("\n", @wrong), '', "each of $n");
		};
	}
}

subtest 'promise 5.9: a login from another page' => sub {
	my $body = qq({"name":"boss","password":"$AccountTest::PASSWORD"});
	my $json = 'Content-Type: application/json';
	for my $path ('/api/login', '/api/logout') {
		my $text = $path eq '/api/login' ? $body : '';
		for my $site (@sites) {
			my @site = defined $site ? "Sec-Fetch-Site: $site" : ();
			my $good = ($site // 'same-origin') eq 'same-origin';
			for my $origin (@origins) {
				my $fine = $good && ($origin // "http://$host") eq "http://$host";
				my $r = ask('POST', $path, $text, $json, @site, defined $origin ? "Origin: $origin" : ());
				is($r->{status}, $fine ? 200 : 403, join ' ', $path, map { $_ // '-' } $origin, $site);
				is(defined $r->{headers}{'set-cookie'} ? 1 : 0, $fine ? 1 : 0, 'and its cookie');
			}
		}
	}
	is(ask('POST', '/api/login', $body, "Content-Type: text/plain")->{status}, 415, 'a form cannot send it');
};

subtest 'promise 5.9: reading changes nothing, and answers no other page' => sub {
	my $generation = $p->sql_one('SELECT n FROM generation');
	for my $path (qw(/api/stores /api/users /api/tokens /api/me /api/metrics /api/stores/audit/log)) {
		my $r = ask('GET', $path, '', "Cookie: $cookie", 'Origin: http://evil.example', 'Sec-Fetch-Site: cross-site');
		is($r->{status}, 200, "GET $path");
		is(scalar(grep { /^access-control/ } keys %{$r->{headers}}), 0, "GET $path: no CORS");
	}
	my $r = ask('OPTIONS', '/api/stores', '', 'Origin: http://evil.example', 'Access-Control-Request-Method: DELETE');
	is(scalar(grep { /^access-control/ } keys %{$r->{headers}}), 0, 'nor for a preflight');
	is($p->sql_one('SELECT n FROM generation'), $generation, 'nothing has changed');
};
is($p->sql_one('SELECT count(*) FROM stores'), 0, 'no store was made by any of it');
$p->finish;
