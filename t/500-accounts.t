#!/usr/bin/perl
# Accounts through nginx: the first one, login and its cookie, sessions and tokens
# and how they end, roles and own stores, guessing, refusals in the audit log.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use Crowd;
use RawHttp;
use Test::More;

my $p = AccountTest->new(pool => 3);
$p->{more} = 1;
$p->start;

my $token_form = qr/^spt_[0-9A-Za-z]{10}_[0-9A-Za-z]{30}_[0-9A-Za-z]{6}$/;

# --- promise 6.1: no unauthenticated window ---------------------------------------

subtest 'promise 6.1: nobody is in before the first account' => sub {
	for my $path (qw(/api/stores /api/me /api/users /api/metrics /api/stores/audit/log)) {
		my $r = $p->get($path);
		$p->check($r, 401, 'unauthorized', "GET $path");
		is($r->{headers}{'www-authenticate'}, 'Bearer', "GET $path: how to prove oneself");
	}
	$p->check($p->post('/api/stores', {name => 'Shop'}), 401, 'unauthorized', 'create');
	$p->check($p->post('/api/login', {name => 'admin', password => 'admin'}), 401, 'login_failed', 'no default password');
	$p->check($p->get('/api/health'), 200, '', 'health is for everybody');
	is($p->sql_one('SELECT count(*) FROM audit_log WHERE action = "refused"'), 0, 'strangers leave no row');
};

my @offers = $p->setup_tokens;
is(scalar @offers, 1, 'one token was printed, by one process of the pool');

subtest 'promise 6.1: the token makes one admin' => sub {
	my $body = {token => $offers[0], name => 'boss', password => 'a long enough one'};
	push @{$p->{secrets}}, 'a long enough one';
	$p->check($p->post('/api/setup', {%$body, token => 'x' x 32}), 403, 'setup_refused', 'another token');
	$p->check($p->post('/api/setup', {%$body, password => 'short'}), 400, 'validation_failed', 'a short password');
	$p->check($p->post('/api/setup', {%$body, name => 'Boss!'}), 400, 'validation_failed', 'a bad name');
	$p->check($p->post('/api/setup', $body, headers => {Origin => 'http://evil.example'}), 403, 'cross_site', 'from a page elsewhere');
	my @r = Crowd->start(40, sub {
		my $r;
		# Only two passwords are hashed at once; who is too early is told when to come again.
		do { $r = $p->post('/api/setup', {%$body, name => "boss$_[0]"}, from => "127.88.$_[0].1") } while $r->{status} == 429;
		return [$r->{status}, $r->{json}{code} // '', $r->{json}{user}{name} // ''];
	})->results;
	my @made = grep { $_->[0] == 201 } @r;
	is(scalar @made, 1, 'of 40 at once one is made');
	is(scalar(grep { $_->[1] eq 'setup_refused' } @r), 39, 'and all others are refused');
	is($p->sql_one('SELECT count(*) FROM users'), 1, 'there is one account');
	$p->{boss} = $made[0][2];
	$p->check($p->post('/api/setup', $body), 403, 'setup_refused', 'the token is used up');
	is($p->sql_one("SELECT actor FROM audit_log WHERE action = 'setup'"), 'setup', 'the log tells of it');
};

# --- login ---------------------------------------------------------------------------

my ($boss, $pw) = ($p->{boss}, 'a long enough one');

subtest 'a login and its cookie' => sub {
	my $r = $p->post('/api/login', {name => $boss, password => $pw});
	$p->check($r, 200, '', 'login');
	is(join(' ', sort keys %{$r->{json}}), 'expires_at user', 'its answer');
	is("$r->{json}{user}{name} $r->{json}{user}{role}", "$boss admin", 'who it is');
	like($r->{headers}{'set-cookie'}, qr{^__Host-sp=[0-9A-Za-z]{43}; Path=/; Secure; HttpOnly; SameSite=Strict$}, 'the cookie');
	is($r->{headers}{'cache-control'}, 'no-store', 'nobody keeps it');
	my $cookie = AccountTest::cookie_of($r);
	my $me = $p->get('/api/me', as => $cookie);
	$p->check($me, 200, '', 'me');
	is_deeply([@{$me->{json}}{qw(name role by)}], [$boss, 'admin', 'session'], 'the cookie is its user');
	# Promise 6.7: rotation, no fixation, one value only.
	my $again = $p->post('/api/login', {name => $boss, password => $pw}, as => $cookie);
	my $new = AccountTest::cookie_of($again);
	isnt($new, $cookie, 'promise 6.7: a login makes a new one');
	$p->check($p->get('/api/me', as => $cookie), 401, 'unauthorized', 'promise 6.7: and ends the old');
	my $planted = '__Host-sp=' . 'A' x 43;
	my $fixed = AccountTest::cookie_of($p->post('/api/login', {name => $boss, password => $pw}, as => $planted));
	isnt($fixed, $planted, 'promise 6.7: one that was planted is not taken up');
	$p->check($p->get('/api/me', as => "$planted; $new"), 401, 'unauthorized', 'promise 6.7: two are none');
	$p->check($p->get('/api/me', as => "x=1; $new; y=2"), 200, '', 'others beside it do not matter');
	$p->check($p->get('/api/me', as => $_), 401, 'unauthorized', "not $_")
		for '__Host-sp=', 'sp=' . substr($new, 10), "__host-sp=" . substr($new, 10), "$new" . 'x', substr($new, 0, -1);
	$p->check($p->post('/api/logout', undef, as => $new, headers => {'content-type' => 'application/json'}), 200, '', 'logout');
	$p->check($p->get('/api/me', as => $new), 401, 'unauthorized', 'promise 6.7: which ends it on the server');
	my $out = $p->post('/api/logout');
	$p->check($out, 200, '', 'a logout of nobody is none');
	like($out->{headers}{'set-cookie'}, qr/^__Host-sp=; .*Max-Age=0$/, 'and the browser forgets it');
};

subtest 'logins that fail' => sub {
	for ([$boss, 'wrong'], ['nobody-at-all', $pw], ['NOT A NAME', $pw], ["' OR 1=1 --", $pw]) {
		my ($name, $word) = @$_;
		my $r = $p->post('/api/login', {name => $name, password => $word});
		$p->check($r, 401, 'login_failed', $name);
		is($r->{json}{error}, 'The name or the password is wrong.', "$name: one sentence for all");
		is($r->{headers}{'set-cookie'}, undef, "$name: no cookie");
	}
	for ({}, {name => $boss}, {password => $pw}, {name => $boss, password => undef}, {name => [], password => $pw},
		{name => $boss, password => $pw, x => 1}, {name => $boss, password => 'x' x 600}) {
		$p->check($p->post('/api/login', $_), 400, 'validation_failed', join ',', sort keys %$_);
	}
	$p->check($p->post('/api/login', []), 400, 'bad_request', 'a list');
	$p->check($p->request('POST', '/api/login', content => 'name=x', headers => {'content-type' =>
		'application/x-www-form-urlencoded'}), 415, 'unsupported_media_type', 'a form');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'login_failed' AND details LIKE '%NOT A%'"), 0,
		'a name that is nobody\'s is not kept: it may be a password');
};

