#!/usr/bin/perl
# The OpenAPI document against the program: routes in both directions, parameters, error
# codes, who may; its own examples; and every kind of real answer against its schemas.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use Schema;
use Test::More;

my $p = AccountTest->new(pool => 2, conf => {MAX_STORES => 20});
$p->start;
my $admin = $p->first_admin;
my $doc = $p->get('/api/openapi.json')->{json};
my $schema = Schema->new($doc);
my (%routes, %queries, %answered);

subtest 'the document' => sub {
	my $r = $p->get('/api/openapi.json');
	$p->check($r, 200, '', 'everybody may read it');
	is($r->{headers}{'content-type'} =~ m{^application/json} ? 1 : 0, 1, 'as JSON');
	ok($r->{headers}{etag}, 'with a tag');
	is($p->get('/api/openapi.json', headers => {'If-None-Match' => $r->{headers}{etag}})->{status}, 304, 'which saves sending it');
	is($p->get('/api/v1/openapi.json')->{content}, $r->{content}, 'the same below /api/v1');
	my $head = $p->request('HEAD', '/api/openapi.json');
	is("$head->{status} $head->{content}", '200 ', 'HEAD');
	$p->check($p->post('/api/openapi.json', {}), 405, 'method_not_allowed', 'POST');
	like($doc->{openapi}, qr/^3\.1\./, 'its version');
	my ($version) = Platform::slurp("$Platform::TOP/configure.ac") =~ /AC_INIT\(\[[^]]*\],\s*\[([^]]+)\]/;
	is($doc->{info}{version}, $version, 'and ours');
};

# Every reference leads somewhere, and everything described is used.
subtest 'references' => sub {
	my (%used, @lost);
	my $walk;
	$walk = sub {
		my ($node) = @_;
		if (ref $node eq 'HASH') {
			if (defined $node->{'$ref'} && !ref $node->{'$ref'}) {
				$used{$node->{'$ref'}} = 1;
				push @lost, $node->{'$ref'} unless eval { $schema->resolve($node) };
			}
			$walk->($_) for values %$node;
		} elsif (ref $node eq 'ARRAY') { $walk->($_) for @$node }
	};
	$walk->($doc);
	is("@lost", '', 'all lead somewhere');
	# Three are of every address, described or not.
	my @idle = grep { !$used{$_} && !m{/responses/(?:405|408|414)$} } map { my $kind = $_; map { "#/components/$kind/$_" } keys %{$doc->{components}{$kind}} } qw(schemas responses parameters headers);
	is(join(' ', sort @idle), '', 'and none is described for nothing');
};

