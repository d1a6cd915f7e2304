#!/usr/bin/perl
# The API through nginx: every route with its methods, spellings and answers; rows,
# events, audit, figures; tags of answers; a database that is locked; crashes in
# the middle of a create. Bad input has a test of its own.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use FastCgi;
use IO::Socket::INET;
use RawHttp;
use Test::More;
use Time::HiRes qw(time);

my $UUID = $ApiTest::UUID;
my $TIME = $ApiTest::TIME;
my $none = $ApiTest::NO_ID;
my @row_keys = qw(admin_url admin_user created_at error_code error_message health id name namespace owner plan
	provision_finished_at provision_started_at slug status store_url type updated_at);

my $p = ApiTest->new(pool => 3, conf => {MAX_STORES => 30, MAX_CONCURRENT_PROVISIONS => 4});
$p->{more} = 1;
$p->{answers} = [];
$p->start;

sub keys_of { my ($hash) = @_; return join ' ', sort keys %$hash }
sub with { return join ' ', sort @row_keys, @_ }
sub get_ok { my ($path, %opt) = @_; my $r = $p->get($path, %opt); $p->check($r, 200, '', $path); return $r }

# --- what can be made ready is made ready by time alone ----------------------

subtest 'readiness' => sub {
	my $r;
	$p->wait_for('the first look', sub {
		$r = $p->get('/api/ready');
		(grep { $_->{name} eq 'provisioner' && $_->{ok} } @{$r->{json}{checks}})
			&& !grep { $_->{sentence} =~ /not been looked at/ } @{$r->{json}{checks}};
	});
	my @checks = @{$r->{json}{checks}};
	$p->check($r, 503, '', 'without Kubernetes the platform is not ready');
	ok(!$r->{json}{ready}, 'and says so');
	# One letter in brackets, since ./dev test brings Kubernetes up where it reads that word.
	like(join(' ', map { $_->{name} } @checks), qr/^database provisioner clu[s]ter helm$/, 'four checks');
	is(join(' ', map { $_->{ok} ? 1 : 0 } @checks[0 .. 2]), '1 1 0', 'the third is the one that fails');
	like($checks[2]{sentence}, qr/kubeconfig/, 'with a sentence');
	is(scalar(grep { $_->{checked_at} =~ /^$TIME$/ } @checks), 4, 'and the time of each');
	like($r->{json}{warnings}[0], qr/^AUTH is off/, 'an open door is told of');
	my $alive = get_ok('/api/health');
	is(keys_of($alive->{json}), 'status timestamp', 'health says that it is alive');
	like($alive->{json}{timestamp}, qr/^$TIME$/, 'and what time it is');
};

# --- rows --------------------------------------------------------------------

my (@stores, @shown);

subtest 'a store is made' => sub {
	my $r = $p->post('/api/stores', {name => '  Erster Laden ', plan => 'large', adminUser => 'boss'});
	my $row = $r->{json};
	$p->check($r, 201, '', 'create');
	push @{$p->{secrets}}, $row->{admin_password};
	is($r->{headers}{location}, "/api/stores/$row->{id}", 'Location is its address');
	is(keys_of($row), with(qw(progress admin_password admin_password_available)), 'the row is whole');
	like($row->{id}, qr/^$UUID$/, 'the id is a UUID');
	is("$row->{name}|$row->{slug}|$row->{namespace}|$row->{type}|$row->{plan}|$row->{status}|$row->{admin_user}",
		'Erster Laden|erster-laden|store-erster-laden|woocommerce|large|provisioning|boss', 'its words');
	is($row->{store_url}, 'http://erster-laden.127-0-0-1.nip.io', 'its address');
	is($row->{admin_url}, "$row->{store_url}/wp-admin/", 'the address of its administration');
	like("$row->{created_at} $row->{updated_at}", qr/^($TIME) \1$/, 'its times');
	like($row->{admin_password}, qr/^[A-Za-z0-9]{20}$/, 'a password was made');
	push @stores, $row;
	my $given = $p->post('/api/stores', {name => 'Zweiter', engine => 'woocommerce', adminPassword => 'geheim-Q7x'});
	push @{$p->{secrets}}, 'geheim-Q7x';
	$p->check($given, 201, '', 'create with a password');
	is(keys_of($given->{json}), with('progress', 'admin_password_available'), 'a given one is not repeated');
	push @stores, $given->{json};
};
my ($first, $second) = map { "/api/stores/$_->{id}" } @stores;