my %cookie = (admin => $p->login($boss, $pw));

# --- other accounts ---------------------------------------------------------------------

my %id;

subtest 'accounts are made and changed' => sub {
	for my $role (qw(viewer operator)) {
		my $r = $p->post('/api/users', {name => "$role-1", role => $role}, as => $cookie{admin});
		$p->check($r, 201, '', "a $role");
		is($r->{headers}{location}, "/api/users/$r->{json}{id}", 'Location is its address');
		like($r->{json}{password}, qr/^[0-9A-Za-z]{20}$/, 'a password was made');
		push @{$p->{secrets}}, $r->{json}{password};
		$id{$role} = $r->{json}{id};
		$cookie{$role} = $p->login("$role-1", $r->{json}{password});
	}
	my $other = $p->post('/api/users', {name => 'operator-2', role => 'operator', password => 'operator two here'}, as => $cookie{admin});
	push @{$p->{secrets}}, 'operator two here';
	$p->check($other, 201, '', 'one with a password');
	is($other->{json}{password}, undef, 'which is not repeated');
	$id{other} = $other->{json}{id};
	$cookie{other} = $p->login('operator-2', 'operator two here');
	$p->check($p->post('/api/users', {name => 'viewer-1'}, as => $cookie{admin}), 409, 'duplicate_user', 'a name that is taken');
	for ({name => 'local'}, {name => 'x'}, {name => 'ok', role => 'root'}, {name => 'ok', password => 'x' x 11},
		{name => 'ok', role => 1}, {role => 'viewer'}, {name => 'ok', admin => 1}) {
		$p->check($p->post('/api/users', $_, as => $cookie{admin}), 400, 'validation_failed', join ' ', %$_);
	}
	my $list = $p->get('/api/users', as => $cookie{admin});
	is(join(' ', map { "$_->{name}:$_->{role}" } @{$list->{json}}), "$boss:admin operator-1:operator operator-2:operator viewer-1:viewer", 'all of them');
	is(scalar(grep { exists $_->{password} || exists $_->{hash} } @{$list->{json}}), 0, 'without a password');
	is($p->get('/api/users', as => $cookie{admin}, headers => {'If-None-Match' => $list->{headers}{etag}})->{status}, 304, 'with a tag');
	$p->check($p->patch("/api/users/$list->{json}[0]{id}", {role => 'viewer'}, as => $cookie{admin}), 409, 'last_admin', 'the last admin stays one');
	$p->check($p->delete("/api/users/$list->{json}[0]{id}", as => $cookie{admin}), 409, 'last_admin', 'and is not removed');
	$p->check($p->patch("/api/users/$ApiTest::NO_ID", {role => 'viewer'}, as => $cookie{admin}), 404, 'user_not_found', 'nobody is not changed');
	$p->check($p->delete("/api/users/x", as => $cookie{admin}), 404, 'user_not_found', 'nor removed');
};