subtest 'routes, in both directions' => sub {
	my $source = Platform::slurp("$Platform::TOP/src/api/route.c");
	my %keys;
	for ($source =~ /(\w+_keys\[\] = \{.*?NULL)/g) {
		my ($list) = /^(\w+)/;
		$keys{$list} = [/"(\w+)"/g];
	}
	while ($source =~ /\{"(\w+)", "(\S+)", ROUTE_(\w+), RULE_(\w+), \w+, (\w+), (true|false)\}/g) {
		my ($method, $path, $access, $rule, $list, $body) = ($1, $2, $3, $4, $5, $6);
		$path =~ s/:id/{id}/;
		$routes{lc $method . " $path"} = {rule => $rule, write => $access eq 'WRITE', body => $body eq 'true', keys => $keys{$list} || []};
	}
	# A file that nginx serves.
	$routes{'get /api/openapi.json'} = {rule => 'OPEN', keys => []};
	my %there = map { my $path = $_; map { ("$_ $path" => $doc->{paths}{$path}{$_}) } grep { $_ ne 'parameters' } keys %{$doc->{paths}{$path}} } keys %{$doc->{paths}};
	is(join(' | ', sort keys %there), join(' | ', sort keys %routes), 'the document has the routes of the program, and no others');
	for my $route (sort keys %routes) {
		my ($is, $says) = ($routes{$route}, $there{$route} || next);
		my @parameters = map { $schema->resolve($_) } @{$says->{parameters} || []};
		is(join(' ', sort map { $_->{name} } grep { $_->{in} eq 'query' } @parameters), join(' ', sort @{$is->{keys}}), "$route: the query");
		is(defined $says->{requestBody} ? 1 : 0, $is->{body} ? 1 : 0, "$route: a body");
		is(scalar(grep { $_->{name} eq 'If-None-Match' } @parameters), $route =~ /^get/ ? 1 : 0, "$route: a tag");
		is(join(' ', sort map { keys %$_ } @{$says->{security}}), {OPEN => '', MACHINE => '', SESSION => 'session'}->{$is->{rule}} // 'session token', "$route: credentials");
		is(exists $says->{responses}{507} ? 1 : 0, $is->{write} ? 1 : 0, "$route: a full disk matters to changes");
		is(exists $says->{responses}{404} ? 1 : 0, $route =~ /\{id\}/ ? 1 : 0, "$route: what may be missing");
	}
};

subtest 'codes of errors, in both directions' => sub {
	my %described = map { $_ => 1 } @{$doc->{components}{schemas}{Error}{properties}{code}{enum}};
	my ($program) = Platform::slurp("$Platform::TOP/src/base/err.c") =~ /\[ERR_NONE\].*?\n(.*?)\s+\[ERR_CLUSTER_UNREACHABLE\]/s;
	my %status;
	$status{$1} = $2 while $program =~ /\{"(\w+)", (\d+),/g;
	my ($nginx) = Platform::slurp("$Platform::TOP/nginx/messages.conf") =~ /error_code \{(.*?)\}/s;
	my %told = map { $_ => 1 } keys %status, $nginx =~ /\s(\w+);/g;
	is(join(' ', sort keys %described), join(' ', sort keys %told), 'the words of the program and of nginx');
	my %responses = %{$doc->{components}{responses}};
	for my $code (sort keys %status) {
		like($responses{$status{$code}}{description} // '', qr/\b$code\b/, "$code is told with $status{$code}");
	}
	$status{$2} //= $1 while $nginx =~ /(\d+)\s+(\w+);/g;
	is(join(' ', sort map { split / or /, $_->{description} } values %responses) =~ s/\b(\w+)(?: \1\b)+/$1/gr,
		join(' ', sort keys %described), 'and no response has another');
};

subtest 'examples' => sub {
	for my $name (sort keys %{$doc->{components}{schemas}}) {
		my $one = $doc->{components}{schemas}{$name};
		next if ($one->{type} // '') ne 'object' || $name =~ /^(?:Progress|Job|Check|Step)$/; # parts of others
		ok($one->{examples}, "$name has one");
		is(join('; ', map { $schema->check($one, $_) } @{$one->{examples}}), '', "$name: it fits");
	}
	ok($schema->check({'$ref' => '#/components/schemas/Store'}, {%{$doc->{components}{schemas}{Store}{examples}[0]}, more => 1}), 'a key more does not');
	ok($schema->check({'$ref' => '#/components/schemas/Login'}, {name => 5, password => 'x'}), 'nor a number for a text');
};

# --- real answers ------------------------------------------------------------------------------

# One request; its answer has to be described, and to fit.
sub fits {
	my ($method, $path, $status, %opt) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $r = $p->request($method, $path, as => $admin, %opt);
	my ($pattern) = grep { my $re = s/\{id\}/[^\/]+/r; $path =~ m{^$re(?:\?|$)} } sort { ($a =~ /\{/) <=> ($b =~ /\{/) } keys %{$doc->{paths}};
	my $says = $schema->resolve($doc->{paths}{$pattern}{lc $method}{responses}{$r->{status}});
	my @wrong = $says ? () : "$r->{status} is not described";
	push @wrong, "status $r->{status}" if $r->{status} != $status;
	for my $type ($says && length $r->{content} ? keys %{$says->{content}} : ()) {
		push @wrong, "not $type" if index($r->{headers}{'content-type'}, $type) != 0;
		push @wrong, $schema->check($says->{content}{$type}{schema}, $type =~ /json/ ? $r->{json} : $r->{content});
		push @wrong, "$r->{json}{code} is not told of $status" if $r->{status} >= 400 && ref $r->{json} eq 'HASH' && $r->{json}{code}
			&& $says->{description} !~ /\b$r->{json}{code}\b/ && $pattern ne '/api/ready';
	}
	push @wrong, map { exists $r->{headers}{lc $_} ? () : "no header $_" } grep { !/^Link$/ } keys %{$says->{headers} || {}};
	is(join('; ', @wrong[0 .. ($#wrong > 5 ? 5 : $#wrong)]), '', "$method $path: $status fits");
	$answered{lc($method) . " $pattern"}{$r->{status}}++;
	return $r->{json};
}

subtest 'real answers' => sub {
	my $none = $ApiTest::NO_ID;
	my $store = fits('POST', '/api/stores', 201, json => {name => 'One'}, headers => {'Idempotency-Key' => 'one'});
	fits('POST', '/api/stores', 200, json => {name => 'One'}, headers => {'Idempotency-Key' => 'one'});
	fits('POST', '/api/stores', 422, json => {name => 'Two'}, headers => {'Idempotency-Key' => 'one'});
	fits('POST', '/api/stores', 409, json => {name => 'One'});
	fits('POST', '/api/stores', 400, json => {name => ''});
	fits('POST', '/api/stores', 400, content => '{', headers => {'content-type' => 'application/json'});
	fits('POST', '/api/stores', 413, json => {name => 'x' x 70000});
	fits('POST', '/api/stores', 415, content => '{}', headers => {'content-type' => 'text/plain'});
	fits('POST', '/api/stores', 401, json => {name => 'X'}, as => undef);
	fits('POST', '/api/stores', 403, json => {name => 'X'}, headers => {Origin => 'http://evil.example'});
	my $second = fits('POST', '/api/stores', 201, json => {name => 'Second', adminPassword => 'a given one'});
	push @{$p->{secrets}}, $store->{admin_password};
	my ($one, $two) = map { "/api/stores/$_->{id}" } $store, $second;
	fits('POST', "$two/retry", 409);
	$p->play("UPDATE jobs SET state = 'failed', finalized_at = 5, attempt = 1, started_at = 4, error_code = 'helm_failed', error_message = 'x' WHERE store_id = '$second->{id}';
		UPDATE stores SET status = 'failed', error_code = 'helm_failed', error_message = 'x', provision_started_at = 4 WHERE id = '$second->{id}';
		INSERT INTO events (store_id, job_id, kind, attempt, step, state, message, created_at, duration_ms) SELECT store_id, id, kind, 1, 'namespace', 'done', 'x', 5, 42 FROM jobs;
		INSERT INTO events (store_id, job_id, kind, attempt, step, state, message, created_at) SELECT store_id, id, kind, 1, 'secrets', 'started', 'x', 5 FROM jobs");
	fits('GET', $_, 200) for '/api/stores', '/api/stores?limit=1', "$one", "$two", "$one/events", '/api/stores/audit/log?limit=2', '/api/metrics',
		'/api/health', '/metrics', '/api/me', '/api/users', '/api/tokens', '/api/openapi.json';
	fits('GET', '/api/stores?cursor=x', 400);
	fits('GET', "/api/stores/$none", 404);
	fits('POST', "$two/retry", 200);
	fits('DELETE', $one, 200);
	fits('DELETE', "/api/stores/$none", 404);
	fits('GET', $one, 200);
	fits('GET', '/api/ready', 503);
	my $user = fits('POST', '/api/users', 201, json => {name => 'ann', role => 'operator'});
	push @{$p->{secrets}}, $user->{password};
	fits('POST', '/api/users', 409, json => {name => 'ann'});
	fits('PATCH', "/api/users/$user->{id}", 200, json => {role => 'viewer'});
	fits('PATCH', "/api/users/$none", 404, json => {role => 'viewer'});
	my $token = fits('POST', '/api/tokens', 201, json => {name => 'x', user => 'ann', scope => 'viewer'});
	push @{$p->{secrets}}, $token->{token};
	fits('GET', '/api/users', 403, as => $token->{token});
	fits('DELETE', "/api/tokens/$token->{id}", 200);
	fits('DELETE', "/api/users/$user->{id}", 200);
	fits('DELETE', "/api/users/$user->{id}", 404);
	fits('POST', '/api/login', 401, json => {name => 'x', password => 'x'}, as => undef);
	fits('POST', '/api/setup', 403, json => {token => 'x', name => 'xx', password => 'x' x 12}, as => undef);
	fits('POST', '/api/login', 200, json => {name => 'boss', password => $AccountTest::PASSWORD}, as => undef);
	my $again = $p->login('boss');
	fits('POST', '/api/me/password', 200, json => {current_password => $AccountTest::PASSWORD, new_password => 'another one for all'}, as => $again);
	push @{$p->{secrets}}, 'another one for all';
	fits('DELETE', '/api/me/sessions', 200, as => $p->login('boss', 'another one for all'));
	fits('POST', '/api/logout', 200, as => $p->login('boss', 'another one for all'));
	is(join(' ', grep { !$answered{$_} } sort keys %routes), '', 'every route has answered');
};

$p->finish;
