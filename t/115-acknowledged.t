#!/usr/bin/perl
# What the API has promised, and what a day of it costs: creates while processes of
# the pool are killed at random; a day's traffic without growth. STORE_POSTS and
# STORE_REQUESTS make it longer (a day is 86400: one request a second); the seed is
# told, STORE_SEED repeats it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Crowd;
use FastCgi;
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

my $posts = $ENV{STORE_POSTS} || 1000;
my $requests = $ENV{STORE_REQUESTS} || 4000;
my $members = 4;
my $seed = $ENV{STORE_SEED} // time ^ $$ << 8;
srand $seed;
diag("STORE_SEED=$seed repeats this run");

my $p = ApiTest->new(conf => {MAX_STORES => 100000, MAX_QUEUED_PROVISIONS => 100000, LOG_LEVEL => 'error'});
$p->{more} = 1;
$p->start_provisioner;
# The pool as systemd keeps it: each process begun anew when it ends, on a socket that stays.
my $socket = IO::Socket::UNIX->new(Local => $p->socket_path, Listen => 64) or die "listen: $!";
my @pool = map { "api$_" } 1 .. 4;
sub begin { my ($name) = @_; return $p->spawn($name, [$p->program('store-api')], stdin => $socket) }
begin($_) for @pool;

sub ask {
	my ($method, $path, $body, $query) = @_;
	return FastCgi::ask($p->socket_path, {REQUEST_METHOD => $method, DOCUMENT_URI => $path, REMOTE_ADDR => '127.0.0.1',
		HTTP_HOST => '127.0.0.1', QUERY_STRING => $query // '', length $body ? (CONTENT_TYPE => 'application/json') : (),
		CONTENT_LENGTH => length $body}, $body);
}

subtest '1.1: what was acknowledged is there, and what was not is whole or absent' => sub {
	my $crowd = Crowd->start($members, sub {
		my ($i) = @_;
		my (@made, $refused);
		for my $n (1 .. $posts / $members) {
			my $r = ask('POST', '/api/stores', qq({"name":"Promise $i $n"}));
			if ($r->{status} == 201) { push @made, $r->{json}{id} } else { $refused++ }
		}
		Platform::spew("$p->{dir}/done-$i", '');
		return {made => \@made, refused => $refused // 0};
	});
	my $kills = 0;
	until ((() = glob "$p->{dir}/done-*") == $members) {
		my $name = $pool[rand @pool];
		sleep rand 0.1;
		next unless $p->{pids}{$name};
		kill 'KILL', $p->{pids}{$name};
		$p->wait_end($name, 20);
		begin($name);
		$kills++;
	}
	my @results = $crowd->results;
	my @made = map { @{$_->{made}} } @results;
	$p->{acknowledged} = \@made; # looked at with the other invariants at the end
	my %there = map { $_->[0] => 1 } $p->sql('SELECT id FROM stores');
	is(scalar(grep { !$there{$_} } @made), 0, 'each acknowledged store is there');
	is($p->sql_one(q{SELECT count(*) FROM stores s WHERE (SELECT count(*) FROM jobs j WHERE j.store_id = s.id) <> 1
		OR (SELECT count(*) FROM audit_log a WHERE a.store_id = s.id) <> 1}), 0, 'and each that is there has one job and one row of audit');
	is($p->sql_one('PRAGMA integrity_check'), 'ok', 'in a whole database');
	cmp_ok($kills, '>', $posts / 200, 'while the pool was killed');
	diag(sprintf '%d posts, %d kills of pool processes, %d acknowledged, %d there', $posts, $kills, scalar @made, scalar keys %there);
};

subtest '4.3: "database is locked" reaches nobody' => sub {
	my $crowd = Crowd->start(8, sub {
		my ($i) = @_;
		my (%count, $n);
		until (-e "$p->{dir}/enough") {
			my $r = ask('POST', '/api/stores', '{"name":"Locked ' . "$i " . ++$n . '"}');
			my $after = ($r->{headers}{'retry-after'} // '') =~ /^\d+$/ ? ' later' : '';
			$count{"$r->{status} " . ($r->{json}{code} // 'made') . $after}++;
		}
		return \%count;
	});
	for my $n (1 .. 4) {
		$p->locked(sub { sleep $n == 4 ? 3 : 0.3 }); # the last one beyond the patience of the API
		is($p->storectl('db', 'backup', '--force', "$p->{dir}/copy.db")->{status}, 0, "backup $n meanwhile");
	}
	Platform::spew("$p->{dir}/enough", '');
	my %count;
	for my $c ($crowd->results) { $count{$_} += $c->{$_} for keys %$c }
	is(join(', ', grep { !/^(?:201 made|503 database_busy later)$/ } keys %count), '', 'made, or asked to come again later');
	cmp_ok($count{'201 made'} // 0, '>', 0, 'some are made');
	cmp_ok($count{'503 database_busy later'} // 0, '>', 0, 'some had to come later');
	is($p->sql_one(q{SELECT count(*) FROM stores WHERE name LIKE 'Locked %'}), $count{'201 made'}, 'and those were not made');
};

# Resident KiB and descriptors of a process.
sub size {
	my ($pid) = @_;
	my ($rss) = Platform::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
	return [$rss, PlatformTest::fd_count($pid)];
}

sub traffic {
	my ($total) = @_;
	my @ids = map { $_->[0] } $p->sql('SELECT id FROM stores ORDER BY id LIMIT 200');
	my $bad = 0;
	$bad += $_ for Crowd->start($members, sub {
		my ($i) = @_;
		my $failed = 0;
		for my $n (1 .. $total / $members) {
			my $id = $ids[rand @ids];
			my $kind = rand 100;
			my $r = $kind < 60 ? ask('GET', "/api/stores/$id", '')
				: $kind < 70 ? ask('GET', "/api/stores/$id/events", '')
				: $kind < 80 ? ask('GET', '/api/stores/audit/log', '', 'limit=' . (1 + int rand 100))
				: $kind < 90 ? ask('GET', '/api/health', '')
				: $kind < 95 ? ask('GET', '/api/ready', '')
				: $kind < 98 ? ask('GET', '/api/metrics', '')
				: ask('POST', '/api/stores', '{"name":"' . ($n % 2 ? '' : "Day $i $total $n") . '"}');
			$failed++ if $r->{status} == 0 || $r->{status} == 500;
		}
		return $failed;
	})->results;
	return $bad;
}

subtest 'a day of traffic costs no memory and no descriptor' => sub {
	my $began = time;
	my @pids = map { $p->{pids}{$_} } @pool, 'provisioner';
	is(traffic($requests / 2), 0, 'all is answered in the first half');
	my @before = map { size($_) } @pids;
	is(traffic($requests / 2), 0, 'and in the second');
	my @after = map { size($_) } @pids;
	my @growth = map { $after[$_][0] - $before[$_][0] } 0 .. $#pids;
	cmp_ok(max(@growth), '<', 2048, 'no process has grown by 2 MiB meanwhile');
	is(join(' ', map { $_->[1] } @after), join(' ', map { $_->[1] } @before), 'none has more descriptors');
	diag(sprintf '%d requests in %d s: KiB %s, grown by %s', $requests, time - $began,
		join(' ', map { $_->[0] } @after), join(' ', @growth));
};
$p->finish;
done_testing();