# --- every route by every kind of caller ---------------------------------------------------

my %token;

subtest 'tokens' => sub {
	my $make = sub { $p->post('/api/tokens', {name => 't', @_}, as => $cookie{admin}) };
	for (['admin', $boss], ['operator', 'operator-1'], ['viewer', 'operator-1']) {
		my ($scope, $user) = @$_;
		my $r = $make->(scope => $scope, user => $user, expires_in_days => 30);
		$p->check($r, 201, '', "a token with scope $scope");
		like($r->{json}{token}, $token_form, 'its form');
		push @{$p->{secrets}}, $r->{json}{token};
		$token{$scope} = $r->{json};
		my $me = $p->get('/api/me', as => $r->{json}{token});
		is_deeply([@{$me->{json}}{qw(name role by)}], [$user, $scope, 'token'], 'who it is');
	}
	$p->check($make->(scope => 'admin', user => 'operator-1'), 400, 'validation_failed', 'not more than its user');
	$p->check($make->(scope => 'viewer', user => 'none'), 400, 'validation_failed', 'for nobody');
	$p->check($make->(scope => 'viewer', expires_in_days => $_), 400, 'validation_failed', "for $_ days") for 0, -1, 366, 1.5, '30', 1e30;
	my $list = $p->get('/api/tokens', as => $cookie{admin})->{json};
	is(scalar @$list, 3, 'they are listed');
	is(scalar(grep { exists $_->{token} || exists $_->{hash} } @$list), 0, 'without their secret');
	is(scalar(grep { $_->{last_used_at} =~ /^$ApiTest::TIME$/ } @$list), 3, 'and when they were used last');
	my $text = $token{operator}{token};
	# Promise 6.3: typing errors, URLs.
	(my $typo = $text) =~ tr/A-Ya-y0-8/B-Zb-z1-9/;
	$p->check($p->get('/api/stores', as => $typo), 401, 'unauthorized', 'promise 6.3: a token with a typing error');
	$p->check($p->get("/api/stores?token=$text"), 401, 'unauthorized', 'promise 6.3: a token in a URL');
	$p->check($p->get('/api/stores', headers => {Authorization => $_}), 401, 'unauthorized', 'promise 6.3: another form')
		for 'Bearer', 'Bearer ', 'Basic Ym9zczpib3Nz', $text, "Bearer  $text", "Bearer $text x";
	$p->check($p->get('/api/health', as => 'spt_x'), 401, 'unauthorized', 'a bad token is refused even where none is needed');
	$p->check($p->get('/api/stores', as => $text, headers => {Cookie => $cookie{admin}}), 200, '', 'beside a cookie the token counts');
	$p->check($p->get('/api/users', as => $text, headers => {Cookie => $cookie{admin}}), 403, 'forbidden', 'alone');
};

my $own = $p->post('/api/stores', {name => 'Own shop'}, as => $cookie{operator});
my $foreign = $p->post('/api/stores', {name => 'Foreign shop'}, as => $cookie{other});
push @{$p->{secrets}}, map { $_->{json}{admin_password} } $own, $foreign;
is("$own->{status} $own->{json}{owner} $foreign->{json}{owner}", '201 operator-1 operator-2', 'stores have owners');