subtest 'stores are shown' => sub {
	my $list = get_ok('/api/stores')->{json};
	is(join(' ', map { $_->{slug} } @$list), 'zweiter erster-laden', 'newest first');
	is(keys_of($list->[0]), with('progress'), 'each row with its progress');
	my $row = get_ok($first)->{json};
	is(keys_of($row), with(qw(progress job resources)), 'one alone also has its job');
	is(keys_of($row->{progress}), 'estimated_ready_at index message of percent queue_position step', 'progress');
	is("$row->{progress}{queue_position} $row->{progress}{percent} $row->{progress}{of}", '1 0 7', 'its place');
	like($row->{progress}{message}, qr/kubeconfig/, 'what holds the queue up is told');
	is(keys_of($row->{job}), 'attempt created_at error_code error_message finalized_at id kind max_attempts'
		. ' next_attempt_at outages run_at started_at state step', 'the job');
	is("$row->{job}{kind} $row->{job}{state} $row->{job}{attempt}", 'provision queued 0', 'it waits');
	is(keys_of($row->{health}), 'checked_at message state', 'health');
	is($row->{health}{state}, 'unknown', 'of which nothing is known before it is ready');
};

# --- every route, by every method and spelling --------------------------------

my %routes = (
	'/api/stores' => 'GET HEAD POST OPTIONS',
	'/api/stores/audit/log' => 'GET HEAD OPTIONS',
	'/api/stores/:id' => 'GET HEAD DELETE OPTIONS',
	'/api/stores/:id/retry' => 'POST OPTIONS',
	'/api/stores/:id/events' => 'GET HEAD OPTIONS',
	'/api/metrics' => 'GET HEAD OPTIONS',
	'/api/health' => 'GET HEAD OPTIONS',
	'/api/ready' => 'GET HEAD OPTIONS',
	'/metrics' => 'GET HEAD OPTIONS',
	'/api/setup' => 'POST OPTIONS',
	'/api/login' => 'POST OPTIONS',
	'/api/logout' => 'POST OPTIONS',
	'/api/me' => 'GET HEAD OPTIONS',
	'/api/me/password' => 'POST OPTIONS',
	'/api/me/sessions' => 'DELETE OPTIONS',
	'/api/users' => 'GET HEAD POST OPTIONS',
	'/api/users/:id' => 'PATCH DELETE OPTIONS',
	'/api/tokens' => 'GET HEAD POST OPTIONS',
	'/api/tokens/:id' => 'DELETE OPTIONS',
);

sub real { my ($path) = @_; return $path =~ s/:id/$stores[0]{id}/r }
sub gets { return grep { $routes{$_} =~ /GET/ } sort keys %routes }

