#!/usr/bin/perl
# Promise 6.8: the audit log is complete, and tells when somebody has changed it. Every
# change by its row; hostile text as it was; triggers, chain, export.
# also: sanitizers
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use Crowd;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);
my $json = JSON::PP->new->utf8;
my $p = AccountTest->new(pool => 4, conf => {MAX_STORES => 100, MAX_STORES_PER_USER => 100});
$p->start;
my $admin = $p->first_admin;
my $boss = $p->add_token($admin, 'boss', 'admin');
my ($key) = $boss =~ /^spt_(\w{10})_/;

sub newest { return $p->get('/api/stores/audit/log?limit=' . ($_[0] // 1), as => $boss)->{json} }

subtest 'promise 6.8: every change has its row' => sub {
	my $user = $p->post('/api/users', {name => 'ann', role => 'operator', password => 'ann has a password'}, as => $boss)->{json}{id};
	push @{$p->{secrets}}, 'ann has a password', 'ann has another one';
	my $token = $p->post('/api/tokens', {name => 'x', scope => 'viewer'}, as => $boss)->{json};
	push @{$p->{secrets}}, $token->{token};
	my $ann = $p->login('ann', 'ann has a password');
	my $store = $p->post('/api/stores', {name => 'First'}, as => $boss)->{json};
	my $failed = $p->post('/api/stores', {name => 'Second'}, as => $boss)->{json};
	push @{$p->{secrets}}, map { $_->{admin_password} } $store, $failed;
	$p->play("UPDATE jobs SET state = 'failed', finalized_at = 1 WHERE store_id = '$failed->{id}'; UPDATE stores SET status = 'failed' WHERE id = '$failed->{id}'");
	# action, actor, target in the details or the store, the request
	my %change = (
		'POST /api/stores' => ['create', "boss#$key", undef, sub { $p->post('/api/stores', {name => 'Third', adminPassword => 'given-Pass-2'}, @_, as => $boss) }],
		'DELETE /api/stores/:id' => ['delete_start', "boss#$key", $store->{id}, sub { $p->delete("/api/stores/$store->{id}", @_, as => $boss) }],
		'POST /api/stores/:id/retry' => ['retry', "boss#$key", $failed->{id}, sub { $p->post("/api/stores/$failed->{id}/retry", undef, @_, as => $boss) }],
		'POST /api/users' => ['user_create', "boss#$key", 'bob', sub { $p->post('/api/users', {name => 'bob', password => 'bob has a password'}, @_, as => $boss) }],
		'PATCH /api/users/:id' => ['user_change', "boss#$key", 'ann', sub { $p->patch("/api/users/$user", {password => 'ann has another one'}, @_, as => $boss) }],
		'POST /api/tokens' => ['token_create', "boss#$key", undef, sub { my $r = $p->post('/api/tokens', {name => 'y', scope => 'viewer'}, @_, as => $boss);
			push @{$p->{secrets}}, $r->{json}{token}; $r }],
		'DELETE /api/tokens/:id' => ['token_revoke', "boss#$key", $token->{id}, sub { $p->delete("/api/tokens/$token->{id}", @_, as => $boss) }],
		'POST /api/login' => ['login', 'boss', undef, sub { $p->post('/api/login', {name => 'boss', password => $AccountTest::PASSWORD}, @_) }],
		'POST /api/me/password' => ['password_change', 'ann', undef, sub { $p->post('/api/me/password', {current_password => 'ann has a password', new_password => 'ann has another one'}, @_, as => $ann) }],
		'POST /api/logout' => ['logout', 'boss', undef, sub { $p->post('/api/logout', undef, @_, as => $admin) }],
		'DELETE /api/me/sessions' => ['logout', 'boss', undef, sub { $p->delete('/api/me/sessions', @_, as => $p->login('boss')) }],
		'DELETE /api/users/:id' => ['user_delete', "boss#$key", 'ann', sub { $p->delete("/api/users/$user", @_, as => $boss) }],
	);
	push @{$p->{secrets}}, 'given-Pass-2', 'bob has a password';
	my %routes;
	my $source = Platform::slurp("$Platform::TOP/src/api/route.c");
	$routes{"$1 $2"} = 1 while $source =~ /\{"(\w+)", "(\S+)", ROUTE_WRITE/g;
	delete $routes{'POST /api/setup'}; # it has had its row already
	is_deeply([sort keys %change], [sort keys %routes], 'these are all routes that change something');
	my $n = 0;
	for my $route (sort { ($a =~ /DELETE.*user|PATCH/ ? 1 : 0) <=> ($b =~ /DELETE.*user|PATCH/ ? 1 : 0) || $b cmp $a } keys %change) {
		my ($action, $actor, $target, $run) = @{$change{$route}};
		my $from = sprintf '127.66.%d.1', ++$n;
		my $r = $run->(from => $from);
		like($r->{status}, qr/^20[01]$/, "$route works") or diag($r->{content});
		my ($row) = grep { ($_->{request_id} // '') eq $r->{headers}{'x-request-id'} } @{newest(5)};
		is(join('|', map { $_ // '-' } @$row{qw(action outcome actor ip_address)}), "$action|done|$actor|$from", "$route: who, from where, what");
		like($json->encode($row), qr/\Q$target\E/, "$route: on what") if $target;
		push @{$p->{secrets}}, AccountTest::cookie_of($r) =~ /=(.+)/ if $route =~ /login|me/;
	}
	is(newest()->[0]{action}, 'user_delete', 'the newest is first');
	is($p->sql_one("SELECT actor || ' ' || ip_address FROM audit_log WHERE action = 'setup'") =~ /^setup 127\./ ? 1 : 0, 1, 'the first account, too');
};

subtest 'what was refused' => sub {
	my $viewer = $p->add_token($p->login('boss'), 'boss', 'viewer');
	for (['POST', '/api/stores', 'forbidden'], ['GET', '/api/users', 'forbidden']) {
		my ($method, $path, $code) = @$_;
		my $r = $p->request($method, $path, as => $viewer);
		is($r->{status}, 403, "$method $path");
		my $row = newest()->[0];
		is("$row->{action} $row->{outcome} $row->{details}{method} $row->{details}{route} $row->{details}{code} $row->{request_id}",
			"refused refused $method $path $code $r->{headers}{'x-request-id'}", 'and its row');
	}
	$p->check($p->post('/api/login', {name => 'boss', password => 'guess'}), 401, 'login_failed', 'a guess');
	is(newest()->[0]{outcome}, 'refused', 'has one, too');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE details LIKE '%guess%'"), 0, 'without what was guessed');
};

subtest 'hostile text stays what it is' => sub {
	my @names = (q{<img src=x onerror=alert(1)> "&amp;'}, q{'); DROP TABLE audit_log; --}, "caf\x{e9} \x{1f389} \\u0000 \\n", '${jndi:ldap://x} %s%n');
	for my $name (@names) {
		my $r = $p->post('/api/stores', {name => $name}, as => $boss);
		$p->check($r, 201, '', $name);
		push @{$p->{secrets}}, $r->{json}{admin_password};
		is(newest()->[0]{details}{name}, $name, 'verbatim');
		my ($line) = reverse split /\n/, $p->storectl('audit', 'export')->{out};
		is($json->decode($line)->{details}{name}, $name, 'and one line of the export');
		unlike($line, qr/[\x00-\x1f]/, 'without a control character');
	}
};

subtest 'many at once' => sub {
	Crowd->start(8, sub {
		$p->post('/api/stores', {name => "Crowd $_[0] $_"}, as => $boss, from => "127.67.$_[0].$_") for 1 .. 5;
		return 1;
	})->results;
	my $r = $p->storectl('audit', 'verify');
	my $rows = $p->sql_one('SELECT count(*) FROM audit_log');
	is($r->{status}, 0, 'the chain is whole') or diag($r->{out});
	like($r->{out}, qr/^well: $rows rows, each as it was written/, 'over all rows');
	like($r->{out}, qr/^Its newest digest is [0-9a-f]{32};/m, 'and has an end');
};

subtest 'the export' => sub {
	my @lines = split /\n/, $p->storectl('audit', 'export')->{out};
	is(scalar @lines, $p->sql_one('SELECT count(*) FROM audit_log'), 'every row is a line');
	is_deeply([map { $json->decode($_) } @lines[-3 .. -1]], [reverse @{newest(3)}], 'the same as the API shows');
	is(scalar(split /\n/, $p->storectl('audit', 'export', '--after', scalar(@lines) - 2)->{out}), 2, 'what follows a row');
	is($p->storectl('audit', 'export', '--after=x')->{status}, 2, 'a row that is none');
};

# --- who goes past the platform -------------------------------------------------------------

sub sqlite_says {
	my ($sql) = @_;
	open my $in, '-|', 'sh', '-c', 'exec sqlite3 -cmd ".timeout 5000" -cmd ".dbconfig no_ckpt_on_close on" "$1" "$2" 2>&1', 'sh', $p->{conf}{DATABASE_PATH}, $sql or die;
	local $/;
	return scalar(<$in>) // '';
}

subtest 'triggers' => sub {
	for my $sql ('UPDATE audit_log SET actor = "x" WHERE id = 3', 'DELETE FROM audit_log WHERE id = 3', 'DELETE FROM audit_log',
		'REPLACE INTO audit_log SELECT * FROM audit_log WHERE id = 3', 'UPDATE audit_log SET hash = NULL') {
		like(sqlite_says($sql), qr/append only/, $sql);
	}
	is($p->storectl('audit', 'verify')->{status}, 0, 'nothing has changed');
};

subtest 'the chain' => sub {
	my $last = $p->sql_one('SELECT max(id) FROM audit_log');
	my %harm = (
		'a row that was changed' => ["UPDATE audit_log SET actor = 'x' WHERE id = 5", 5, qr/was changed/],
		'a detail that was changed' => ["UPDATE audit_log SET details = details || ' ' WHERE id = 7", 7, qr/was changed/],
		'a null that became nothing' => ["UPDATE audit_log SET store_id = '' WHERE id = 1", 1, qr/was changed/],
		'a row that is gone' => ['DELETE FROM audit_log WHERE id = 9', 10, qr/before it is missing/],
		'the last row gone' => ["DELETE FROM audit_log WHERE id = $last", $last, qr/missing/],
		'a digest that was made up' => ["UPDATE audit_log SET hash = lower(hex(randomblob(16))) WHERE id = 6", 6, qr/was changed/],
		'a row of somebody else' => ["INSERT INTO audit_log (action, details, actor, created_at) VALUES ('login', '{}', 'x', 1)", $last + 1, qr/not written by/],
		'two rows that changed places' => ["UPDATE audit_log SET id = CASE id WHEN 11 THEN -1 ELSE 11 END WHERE id IN (11, 12) AND id <> 12; UPDATE audit_log SET id = 11 WHERE id = 12; UPDATE audit_log SET id = 12 WHERE id = -1", 11, qr/was changed/],
	);
	my ($triggers) = join ";\n", map { $_->[0] } $p->sql("SELECT replace(sql, char(10), ' ') FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_log'");
	$p->play("CREATE TABLE kept AS SELECT * FROM audit_log; CREATE TABLE kept_seq AS SELECT seq FROM sqlite_sequence WHERE name = 'audit_log'");
	$p->play("DROP TRIGGER $_") for qw(audit_no_update audit_no_delete audit_no_replace);
	for my $name (sort keys %harm) {
		my ($sql, $row, $how) = @{$harm{$name}};
		$p->play($sql);
		my $r = $p->storectl('audit', 'verify');
		is($r->{status}, 1, "$name: a fault");
		like($r->{out}, qr/^FAULT: The chain is broken at row $row: /, "$name: where");
		like($r->{out}, $how, "$name: how");
		$p->play("DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept; UPDATE sqlite_sequence SET seq = (SELECT seq FROM kept_seq) WHERE name = 'audit_log'");
	}
	is($p->storectl('audit', 'verify')->{status}, 0, 'put back it is whole');
	$p->play("UPDATE audit_log SET hash = NULL WHERE id <= 4");
	is($p->storectl('audit', 'verify')->{status}, 1, 'rows without a digest before one that counts on them');
};
$p->finish;
