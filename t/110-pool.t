#!/usr/bin/perl
# The pool of store-api processes: kill -9 under load, many creates at once, an
# end in the middle of a request, clients and peers that leave, say nothing or
# say nonsense, and no growth over thousands of requests.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Crowd;
use FastCgi;
use IO::Socket::UNIX;
use List::Util qw(max sum0);
use RawHttp;
use Test::More;
use Time::HiRes qw(time);

my $watchdog = 20; # seconds, REQ_SECONDS of src/api/req.h

# Starts a platform whose end is not yet the end of the test.
sub platform {
	my (%arg) = @_;
	my $p = ApiTest->new(%arg);
	$p->{more} = 1;
	$p->start;
	return $p;
}

# An address that no other member of any crowd has.
sub address { my ($crowd, $member) = @_; return sprintf '127.%d.%d.%d', 100 + $crowd, 1 + $member / 250, 1 + $member % 250 }

sub whole_pool { my ($p) = @_; return $p->pool_pids == $p->{pool} }

# Waits until a process has taken a connection that it had not before; its pid.
sub await_in_hand {
	my ($p, $before) = @_;
	return $p->wait_for('a request in hand', sub {
		(grep { PlatformTest::fd_count($_) > $before->{$_} } $p->pool_pids)[0];
	}, 10);
}

sub fd_counts { my ($p) = @_; return {map { $_ => PlatformTest::fd_count($_) } $p->pool_pids} }

# Waits until each process sleeps in epoll_wait(2), which only one that waits for requests
# does: while it begins it opens and closes much.
sub await_rest {
	my ($p) = @_;
	$p->wait_for('a pool that waits', sub {
		whole_pool($p) && !grep { Platform::slurp("/proc/$_/wchan") !~ /epoll/ } $p->pool_pids
	});
	return;
}

# Stores, and those of them with exactly one job and one row of audit.
sub count_whole {
	my ($p) = @_;
	return join ' ', @{($p->sql(q{SELECT count(*), coalesce(sum(
		(SELECT count(*) FROM jobs j WHERE j.store_id = s.id) = 1
		AND (SELECT count(*) FROM audit_log a WHERE a.store_id = s.id) = 1), 0) FROM stores s}))[0]};
}

# --- peers that say nothing or nonsense: begun first, since the watchdog takes its time ---

my $silent = platform(pool => 4);
await_rest($silent);
my @old = $silent->pool_pids;
my %params = (REQUEST_METHOD => 'GET', DOCUMENT_URI => '/api/health', REMOTE_ADDR => '127.0.0.1');
my @held = (
	['one byte', "\1"],
	['half a header', substr FastCgi::begin(), 0, 5],
	['half the parameters', FastCgi::begin() . FastCgi::record(FastCgi::PARAMS, substr FastCgi::pairs(\%params), 0, 30)],
);
my $began = time;
for (@held) {
	my ($name, $bytes) = @$_;
	my $before = fd_counts($silent);
	my $socket = FastCgi::connect_to($silent->socket_path);
	syswrite $socket, $bytes;
	push @$_, $socket, await_in_hand($silent, $before);
}

subtest 'promise 5.2: peers that stop in the middle do not stop the others' => sub {
	is(scalar(keys %{{map { $_->[3] => 1 } @held}}), 3, 'three of four processes are held');
	my @r = map { my $since = time; [$silent->get('/api/stores')->{status}, time - $since] } 1 .. 20;
	is(join(' ', map { $_->[0] } @r), join(' ', (200) x 20), 'the fourth answers');
	cmp_ok(max(map { $_->[1] } @r), '<', 2, 'without delay');
	cmp_ok(time - $began, '<', $watchdog - 2, 'while the three are held');
};

# --- kill -9 under load ----------------------------------------------------------

my $killed = platform(pool => 4, conf => {MAX_STORES => 1000, MAX_QUEUED_PROVISIONS => 1000});