my $revoked = $p->post('/api/tokens', {name => 'r', scope => 'admin'}, as => $cookie{admin})->{json};
my $expired = $p->post('/api/tokens', {name => 'e', scope => 'admin'}, as => $cookie{admin})->{json};
push @{$p->{secrets}}, $revoked->{token}, $expired->{token};

subtest 'promise 6.4: revocation is immediate' => sub {
	for my $pid ($p->pool_pids) {
		is($p->only($pid, sub { $p->get('/api/users', as => $revoked->{token}) })->{status}, 200, "process $pid takes it");
	}
	$p->check($p->delete("/api/tokens/$revoked->{id}", as => $cookie{admin}), 200, '', 'it is revoked');
	for my $pid ($p->pool_pids) {
		is($p->only($pid, sub { $p->get('/api/users', as => $revoked->{token}) })->{status}, 401, "process $pid refuses it");
	}
	$p->check($p->delete("/api/tokens/$revoked->{id}", as => $cookie{admin}), 200, '', 'once more is no fault');
	$p->check($p->delete("/api/tokens/$ApiTest::NO_ID", as => $cookie{admin}), 404, 'token_not_found', 'one that is not there');
	$p->play("UPDATE tokens SET expires_at = 1 WHERE id = '$expired->{id}'");
	$p->check($p->get('/api/users', as => $expired->{token}), 401, 'unauthorized', 'one that has expired');
};

