#!/usr/bin/perl
# What an operator sees of a platform at work: figures for Prometheus, of all processes
# together; a log of one JSON object a line; each broken part with its remedy.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use FastCgi;
use Test::More;

my $p = AccountTest->new(pool => 3, conf => {MAX_STORES => 20, HELM => '/nonexistent/helm'});
$p->start;
my $admin = $p->first_admin;
my $token = $p->add_token($admin, 'boss', 'admin');

# The figures: {'name{labels}' => number}; the text is kept.
my $text;
sub figures {
	my $r = $p->get('/metrics');
	$p->check($r, 200, '', '/metrics needs no login on this machine');
	$text = $r->{content};
	return map { /^(\S+) (\S+)$/ && !/^#/ ? ($1 => $2) : () } split /\n/, $text;
}

sub requests { my ($f, $method, $route, $status) = @_; return $f->{qq(store_platform_http_requests_total{method="$method",route="$route",status="$status"})} // 0 }

my $store = $p->post('/api/stores', {name => 'Shop'}, as => $token)->{json};
push @{$p->{secrets}}, $store->{admin_password};

subtest 'requests by route and status' => sub {
	my %before = figures();
	for my $pid ($p->pool_pids) {
		$p->only($pid, sub {
			$p->get("/api/stores/$store->{id}", as => $token) for 1 .. 4;
			$p->get("/api/stores/$ApiTest::NO_ID", as => $token);
			$p->get('/api/users');
			$p->get('/api/nothing');
		});
	}
	my %after = figures();
	my $more = sub { requests(\%after, @_) - requests(\%before, @_) };
	is($more->('GET', '/api/stores/:id', 200), 12, 'of all processes together, by route and not by address');
	is($more->('GET', '/api/stores/:id', 404), 3, 'by status');
	is($more->('GET', '/api/users', 401), 3, 'refusals, too');
	is($more->('', '', 404), 3, 'and what has no route');
	is(scalar(grep { /$store->{id}/ } keys %after), 0, 'no id is a label');
	$p->stop('api');
	$p->start_pool;
	$p->wait_for('the pool', sub { $p->get('/api/health')->{status} == 200 });
	my %later = figures();
	cmp_ok(requests(\%later, 'GET', '/api/stores/:id', 200), '>=', requests(\%after, 'GET', '/api/stores/:id', 200), 'a restart loses none');
};

subtest 'how long they took' => sub {
	my %f = figures();
	my $name = 'store_platform_http_request_duration_seconds';
	my $of = 'method="GET",route="/api/stores/:id"';
	my @le = map { $_->[1] } sort { $a->[0] <=> $b->[0] } map { /^\Q${name}_bucket{$of,le="\E([\d.]+)"\}$/ ? [$1, $f{$_}] : () } keys %f;
	is(scalar @le, 10, 'ten buckets');
	is("@le", join(' ', sort { $a <=> $b } @le), 'each has what the one before has');
	my $count = $f{"${name}_count{$of}"};
	is($f{qq(${name}_bucket{$of,le="+Inf"})}, $count, 'the last has all');
	cmp_ok($count, '>=', 15, 'which are many');
	cmp_ok($f{"${name}_sum{$of}"}, '>', 0, 'and took some time');
	cmp_ok($f{"${name}_sum{$of}"} / $count, '<', 1, 'but not much');
};

subtest 'the queue and what failed' => sub {
	my %f = figures();
	is($f{'store_platform_jobs{kind="provision",state="queued"}'}, 1, 'one waits');
	$p->play('UPDATE jobs SET run_at = run_at - 90000');
	%f = figures();
	cmp_ok($f{'store_platform_queue_age_seconds{kind="provision"}'}, '>=', 90, 'for a minute and a half');
	cmp_ok($f{'store_platform_queue_age_seconds{kind="provision"}'}, '<', 600, 'and not for ever');
	is($f{'store_platform_queue_age_seconds{kind="delete"}'}, '0.000', 'nothing else waits');
	$p->play("UPDATE jobs SET state = 'failed', finalized_at = 1, error_code = 'helm_failed'");
	$p->play("INSERT INTO jobs (store_id, kind, state, max_attempts, run_at, actor, request_id, error_code, created_at, finalized_at)
		SELECT id, 'delete', 'failed', 5, 1, 'x', 'x', 'admin_password_lost', 1, 1 FROM stores");
	%f = figures();
	is($f{'store_platform_job_failures{class="transient",code="helm_failed"}'}, 1, 'by class and reason');
	is($f{'store_platform_job_failures{class="terminal",code="admin_password_lost"}'}, 1, 'each');
	cmp_ok($f{store_platform_wal_bytes}, '>', 0, 'the log beside the database');
	cmp_ok($f{store_platform_database_bytes}, '>', 0, 'and the database');
	cmp_ok(time - $f{store_platform_checkpoint_timestamp_seconds}, '<', 3600, 'and when it was written last');
	like($text, qr/^store_platform_build_info\{version="[\d.]+",sqlite="3\.[\d.]+"\} 1$/m, 'what it was built of');
};

subtest 'promtool' => sub {
	my ($promtool) = grep { -x } $ENV{STORE_PROMTOOL} || (), map { "$_/promtool" } split /:/, $ENV{PATH};
	plan(skip_all => 'promtool is not here: apt install prometheus') unless $promtool;
	Platform::spew("$p->{dir}/metrics.txt", $text);
	my $said = `'$promtool' check metrics < '$p->{dir}/metrics.txt' 2>&1`;
	is("$? $said", '0 ', 'has nothing to say against it');
};

subtest 'the log' => sub {
	my $r = $p->get("/api/stores/$store->{id}", as => $token);
	my @lines = map { JSON::PP->new->utf8->decode($_) } split /\n/, Platform::slurp("$p->{dir}/api.log");
	my ($line) = grep { ($_->{request_id} // '') eq $r->{headers}{'x-request-id'} } @lines;
	is($line->{store}, $store->{id}, 'a line has the store');
	like($line->{message}, qr{^GET /api/stores/\S+ 200 \d+ ms$}, 'and what was asked');
	is(join(' ', grep { !exists $line->{$_} } qw(level program message request_id store)), '', 'and all it should');
	is(scalar(grep { $_->{store} && $_->{message} =~ m{/api/(?:users|health)} } @lines), 0, 'which others have not');
};

subtest 'what is broken, and what to do' => sub {
	$p->wait_for('the first look', sub { !grep { $_->{sentence} =~ /not been looked at/ } @{$p->get('/api/ready')->{json}{checks}} });
	my $ready = $p->get('/api/ready')->{json};
	my %check = map { $_->{name} => $_ } @{$ready->{checks}};
	is("$ready->{auth} " . scalar @{$ready->{warnings}}, 'on 0', 'with AUTH on there is nothing to warn of');
	is($check{database}{remedy}, undef, 'what works needs no remedy');
	like($check{cluster}{remedy}, qr/KUBECONFIG/, 'what does not has one');
	like($check{helm}{remedy}, qr/helm 3\.21/, 'of its own');
	my %away = (REQUEST_METHOD => 'GET', DOCUMENT_URI => '/api/ready', REMOTE_ADDR => '192.0.2.1', HTTP_HOST => 'p.example');
	my $stranger = FastCgi::ask($p->socket_path, \%away)->{json};
	is(join(' ', map { $_->{name} . ($_->{ok} ? 1 : 0) } @{$stranger->{checks}}), join(' ', map { $_->{name} . ($_->{ok} ? 1 : 0) } @{$ready->{checks}}), 'a stranger hears which part it is');
	unlike(join(' ', map { $_->{sentence} } @{$stranger->{checks}}), qr/kubeconfig|nonexistent|$p->{dir}/, 'but no path');
	my $known = FastCgi::ask($p->socket_path, {%away, HTTP_AUTHORIZATION => "Bearer $token"})->{json};
	like(join(' ', map { $_->{sentence} } @{$known->{checks}}), qr/nonexistent/, 'who is known hears it all');
	$p->stop('provisioner');
	$p->play('UPDATE health SET checked_at = checked_at - 200000');
	%check = map { $_->{name} => $_ } @{$p->get('/api/ready')->{json}{checks}};
	ok(!$check{provisioner}{ok}, 'a provisioner that is gone is seen');
	like($check{provisioner}{remedy}, qr/^Start store-provisioner/, 'and to be started');
};
$p->{more} = 1;
$p->finish;

subtest 'AUTH=off is told of loudly' => sub {
	my $off = ApiTest->new;
	$off->{more} = 1;
	$off->start;
	like($off->get('/api/ready')->{json}{warnings}[0], qr/^AUTH is off: everybody on this machine/, 'by readiness');
	$off->wait_for('the log', sub { Platform::slurp("$off->{dir}/api.log") =~ /"level":"warn".*"AUTH is off: everybody on this machine/ });
	pass('by the log');
	is($off->get('/api/me')->{json}{by}, 'local', 'and by who one is');
	$off->finish;
};
done_testing();