subtest 'promise 5.1: kill -9 of each process under load' => sub {
	my $stop = "$killed->{dir}/stop";
	my $crowd = Crowd->start(6, sub {
		my ($i) = @_;
		my ($n, @failed, @made) = 0;
		until (-e $stop) {
			my $create = $i < 2;
			$n++;
			my $r = $create ? $killed->post('/api/stores', {name => "Last $i $n"}, from => address(1, $i * 1000 + $n))
				: $killed->get(qw(/api/stores /api/metrics /api/health)[$n % 3], from => address(1, 9000 + $i * 1000 + $n % 1000));
			next if $create && ($r->{json}{code} // '') eq 'database_busy'; # a very slow disk: asked again
			push @failed, "$r->{status} " . ($r->{json}{code} // $r->{content}) if $r->{status} != ($create ? 201 : 200);
			push @made, $r->{json}{id} if $create && $r->{status} == 201;
		}
		return {requests => $n, failed => \@failed, made => \@made};
	});
	my ($slowest, $kills) = (0, 0);
	my $load = sub {
		my $stores = $killed->sql_one('SELECT count(*) FROM stores');
		$killed->wait_for('some load', sub { $killed->sql_one('SELECT count(*) FROM stores') > $stores + 10 });
	};
	# Each and its successor: multiwatch gives a place up that dies four times in a row.
	for my $first ($killed->pool_pids) {
		for my $round (1, 2) {
			$load->();
			my $victim = $round == 1 ? $first : ($killed->pool_pids)[-1];
			kill 'KILL', $victim;
			$kills++;
			my $since = time;
			$killed->wait_for('a new process', sub {
				whole_pool($killed) && !grep { $_ == $victim } $killed->pool_pids }, 20);
			$slowest = max($slowest, time - $since);
		}
	}
	$load->();
	Platform::spew($stop, '');
	my @results = $crowd->results;
	my @failed = map { @{$_->{failed}} } @results;
	my @made = map { @{$_->{made}} } @results;
	my %known = map { $_->[0] => 1 } $killed->sql('SELECT id FROM stores');
	cmp_ok(scalar @failed, '<=', $kills, 'at most one request each has failed')
		or diag(join "\n", @failed);
	# HTTP::Tiny's 599: the answer had begun, and its end was told by that of the connection.
	is(join(', ', grep { !/^(?:502 api_unavailable$|599 Unexpected end of stream)/ } @failed), '', 'with 502, or cut');
	cmp_ok($slowest, '<', 5, 'the pool was whole again at once');
	is(scalar(grep { !$known{$_} } @made), 0, '1.1: each store that was acknowledged is there');
	my ($all, $whole) = split ' ', count_whole($killed);
	is($whole, $all, '1.1: and each that is there is whole');
	cmp_ok($all - @made, '<=', $kills, 'at most one a process was not acknowledged');
	note(sprintf '%d requests, %d failed, %d stores, slowest restart %.3f s', sum0(map { $_->{requests} } @results),
		scalar @failed, $all, $slowest);
};
$killed->{fds} = undef; # of processes that are gone
$killed->finish;

subtest 'promise 5.1: nobody waits for the rest of an answer that was cut' => sub {
	my $played = ApiTest->new;
	$played->{more} = 1;
	my $pool = IO::Socket::UNIX->new(Local => $played->socket_path, Listen => 4) or die "listen: $!";
	$played->start_nginx;
	my $begun = FastCgi::record(FastCgi::OUTPUT, "Status: 200 OK\r\nContent-Length: 20000\r\n\r\n" . 'x' x 8000);
	for (['behind a record', $begun], ['within a record', $begun . substr $begun, 0, 4000]) {
		my ($where, $bytes) = @$_;
		my $client = RawHttp::send_bytes($played, "GET /api/stores HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
		FastCgi::take($pool, $bytes);
		my $since = time;
		like(RawHttp::answer($client)->{content}, qr/^x{8000}/, "$where: what came is passed on");
		cmp_ok(time - $since, '<', 10, "$where: and the connection ends");
	}
	$played->finish;
};

# --- many at once -----------------------------------------------------------------

my $p = platform(pool => 4, conf => {MAX_STORES => 10});

subtest 'a connection is closed, also where it might be kept' => sub {
	my $since = time;
	is(FastCgi::ask($p->socket_path, \%params)->{status}, 200, 'a request that would keep it is answered');
	cmp_ok(time - $since, '<', 10, 'and the process is free for the next');
};

subtest '60 creates at once, and room for 10' => sub {
	my $go = "$p->{dir}/go";
	my $crowd = Crowd->start(60, sub {
		my ($i) = @_;
		$p->wait_for('the signal', sub { -e $go });
		my $r = $p->post('/api/stores', {name => 'Menge ' . $i % 30}, from => address(2, $i));
		return "$r->{status} " . ($r->{json}{code} // 'made');
	});
	Platform::spew($go, '');
	my %count;
	$count{$_}++ for $crowd->results;
	is($count{'201 made'}, 10, 'ten are made');
	is(join(' ', grep { !/^(?:201 made|409 store_limit|409 duplicate_name)$/ } sort keys %count), '',
		'the others are refused in order');
	is(count_whole($p), '10 10', 'ten are there, each with its job and its row of audit');
	is($p->sql_one('SELECT count(DISTINCT slug) FROM stores'), 10, 'of different names');
};

# --- requests that are in hand -------------------------------------------------------

sub raw_create {
	my ($name) = @_;
	my $body = qq({"name":"$name"});
	return RawHttp::send_bytes($p, "POST /api/stores HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
		. "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
}

subtest 'a client that goes away before the answer' => sub {
	$p->play("UPDATE stores SET status = 'deleted', deleted_at = 1");
	my @pids = $p->pool_pids;
	$p->locked(sub {
		my $before = fd_counts($p);
		my $client = raw_create('Weggegangen');
		await_in_hand($p, $before);
		close $client;
	});
	$p->wait_for('the store', sub { $p->sql_one("SELECT count(*) FROM stores WHERE slug = 'weggegangen'") });
	$p->check($p->post('/api/stores', {name => 'Weggegangen'}), 409, 'duplicate_name', 'the store is kept');
	is(join(' ', sort $p->pool_pids), join(' ', sort @pids), 'and the process too');
};

subtest 'kill -9 in the middle of a request' => sub {
	my $r;
	$p->locked(sub {
		my $before = fd_counts($p);
		my $client = raw_create('Abgebrochen');
		kill 'KILL', await_in_hand($p, $before);
		$r = RawHttp::answer($client);
	});
	$p->check($r, 502, 'api_unavailable', 'it fails at once');
	$p->wait_for('the next process', sub { whole_pool($p) }, 20);
	is($p->sql_one("SELECT count(*) FROM stores WHERE slug = 'abgebrochen'"), 0, '1.1: nothing was made');
	$p->check($p->post('/api/stores', {name => 'Abgebrochen'}), 201, '', 'and the lock is not left behind');
};

subtest 'promise 5.6: a process is told to end in the middle of a request' => sub {
	for my $signal (qw(TERM USR1 INT)) {
		my ($r, $busy);
		$p->locked(sub {
			my ($free) = @_;
			my $before = fd_counts($p);
			my $client = raw_create("Noch $signal");
			$busy = await_in_hand($p, $before);
			kill $signal, $busy;
			$free->();
			$r = RawHttp::answer($client);
		});
		$p->check($r, 201, '', "$signal: it answers first");
		$p->wait_for('the next process', sub { whole_pool($p) && !grep { $_ == $busy } $p->pool_pids }, 20);
	}
};

subtest 'the pool is ended in the middle of a request' => sub {
	my ($r, $ended);
	$p->locked(sub {
		my ($free) = @_;
		my $before = fd_counts($p);
		my $client = raw_create('Noch fertig');
		my $busy = await_in_hand($p, $before);
		kill 'TERM', $p->{pids}{api};
		# Blocked until the request is done, so it shows as pending.
		$p->wait_for('the signal to arrive', sub {
			Platform::slurp("/proc/$busy/status") =~ /^ShdPnd:\s+0*[1-9a-f]/m }, 10);
		$free->();
		$r = RawHttp::answer($client);
		$ended = $p->wait_end('api', 20);
	});
	$p->check($r, 201, '', 'it is answered');
	is($ended, 0, 'and then the pool ends well');
	is($p->sql_one("SELECT count(*) FROM stores WHERE slug = 'noch-fertig'"), 1, 'the store is there');
};

subtest 'promise 5.7: without a pool' => sub {
	for (['GET', '/api/health'], ['DELETE', "/api/stores/$ApiTest::NO_ID"], ['GET', '/metrics'], ['GET', '/api']) {
		$p->check($p->request(@$_), 502, 'api_unavailable', "@$_");
	}
	$p->check($p->post('/api/stores', {name => 'Niemand'}), 502, 'api_unavailable', 'a create');
	is($p->get('/')->{status}, 200, 'what nginx has by itself is served');
	$p->start_pool;
	is($p->get('/api/health')->{status}, 200, 'a new pool is found without a restart of nginx');
	is($p->sql_one("SELECT count(*) FROM stores WHERE slug = 'niemand'"), 0, 'nothing was made meanwhile');
};

# One process alone is asked to end: multiwatch starts another, and no request is lost.
subtest 'promise 5.6: each process is replaced while requests come' => sub {
	my $stop = "$p->{dir}/stop";
	my $crowd = Crowd->start(3, sub {
		my ($i) = @_;
		my ($n, @failed) = 0;
		until (-e $stop) {
			my $r = $p->get('/api/stores', from => address(3, $i * 1000 + $n++ % 1000));
			push @failed, $r->{status} if $r->{status} != 200;
		}
		return {requests => $n, failed => \@failed};
	});
	my $served = sub { my $n = () = Platform::slurp("$p->{dir}/api.log") =~ m{"GET /api/stores 200 }g; return $n };
	for my $pid ($p->pool_pids) {
		my $before = $served->();
		$p->wait_for('some load', sub { $served->() > $before + 20 });
		kill 'TERM', $pid;
		$p->wait_for('the next one', sub { whole_pool($p) && !grep { $_ == $pid } $p->pool_pids }, 20);
	}
	Platform::spew($stop, '');
	my @results = $crowd->results;
	is(join(' ', map { @{$_->{failed}} } @results), '', 'no request has failed');
	cmp_ok(sum0(map { $_->{requests} } @results), '>', 80, 'and there were some');
};

# --- growth ---------------------------------------------------------------------------

sub resident { my ($pid) = @_; my ($kb) = Platform::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m; return $kb }

sub load {
	my ($crowd, $requests) = @_;
	my @kinds = (['GET', '/api/stores'], ['GET', '/api/stores/audit/log'], ['GET', '/metrics'], ['GET', '/api/ready'],
		['GET', '/api/nothing'], ['POST', '/api/stores'], ['DELETE', "/api/stores/$ApiTest::NO_ID"],
		['GET', '/api/stores/audit/log?limit=']);
	my $bad = '{"name":"' . '!' x 50_000 . '","x":[' . join(',', 1 .. 1000) . ']}';
	return sub {
		my ($i) = @_;
		my %status;
		for my $n (1 .. $requests) {
			my ($method, $path) = @{$kinds[$n % @kinds]};
			$path .= $n % 500 + 1 if $path =~ /=$/;
			my $r = $p->request($method, $path, from => address($crowd, $i * $requests + $n),
				$method eq 'POST' ? (content => $bad, headers => {'content-type' => 'application/json'}) : ());
			$status{$r->{status}}++;
		}
		return \%status;
	};
}

subtest 'nothing grows over 2,000 requests' => sub {
	Crowd->start(2, load(4, 500))->results;
	my @pids = $p->pool_pids;
	my ($fds, %rss) = fd_counts($p);
	$rss{$_} = resident($_) for @pids;
	my @results = Crowd->start(4, load(5, 500))->results;
	is(join(' ', sort keys %{{map { %$_ } @results}}), '200 400 404 503', 'all kinds were answered');
	is(join(' ', sort $p->pool_pids), join(' ', sort @pids), 'by the same processes');
	$p->wait_for('the last connection to close', sub { !grep { PlatformTest::fd_count($_) > $fds->{$_} } @pids }, 10);
	pass('with as many descriptors as before');
	SKIP: {
		skip 'sanitizers keep what was freed', 1
			if index(Platform::slurp($p->program('store-api')), '__asan_init') >= 0;
		my @more = map { resident($_) - $rss{$_} } @pids;
		is(scalar(grep { $_ > 1024 } @more), 0, "within 1 MiB of the memory before (@more KiB)");
	}
};
$p->{fds} = undef;
$p->finish;

# --- the watchdog has had its time ------------------------------------------------------

subtest 'promise 5.2: processes that were held are replaced' => sub {
	$silent->wait_for('new processes', sub {
		my %now = map { $_ => 1 } $silent->pool_pids;
		whole_pool($silent) && !grep { $now{$_->[3]} } @held;
	});
	my @lines = Platform::slurp("$silent->{dir}/api.log") =~ /"a connection stood still/g;
	is(scalar @lines, 3, 'each has said why');
	is($silent->get('/api/stores')->{status}, 200, 'and the pool answers');
	close $_->[2] for @held;
};

subtest 'promise 5.1: peers that say nonsense' => sub {
	my $header = sub { pack 'CCnnCC', @_ };
	my %nonsense = (
		'nothing at all, and stays' => undef,
		'nothing at all, and goes' => '',
		'HTTP' => "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		'another version' => $header->(9, 1, 1, 8, 0, 0) . "\0\1\0\0\0\0\0\0",
		'no begin' => FastCgi::record(FastCgi::PARAMS, FastCgi::pairs(\%params)) . FastCgi::record(FastCgi::PARAMS, ''),
		'another role' => FastCgi::record(FastCgi::BEGIN_REQUEST, pack 'nCx5', 2, 0) . FastCgi::record(FastCgi::PARAMS, ''),
		'a record cut short' => FastCgi::begin() . $header->(1, 4, 1, 65535, 255, 0) . 'x' x 100,
		'a name of 2 GiB' => FastCgi::begin() . FastCgi::record(FastCgi::PARAMS, "\xff\xff\xff\xff\xff\xff\xff\xffx"),
		'a value of 2 GiB' => FastCgi::begin() . FastCgi::record(FastCgi::PARAMS, "\x01\xff\xff\xff\xffxy"),
		'a management record' => $header->(1, 9, 0, 0, 0, 0),
		'bytes of no meaning' => join('', map { chr($_ * $_ * 7 % 251) } 1 .. 4096),
		'only an abort' => FastCgi::begin() . $header->(1, 2, 1, 0, 0, 0),
		'100,000 parameters' => FastCgi::request({%params, map { ("P$_" => 'x') } 1 .. 100_000}, ''),
		'3,000 parameters' => FastCgi::request({%params, map { ("P$_" => 'x') } 1 .. 3000}, ''),
	);
	local $SIG{PIPE} = 'IGNORE';
	my @stay;
	for my $name (sort keys %nonsense) {
		my $socket = FastCgi::connect_to($silent->socket_path);
		if (defined $nonsense{$name}) {
			syswrite $socket, $nonsense{$name};
			shutdown $socket, 1;
			FastCgi::drain($socket, 5);
		} else {
			push @stay, $socket;
		}
		is($silent->get('/api/health')->{status}, 200, "$name: the others answer");
	}
	$silent->wait_for('the pool', sub { whole_pool($silent) }, 20);
	is(scalar(grep { $silent->get('/api/health')->{status} == 200 } 1 .. 20), 20, 'and afterwards all do');
};
$silent->{fds} = undef;
$silent->finish;
done_testing();