subtest 'every route by every caller' => sub {
	# Read off the route table itself: a new route is asked for here, too.
	my $source = Platform::slurp("$Platform::TOP/src/api/route.c");
	my %caller = (nobody => undef, viewer => $cookie{viewer}, owner => $cookie{operator}, stranger => $cookie{other},
		'viewer token' => $token{viewer}{token}, 'operator token' => $token{operator}{token},
		'revoked token' => $revoked->{token}, 'expired token' => $expired->{token});
	my %of = (OPEN => {}, READ => {nobody => 401}, SESSION => {nobody => 401, 'viewer token' => 403, 'operator token' => 403},
		OPERATE => {nobody => 401, viewer => 403, 'viewer token' => 403}, MACHINE => {},
		OWN => {nobody => 401, viewer => 403, 'viewer token' => 403, stranger => 403},
		ADMIN => {nobody => 401, map { $_ => 403 } 'viewer', 'owner', 'stranger', 'viewer token', 'operator token'});
	my $routes = 0;
	while ($source =~ /\{"(\w+)", "(\S+)", ROUTE_\w+, RULE_(\w+),/g) {
		my ($method, $path, $rule) = ($1, $2, $3);
		next if $path =~ m{^/api/(?:logout|me/sessions)$} || $method eq 'DELETE' && $path =~ /stores/; # each has its own test
		$routes++;
		$path =~ s/:id/$path =~ m{stores} ? $own->{json}{id} : $ApiTest::NO_ID/e;
		for my $name (sort keys %caller) {
			my $want = $name =~ /revoked|expired/ ? 401 : $of{$rule}{$name};
			# A change without a body: what passes the guard is told that there is none, or is refused by its state.
			my $r = $p->request($method, $path, as => $caller{$name}, headers => {'content-type' => 'application/json'});
			if ($want) { is($r->{status}, $want, "$method $path by $name: $want") }
			else { unlike($r->{status}, qr/^(?:401|403|5[^0]\d|500)$/, "$method $path by $name passes") or diag($r->{content}) }
		}
	}
	cmp_ok($routes, '>=', 20, 'there were many routes');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'refused' AND actor = 'nobody'"), 0, 'nobody has no row');
	cmp_ok($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'refused' AND actor LIKE 'operator-1#%'"), '>', 3, 'a token has: with its key');
};

subtest 'promise 5.4: other spellings of an address' => sub {
	my %same = ('/api/users' => [qw(//api//users /api/%75sers /api/x/../users /api/v1/users /api/users/ /api/./users /api/v1/../users)],
		"/api/stores/$own->{json}{id}" => ["/api/%73tores/$own->{json}{id}", "//api/stores//$own->{json}{id}", "/api/v1/stores/$own->{json}{id}/",
			"/api/stores/x/../$own->{json}{id}", "/api/stores%2f$own->{json}{id}"]);
	for my $path (sort keys %same) {
		for my $as (undef, $cookie{viewer}, $cookie{admin}, $token{viewer}{token}) {
			my $want = $p->get($path, as => $as)->{status};
			is(RawHttp::get($p, $_, 'Host: 127.0.0.1', !$as ? () : $as =~ /^spt/ ? "Authorization: Bearer $as" : "Cookie: $as")->{status},
				$want, "$_: $want like $path") for @{$same{$path}};
		}
	}
	for my $path ('/API/users', '/api/Users', '/api/users;x', '/api/users%00', '/api;/users', '/api/users%20', '/api/users.', "/api/stores/\U$own->{json}{id}") {
		my $r = RawHttp::get($p, $path, 'Host: 127.0.0.1', "Cookie: $cookie{viewer}");
		like($r->{status}, qr/^40[04]$/, "$path is nothing");
	}
	is(RawHttp::get($p, "$p->{url}/api/users", 'Host: evil.example', "Cookie: $cookie{viewer}")->{status}, 403, 'absolute form');
};

subtest 'own stores' => sub {
	my ($mine, $theirs) = map { "/api/stores/$_->{json}{id}" } $own, $foreign;
	$p->check($p->delete($theirs, as => $cookie{viewer}), 403, 'forbidden', 'a viewer deletes nothing');
	$p->check($p->delete($theirs, as => $cookie{operator}), 403, 'not_owner', 'an operator not what is another\'s');
	my $row = $p->get('/api/stores/audit/log?limit=1', as => $cookie{viewer})->{json}[0];
	is("$row->{action} $row->{actor} $row->{store_id} $row->{details}{code}", "refused operator-1 $foreign->{json}{id} not_owner", 'of which the log tells');
	is($p->get($theirs, as => $cookie{operator})->{json}{status}, 'provisioning', 'and nothing has happened');
	$p->check($p->post("$theirs/retry", undef, as => $cookie{operator}, headers => {'content-type' => 'application/json'}), 403, 'not_owner', 'nor tries it again');
	$p->check($p->delete($mine, as => $token{viewer}{token}), 403, 'forbidden', 'a token does not do what is beyond its scope');
	$p->check($p->delete($mine, as => $token{operator}{token}), 200, '', 'its owner\'s token does');
	is($p->sql_one("SELECT actor FROM audit_log WHERE action = 'delete_start'"), "operator-1#$token{operator}{key}", 'and is named');
	$p->check($p->delete($theirs, as => $cookie{admin}), 200, '', 'an admin deletes all');
};

# --- how it ends ---------------------------------------------------------------------------

subtest 'sessions end with password, role and account' => sub {
	my $second = $p->login('operator-2', 'operator two here');
	my $change = sub { $p->post('/api/me/password', {current_password => $_[0], new_password => $_[1]}, as => $second) };
	push @{$p->{secrets}}, 'operator two anew';
	$p->check($change->('wrong', 'operator two anew'), 401, 'login_failed', 'a new password takes the old one');
	$p->check($change->('operator two here', 'short'), 400, 'validation_failed', 'and is long enough');
	my $r = $change->('operator two here', 'operator two anew');
	$p->check($r, 200, '', 'then it is changed');
	$p->check($p->get('/api/me', as => $_), 401, 'unauthorized', 'every session has ended') for $second, $cookie{other};
	$p->check($p->get('/api/me', as => AccountTest::cookie_of($r)), 200, '', 'but the new one of who changed it');
	$p->check($p->post('/api/login', {name => 'operator-2', password => 'operator two here'}), 401, 'login_failed', 'the old password is none');
	$cookie{other} = $p->login('operator-2', 'operator two anew');
	$p->check($p->patch("/api/users/$id{other}", {role => 'viewer'}, as => $cookie{admin}), 200, '', 'a new role');
	$p->check($p->get('/api/me', as => $cookie{other}), 401, 'unauthorized', 'ends them too');
	$cookie{other} = $p->login('operator-2', 'operator two anew');
	is($p->get('/api/me', as => $cookie{other})->{json}{role}, 'viewer', 'and holds from the next login on');
	$p->check($p->patch("/api/users/$id{operator}", {role => 'viewer'}, as => $cookie{admin}), 200, '', 'of the owner of a token');
	is($p->get('/api/me', as => $token{operator}{token})->{json}{role}, 'viewer', 'a token is never more than its user');
	$r = $p->delete('/api/me/sessions', as => $cookie{other});
	$p->check($r, 200, '', 'one may end all of his own');
	like($r->{headers}{'set-cookie'}, qr/Max-Age=0/, 'and the browser forgets its cookie');
	$p->check($p->get('/api/me', as => $cookie{other}), 401, 'unauthorized', 'then none of them holds');
	$p->check($p->get('/api/me', as => $cookie{admin}), 200, '', 'and those of others do');
	$cookie{other} = $p->login('operator-2', 'operator two anew');
	$p->check($p->delete("/api/users/$id{other}", as => $cookie{admin}), 200, '', 'an account is removed');
	$p->check($p->get('/api/me', as => $cookie{other}), 401, 'unauthorized', 'with its sessions');
	is($p->get("/api/stores/$foreign->{json}{id}", as => $cookie{admin})->{json}{owner}, undef, 'its stores stay, without an owner');
	$p->play("UPDATE sessions SET seen_at = seen_at - 12 * 3600 * 1000 - 60000 WHERE user_id = '$id{viewer}'");
	$p->check($p->get('/api/me', as => $cookie{viewer}), 401, 'unauthorized', 'an idle one ends after 12 hours');
	$p->play('UPDATE sessions SET created_at = created_at - 7 * 24 * 3600 * 1000');
	$p->check($p->get('/api/me', as => $cookie{admin}), 401, 'unauthorized', 'and any after 7 days');
	$cookie{admin} = $p->login($boss, $pw);
};

subtest 'promise 6.5: guessing is bounded, and keeps nobody out' => sub {
	my $home = '127.99.0.1';
	$p->check($p->post('/api/users', {name => 'target', password => 'the target is here'}, as => $cookie{admin}), 201, '', 'a target');
	push @{$p->{secrets}}, 'the target is here';
	my $try = sub { $p->post('/api/login', {name => 'target', password => $_[0]}, from => $_[1]) };
	$p->check($try->('the target is here', $home), 200, '', 'who has logged in from here before');
	my %seen;
	$seen{$try->("guess $_", "127.99.1.$_")->{status}}++ for 1 .. 30;
	is_deeply(\%seen, {401 => 5, 429 => 25}, 'of 30 guesses from 30 addresses five are looked at');
	my $locked = $try->('the target is here', '127.99.2.1');
	$p->check($locked, 429, 'login_locked', 'then even the right one waits elsewhere');
	cmp_ok($locked->{headers}{'retry-after'}, '<=', 15, 'not for long');
	$p->check($try->('the target is here', $home), 200, '', 'but not here');
	$p->check($try->('the target is here', '127.99.2.1'), 200, '', 'and having proved it here opens it');
	%seen = ();
	$seen{$p->post('/api/login', {name => "nobody$_", password => 'x'}, from => '127.99.3.1')->{status}}++ for 1 .. 5;
	my $r = $p->post('/api/login', {name => 'target', password => 'the target is here'}, from => '127.99.3.1');
	is("$seen{401} $r->{status}", '5 429', 'an address has five guesses at all accounts');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'login_locked'"), 2, 'the log tells of each lock once');
};

subtest 'the log tells of it all' => sub {
	my %seen = map { $_->[0] => 1 } $p->sql('SELECT DISTINCT action FROM audit_log');
	is(join(' ', grep { !$seen{$_} } qw(setup login login_failed login_locked logout password_change user_create user_change
		user_delete token_create token_revoke refused create delete_start)), '', 'every kind of action');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE ip_address NOT LIKE '127.%' OR request_id IS NULL"), 0, 'from where, and by which request');
};
$p->finish;

# --- a token that nobody used -----------------------------------------------------------------

my $late = AccountTest->new;
$late->{more} = 1;
$late->start;
subtest 'promise 6.1: a token that is too old, or of another boot' => sub {
	my $made = $late->setup_tokens;
	my $claim = sub { $late->post('/api/setup', {token => $_[0], name => 'boss', password => 'a long enough one'}) };
	is($late->stop('api'), 0, 'a restart within the hour');
	$late->start_pool;
	$late->wait_for('the pool', sub { $late->get('/api/health')->{status} == 200 });
	is(scalar(my @same = $late->setup_tokens), 1, 'prints no second one');
	for ('expires_at = 1', "boot = '$ApiTest::NO_ID'") {
		my ($old) = reverse $late->setup_tokens($made++);
		$late->play("UPDATE setup SET $_");
		$late->check($claim->($old), 403, 'setup_refused', "one with $_");
		$late->stop('api');
		$late->start_pool;
	}
	my @all = $late->setup_tokens(3);
	is(scalar @all, 3, 'each restart after that prints another one');
	$late->check($claim->($all[2]), 201, '', 'which holds');
	$late->stop('api');
	$late->start_pool;
	is(scalar(my @none = $late->setup_tokens), 3, 'and then there is none any more');
};
$late->finish;
done_testing();