subtest 'the table here is the one of the program' => sub {
	my %there;
	my $source = Platform::slurp("$Platform::TOP/src/api/route.c");
	$there{$2}{$1} = 1 while $source =~ /\{"(\w+)", "(\S+)", ROUTE_/g;
	is_deeply(\%there, {map { my $path = $_;
		$path => {map { $_ => 1 } grep { !/HEAD|OPTIONS/ } split ' ', $routes{$path}} } keys %routes},
		'route.c has these routes');
};

for my $path (sort keys %routes) {
	subtest "methods of $path" => sub {
		my $allow = join ', ', split ' ', $routes{$path};
		for my $method (grep { $routes{$path} !~ /\b$_\b/ } qw(PUT PATCH POST GET DELETE PROPFIND)) {
			my $r = $p->request($method, real($path));
			$p->check($r, 405, 'method_not_allowed', $method);
			is($r->{headers}{allow}, $allow, "$method: Allow");
		}
		my $r = $p->request('OPTIONS', real($path), headers => {
			Origin => 'http://evil.example', 'Access-Control-Request-Method' => 'DELETE'});
		$p->check($r, 204, '', 'OPTIONS');
		is($r->{headers}{allow}, $allow, 'OPTIONS: Allow');
		is($r->{content}, '', 'OPTIONS: no body');
		my $nginx = $p->request('TRACE', real($path));
		$p->check($nginx, 405, 'method_not_allowed', 'TRACE');
	};
}

subtest 'spellings of the routes' => sub {
	for my $path (grep { $_ ne '/api/ready' } gets()) {
		my $plain = get_ok(real($path));
		my $head = $p->request('HEAD', real($path));
		$p->check($head, 200, '', "HEAD $path");
		is($head->{content}, '', "HEAD $path has no body");
		is($head->{headers}{'content-type'}, $plain->{headers}{'content-type'}, "HEAD $path: type");
		cmp_ok($head->{headers}{'content-length'}, '>', 0, "HEAD $path: length");
		next if $path eq '/metrics';
		my $again = real($path) =~ s{^/api}{/api/v1}r;
		for my $other (real($path) . '/', $again, "$again/", real($path) . '?', real($path) . '?&') {
			my $r = get_ok($other);
			is(ref $r->{json} eq 'HASH' ? keys_of($r->{json}) : scalar @{$r->{json}},
				ref $r->{json} eq 'HASH' ? keys_of($plain->{json}) : scalar @{$plain->{json}},
				"$other is the same");
		}
	}
	$p->check($p->request('HEAD', '/api/ready'), 503, '', 'HEAD /api/ready');
};

subtest 'nothing at this address' => sub {
	for my $path (qw(/api /api/ /api/v1 /api/v1/ /api/v2/health /api/v1/v1/health /api/store /api/stores/x/y
		/api/health/x /metrics/x /metricsx /nothing /index.htm /api.html), "$first/event", "$first/retry/x") {
		$p->check($p->get($path), 404, 'route_not_found', $path);
	}
	for my $id ($none, 'x', 'log', 'audit', uc $stores[0]{id}, "$stores[0]{id}0", substr($stores[0]{id}, 1),
		'%27%20OR%201=1', '..%252f', 'a' x 300) {
		$p->check($p->get("/api/stores/$id"), 404, 'store_not_found', "id $id");
		$p->check($p->delete("/api/stores/$id"), 404, 'store_not_found', "DELETE of $id");
		$p->check($p->get("/api/stores/$id/events"), 404, 'store_not_found', "events of $id")
			unless $id eq 'audit';
		$p->check($p->post("/api/stores/$id/retry"), 404, 'store_not_found', "retry of $id");
	}
};

subtest 'queries' => sub {
	for my $path (gets()) {
		$p->check($p->get(real($path) . '?x=1'), 400, 'bad_request', "$path?x=1");
		$p->check($p->get(real($path) . '?limit=1&limit=2'), 400, 'bad_request', "$path, limit twice");
	}
	$p->check($p->post('/api/stores?name=x', {name => 'Query'}), 400, 'bad_request', 'POST with a query');
	$p->check($p->delete("$first?force=1"), 400, 'bad_request', 'DELETE with a query');
	for my $query (qw(limit=0 limit=501 limit=-1 limit= limit=1.5 limit=1e2 limit=x limit=99999999999999999999
		limit=%31%00 limit=%0d%0a limit=%zz limit=% limit=1;2 Limit=1 since= since=x since=2026-02-30T00:00:00Z since=2026-11-24T08:00:00 store_id= store_id=x action= action=x
		action=create%0a), 'store_id=' . uc $stores[0]{id}, 'limit=' . 'x' x 300,
		join '&', map { "limit=$_" } 1 .. 9) {
		$p->check($p->get("/api/stores/audit/log?$query"), 400, 'bad_request', substr $query, 0, 40);
	}
};

# --- what happened -------------------------------------------------------------

subtest 'a store is deleted, also while it waits' => sub {
	my $third = $p->create(name => 'Dritter');
	my $path = "/api/stores/$third->{id}";
	my $r = $p->delete($path);
	$p->check($r, 200, '', 'DELETE');
	like($r->{json}{message}, qr/delet/, 'a message');
	is($p->store($third->{id})->{status}, 'deleting', 'the store is being deleted');
	my @jobs = $p->sql("SELECT kind, state FROM jobs WHERE store_id = '$third->{id}' ORDER BY id");
	is(join(' ', map { "@$_" } @jobs), 'provision cancelled delete queued', 'its set-up is cancelled');
	my $etag = $p->get($path)->{headers}{etag};
	$p->check($p->delete($path), 200, '', "DELETE $_") for 2, 3;
	is($p->get($path)->{headers}{etag}, $etag, 'deleting it again changes nothing');
	$p->check($p->post("$path/retry"), 409, 'not_failed', 'it is not retried');
	$p->check($p->post('/api/stores', {name => 'dritter!'}), 409, 'duplicate_name', 'it keeps its name');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE store_id = '$third->{id}'"), 2, 'two rows of audit');
};

subtest 'a store is tried again' => sub {
	$p->check($p->post("$second/retry"), 409, 'not_failed', 'one that waits is not');
	$p->play(<<"SQL");
UPDATE jobs SET state = 'failed', attempt = 5, finalized_at = 1, error_code = 'helm_failed',
	error_message = 'It was "played".' WHERE store_id = '$stores[1]{id}';
UPDATE stores SET status = 'failed', error_code = 'helm_failed', error_message = 'It was "played".',
	provision_started_at = 1767225600123 WHERE id = '$stores[1]{id}';
INSERT INTO events (store_id, job_id, kind, attempt, step, state, message, created_at, duration_ms)
	SELECT store_id, id, kind, 5, 'namespace', 'failed', 'It was "played".', 1767225600123, 42 FROM jobs
	WHERE store_id = '$stores[1]{id}'
SQL
	my $row = $p->store($stores[1]{id});
	is("$row->{status} $row->{error_code} $row->{error_message}", 'failed helm_failed It was "played".',
		'its reason is shown');
	is($row->{provision_started_at}, '2026-01-01T00:00:00.123Z', 'and its begin');
	my $r = $p->post("$second/retry");
	$p->check($r, 200, '', 'one that failed is');
	is("$r->{json}{status} " . ($r->{json}{error_code} // 'none'), 'provisioning none', 'it is on its way again');
	is($p->store($stores[1]{id})->{job}{state}, 'queued', 'with a new job');
	$p->check($p->post("$second/retry"), 409, 'not_failed', 'once');
	is_deeply([$p->events($stores[1]{id})], [{id => 1, job_id => 2, kind => 'provision', attempt => 5,
		step => 'namespace', state => 'failed', message => 'It was "played".',
		created_at => '2026-01-01T00:00:00.123Z', duration_ms => 42}], 'its timeline');
	is_deeply(get_ok("$first/events")->{json}, [], 'another has none yet');
};

subtest 'audit' => sub {
	my $log = sub { get_ok('/api/stores/audit/log' . ($_[0] // ''))->{json} };
	my $made = $p->post('/api/stores', {name => 'Vierter', plan => 'medium'}, from => '127.77.7.7', headers => {
		'X-Forwarded-For' => '6.6.6.6', 'X-Real-IP' => '6.6.6.6', Forwarded => 'for=6.6.6.6',
		'X_Forwarded_For' => '6.6.6.6', 'X-Request-Id' => 'mine', 'Remote-Addr' => '6.6.6.6'});
	push @{$p->{secrets}}, $made->{json}{admin_password};
	my @rows = @{$log->()};
	is(keys_of($rows[0]), 'action actor created_at details hash id ip_address outcome request_id store_id store_name', 'its keys');
	is_deeply($rows[0]{details}, {type => 'woocommerce', plan => 'medium', admin_user => 'admin',
		admin_password => 'generated', name => 'Vierter', slug => 'vierter'}, 'details are an object');
	is($rows[0]{ip_address}, '127.77.7.7', 'the address is the peer, whatever it says of itself');
	is($rows[0]{request_id}, $made->{headers}{'x-request-id'}, 'the request is the one that was answered');
	like("$rows[0]{created_at} $rows[0]{actor}", qr/^$TIME local$/, 'time and actor');
	is(join(' ', map { $_->{action} } @rows), 'create retry delete_start create create create', 'newest first');
	is(join(' ', map { $_->{id} } @rows), join(' ', sort { $b <=> $a } map { $_->{id} } @rows), 'by number');
	is($rows[2]{details}{status_before}, 'provisioning', 'a delete tells what was');
	is($rows[1]{details}{error_code_before}, 'helm_failed', 'and so does a retry');
	is(scalar @{$log->('?limit=1')}, 1, 'limit 1');
	is(scalar @{$log->('?limit=500')}, 6, 'limit 500');
	is(scalar @{$log->("?store_id=$stores[1]{id}")}, 2, 'of one store');
	is(scalar @{$log->("?store_id=$none")}, 0, 'of none');
	is(scalar @{$log->('?action=create')}, 4, 'of one action');
	is(scalar @{$log->("?action=retry&limit=5&store_id=$stores[1]{id}")}, 1, 'both');
	is(scalar @{$log->('?action=create&actor=local')}, 4, 'of one actor');
	is(scalar @{$log->('?actor=loca')}, 0, 'whose name is whole');
	is(scalar @{$log->('?action=create&since=2026-01-01T00:00:00Z')}, 4, 'since a time');
	is(scalar @{$log->('?since=2999-01-01T00:00:00.000Z')}, 0, 'that may be to come');
	$p->play(join ";\n", map { "INSERT INTO audit_log (action, details, actor, created_at)"
		. " VALUES ('lease_lost', '{}', 'provisioner', $_)" } 1 .. 60);
	is(scalar @{$log->()}, 50, 'limit 50 unless told');
};

subtest 'figures' => sub {
	my $m = get_ok('/api/metrics')->{json};
	is(keys_of($m), 'active_deletions active_provisions avg_provision_duration_seconds degraded_stores'
		. ' max_concurrent_deletions max_concurrent_provisions max_stores queued_deletions queued_provisions steps stores_by_status'
		. ' total_failures total_stores', 'the keys of the seed and ours');
	is_deeply($m->{stores_by_status}, {provisioning => 3, ready => 0, failed => 0, deleting => 1, deleted => 0},
		'stores by status');
	is(join(' ', @$m{qw(total_stores queued_provisions active_provisions queued_deletions max_stores
		max_concurrent_provisions)}), '4 3 0 1 30 4', 'numbers');
	is(scalar @{$m->{steps}}, 10, 'ten steps');
	my $text = get_ok('/metrics');
	is($text->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'the Prometheus format');
	my (%help, %type, @bad, %value);
	for (split /\n/, $text->{content}) {
		if (/^# HELP (\w+) \S.*$/) { push @bad, $_ if $help{$1}++ }
		elsif (/^# TYPE (\w+) (?:gauge|counter|histogram)$/) { push @bad, $_ if !$help{$1} || $type{$1}++ }
		elsif (my ($series, $name, $n) = /^((\w+)(?:\{(?:\w+="[^"\\\n]*",?)*\})?) (-?\d+(?:\.\d+)?)$/) {
			push @bad, $_ if exists $value{$series} || !$type{$name} && !$type{$name =~ s/_(?:bucket|sum|count)$//r};
			$value{$series} = $n;
		} else { push @bad, $_ }
	}
	is("@bad", '', 'each line is well formed, each name has its type first, and nothing is there twice');
	is($value{'store_platform_stores{status="provisioning"}'}, 3, 'the stores are those of the JSON');
	is($value{'store_platform_jobs{kind="delete",state="queued"}'}, 1, 'and the jobs');
	cmp_ok($value{process_open_fds}, '>', 3, 'and the process tells of itself');
};

subtest 'only this machine' => sub {
	my %param = (REQUEST_METHOD => 'GET', DOCUMENT_URI => '/api/stores', REMOTE_ADDR => '127.0.0.1',
		HTTP_HOST => '127.0.0.1');
	my $api = sub { FastCgi::ask($p->socket_path, {%param, @_}) };
	is($api->()->{status}, 200, 'the process itself answers this machine');
	for my $path ('/api/stores', '/metrics', '/api/health', '/nothing') {
		is($api->(DOCUMENT_URI => $path, REMOTE_ADDR => $_)->{json}{code}, 'loopback_only',
			"$path is not for " . ($_ || 'nobody')) for '10.1.2.3', '::2', '127.0.0.1, 10.1.2.3', '';
	}
	my $away = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '192.0.2.1', PeerPort => 9);
	my $own = $away ? $away->sockhost : '127.0.0.1';
	SKIP: {
		skip 'this machine has no address but loopback', 2 if $own =~ /^127\./;
		$p->check($p->get('/metrics', from => $own), 403, 'forbidden', '/metrics from elsewhere');
		$p->check($p->get('/api/stores', from => $own), 403, 'loopback_only', '/api/stores from elsewhere');
	}
	$p->check(RawHttp::get($p, '/api/stores', 'Host: evil.example'), 403, 'loopback_only', 'a foreign name');
	for my $site (qw(cross-site same-site)) {
		my %page = (headers => {'Sec-Fetch-Site' => $site});
		$p->check($p->post('/api/stores', {name => 'Csrf'}, %page), 403, 'cross_site', "a $site page creates");
		$p->check($p->delete($first, %page), 403, 'cross_site', "a $site page deletes");
		$p->check($p->get('/api/stores', %page), 200, '', "a $site page reads, which changes nothing");
	}
};

# --- tags ----------------------------------------------------------------------

subtest 'tags of answers' => sub {
	for my $path (grep { !m{/health|/ready|^/metrics} } gets()) {
		my %seen;
		for my $pid ($p->pool_pids) {
			my $r = $p->only($pid, sub { $p->get(real($path)) });
			$seen{"$r->{headers}{etag} $r->{content}"}++;
		}
		is(join(' ', values %seen), 3, "$path: the same tag and bytes from each process");
		my $etag = $p->get(real($path))->{headers}{etag};
		for my $list ($etag, "W/$etag", "\"x\", $etag", '*') {
			my $r = $p->get(real($path), headers => {'If-None-Match' => $list});
			$p->check($r, 304, '', "$path with $list");
			is("$r->{content}|$r->{headers}{etag}", "|$etag", 'no body, the same tag');
		}
		$p->check($p->get(real($path), headers => {'If-None-Match' => $_}), 200, '', "$path with $_")
			for '"x"', substr($etag, 1, -1), '"' . 'x' x 1000 . '"';
	}
	my $tag = sub { $p->get($_[0])->{headers}{etag} };
	isnt($tag->('/api/stores/audit/log?limit=1'), $tag->('/api/stores/audit/log?limit=2'), 'a query has its own');
	isnt($tag->($first), $tag->($second), 'and so has a store');
	my ($before, $list) = ($tag->($first), $tag->('/api/stores'));
	$p->create(name => 'Fuenfter');
	for my $pid ($p->pool_pids) {
		my $r = $p->only($pid, sub { $p->get('/api/stores', headers => {'If-None-Match' => $list}) });
		is("$r->{status} " . scalar @{$r->{json} || []}, '200 5', 'a change is seen by each process');
	}
	isnt($tag->($first), $before, 'and in every tag');
};

# --- a locked database -----------------------------------------------------------

subtest 'another program holds the write lock' => sub {
	my $stores = $p->sql_one('SELECT count(*) FROM stores');
	$p->locked(sub {
		my ($free) = @_;
		my $since = time;
		my $r = $p->post('/api/stores', {name => 'Gesperrt'});
		$p->check($r, 503, 'database_busy', 'a create');
		cmp_ok(time - $since, '>=', 1.9, 'is given up after its budget');
		cmp_ok(time - $since, '<', 10, 'and not much later');
		is($r->{headers}{'retry-after'}, 1, 'and may be tried again soon');
		for my $path (grep { $_ ne '/api/ready' } gets()) {
			$since = time;
			$p->check($p->get(real($path)), 200, '', "GET $path goes on");
			cmp_ok(time - $since, '<', 1.5, 'without waiting');
		}
		$p->check($p->delete($first), 503, 'database_busy', 'a delete');
	});
	is($p->sql_one('SELECT count(*) FROM stores'), $stores, 'nothing was written');
	is($p->store($stores[0]{id})->{status}, 'provisioning', 'nor changed');
	$p->check($p->post('/api/stores', {name => 'Gesperrt'}), 201, '', 'afterwards it is made');
};

subtest 'the key of the provisioner is not there' => sub {
	my $key = "$p->{conf}{PROVISIONER_DIR}/seal.pub";
	rename $key, "$key.away" or die "rename: $!";
	$p->check($p->post('/api/stores', {name => 'Ohne'}), 503, 'provisioner_not_started', 'no password is taken');
	rename "$key.away", $key or die "rename: $!";
};

subtest 'a password is shown once' => sub {
	my %shown = map { my $secret = $_; $secret => scalar grep { /\Q$secret/ } @{$p->{answers}} } @{$p->{secrets}};
	is(delete $shown{'geheim-Q7x'}, 0, 'one that was given: never');
	is(join(' ', sort values %shown), '1 1 1 1', 'one that was made: in the answer that made it');
};
$p->finish;

# --- crashes -----------------------------------------------------------------------

my $crash = ApiTest->new(conf => {MAX_STORES => 3});
my $mark = "$crash->{dir}/crash";
Platform::spew($mark, '');
$crash->{conf}{STORE_CRASH_AT} = "create-uncommitted=$mark";
$crash->start;

# Stores, and those of them with exactly one job and one row of audit.
sub whole {
	return join ' ', @{($crash->sql(q{SELECT count(*), coalesce(sum(
		(SELECT count(*) FROM jobs j WHERE j.store_id = s.id) = 1
		AND (SELECT count(*) FROM audit_log a WHERE a.store_id = s.id AND action = 'create') = 1
		AND s.sealed_password IS NOT NULL), 0) FROM stores s}))[0]};
}

subtest 'kill -9 before the commit' => sub {
	$crash->check($crash->post('/api/stores', {name => 'Absturz'}), 502, 'api_unavailable', 'no answer came');
	ok(!-e $mark, 'the point was reached');
	is(whole(), '0 0', 'nothing is there');
	is($crash->sql_one('SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM audit_log)'), 0, 'at all');
	$crash->create(name => 'Absturz');
	is(whole(), '1 1', 'the next try makes it');
};

subtest 'kill -9 after the commit' => sub {
	is($crash->stop('api'), 0, 'the pool ends when it is told to');
	Platform::spew($mark, '');
	$crash->{conf}{STORE_CRASH_AT} = "create-committed=$mark";
	$crash->start_pool;
	$crash->check($crash->post('/api/stores', {name => 'Zwei'}), 502, 'api_unavailable', 'no answer came');
	ok(!-e $mark, 'the point was reached');
	is(whole(), '2 2', 'the store is there, with its job and its row of audit');
	$crash->check($crash->post('/api/stores', {name => 'Zwei'}), 409, 'duplicate_name', 'it is not made twice');
	is(scalar @{$crash->get('/api/stores')->{json}}, 2, 'it is shown');
};

subtest 'the limit of stores' => sub {
	my $third = $crash->create(name => 'Drei');
	my $r = $crash->post('/api/stores', {name => 'Vier'});
	$crash->check($r, 409, 'store_limit', 'one too many');
	like($r->{json}{error}, qr/\b3\b.*MAX_STORES/, 'the sentence names the limit');
	is($r->{headers}{'retry-after'}, undef, 'a limit is no rate');
	$crash->delete("/api/stores/$third->{id}");
	$crash->check($crash->post('/api/stores', {name => 'Vier'}), 409, 'store_limit', 'one that is being deleted counts');
	is(whole(), '3 2', 'and nothing was added');
};
$crash->finish;
