#!/usr/bin/perl
# Random chaos on the local Kubernetes: stores are created, deleted and retried
# while the pool, the supervisor, workers, helm and the way to the API server are
# killed, stopped for a while and let go on. Then all settles (in under a minute
# on a machine that is not busy), and the invariants hold. STORE_SOAK is its length in minutes, 3
# unless told (./dev test --soak MINUTES); STORE_SEED repeats the order of what a
# run did, as far as the machine lets it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiProxy;
use FakeHelm;
use List::Util qw(sum0);
use PlatformTest;
use Test::More;
use Time::HiRes qw(sleep time);

PlatformTest::need_cluster();

my $pool = 3;
my $patience = 300; # for a hang; how long it took is told
my $seed = $ENV{STORE_SEED} // time ^ $$ << 8;
srand $seed;
diag("STORE_SEED=$seed repeats this run");

my $p = PlatformTest->new(pool => $pool, conf => {MAX_STORES => 10, MAX_CONCURRENT_PROVISIONS => 4,
	MAX_CONCURRENT_DELETIONS => 4, PROVISION_ATTEMPTS => 4});
my $helm = FakeHelm->new($p, 'helm3');
my $proxy = ApiProxy->start("$p->{dir}/proxy");
my (%count, @later, $last_kill);
$p->{conf}{KUBECONFIG} = $proxy->kubeconfig;
$p->start;
$p->wait_for('the platform', sub { $p->get('/api/ready')->{status} == 200 });

sub some { return $_[rand @_] }
# Something to do after a random while, as [when, what].
sub later { my ($most, $code) = @_; push @later, [time + rand $most, $code] }
sub do_due { my @due = grep { $_->[0] <= time } @later; @later = grep { $_->[0] > time } @later; $_->[1]->() for @due }

# Pids of what is at work on the stores now: store-worker, or helm and its wrapper.
sub at_work { my ($what) = @_; return map { /^(\d+): (?:\S*\/)?$what/ ? $1 : () } $p->leftovers }
sub helms { return at_work('(?:sh \S*fakehelm/)?helm ') }

sub kill_one {
	my ($what, @pids) = @_;
	my $pid = some(@pids) // return;
	kill 'KILL', $pid or return;
	$last_kill = time;
	$count{"kills of $what"}++;
}

sub stop_one {
	my ($what, @pids) = @_;
	my $pid = some(@pids) // return;
	kill 'STOP', $pid or return;
	$count{"stops of $what"}++;
	later(3, sub { kill 'CONT', $pid });
}

# Both as systemd would: another one a moment later.
sub revive_provisioner {
	return if $p->{pids}{provisioner} && !defined $p->wait_end('provisioner', 0.001);
	$p->spawn('provisioner', [$p->program('store-provisioner')]);
}

# multiwatch gives a place up after four quick deaths; then it is the pool's turn as a whole.
my $short_since;
sub revive_pool {
	my $n = $p->pool_pids;
	$short_since = $n < $pool ? $short_since || time : undef;
	return if !$short_since || time - $short_since < 2;
	kill 'CONT', $p->pool_pids; # one that stands still would not end
	$p->stop('api');
	$p->start_pool;
	$short_since = undef;
	$count{'pools begun anew'}++;
}

my $names = 0;
sub create {
	my $r = $p->post('/api/stores', {name => "Chaos $$ " . ++$names});
	$count{"create $r->{status}"}++;
	push @{$p->{secrets}}, $r->{json}{admin_password} if $r->{status} == 201;
}

# What a request about one of the stores is answered, by its status.
sub ask {
	my ($what, $method, $path, $statuses) = @_;
	my ($id) = map { $_->[0] } some($p->sql("SELECT id FROM stores WHERE status IN ($statuses)"));
	$count{"$what " . $p->request($method, "/api/stores/$id$path")->{status}}++ if $id;
}

my @deeds = (
	[8, \&create],
	[5, sub { ask('delete', 'DELETE', '', "'ready', 'failed', 'provisioning'") }],
	[3, sub { ask('retry', 'POST', '/retry', "'failed'") }],
	[4, sub { kill_one('the pool', $p->pool_pids) }],
	[3, sub { kill_one('the supervisor', $p->{pids}{provisioner} || ()); later(1, \&revive_provisioner) }],
	[5, sub { kill_one('a worker', at_work('store-worker')) }],
	[5, sub { kill_one('helm', helms()) }],
	[1, sub { $proxy->kill; $last_kill = time; $count{'kills of the API server'}++; later(2, sub { $proxy->run }) if $proxy }],
	[2, sub { stop_one('the pool', $p->pool_pids) }],
	[1, sub { stop_one('the supervisor', $p->{pids}{provisioner} || ()) }],
	[2, sub { stop_one('a worker', at_work('store-worker')) }],
	[2, sub { stop_one('helm', helms()) }],
	[1, sub { stop_one('the API server', $proxy->{pid} || ()) }],
	[1, sub { $helm->mode(some(qw(real fail-after refuse die orphan))); later(3, sub { $helm->mode('real') }) }],
	[1, sub { $proxy->rules({match => some(qw(^GET ^POST secrets namespaces .)), %{some({status => 503},
		{status => 429, headers => {'Retry-After' => 1}}, {action => 'close'}, {action => 'truncate'}, {action => 'after'})},
		times => 1 + int rand 5}); later(3, sub { $proxy->rules }) }],
);
# Each as often as its weight; the API server is killed only while it lives.
my @lots = map { my ($weight, $deed) = @$_; ($deed) x $weight } @deeds;

my $end = time + 60 * ($ENV{STORE_SOAK} || 3);
while (time < $end) {
	my $deed = some(@lots);
	do_due();
	revive_pool();
	next if !$proxy->{pid} && $deed == $deeds[7][1];
	$deed->();
	sleep rand 0.4;
}
while (@later) { do_due(); sleep 0.02 }
$helm->mode('real');
$proxy->rules;
revive_provisioner();
note(join "\n", map { "$_: $count{$_}" } sort keys %count);
my $kills = sum0(map { $count{$_} } grep { /^kills/ } keys %count);
cmp_ok($kills, '>', 10 * ($ENV{STORE_SOAK} || 3), "$kills processes were killed");

my $open = "SELECT s.slug, s.status, j.kind, j.state, j.attempt, j.step, j.error_message FROM jobs j JOIN stores s ON s.id = j.store_id WHERE j.finalized_at IS NULL";
my $settled = eval { $p->wait_for('all to settle', sub { revive_pool(); !$p->sql($open) }, $patience); 1 };
ok($settled, 'all has settled') or diag(map { "@$_\n" } $p->sql($open));
diag(sprintf '%d kills; all had settled %.1f s after the last one', $kills, time - $last_kill);
is(join("\n", Invariants::of_cluster($p)), '', 'rows and cluster agree');
note('status: ' . join ', ', map { "@$_" } $p->sql('SELECT status, count(*) FROM stores GROUP BY status'));

$p->wait_for('the pool', sub { revive_pool(); $p->pool_pids == $pool && $p->get('/api/stores')->{status} == 200 });
$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
ok(eval { $p->wait_for('all to be gone', sub { !@{$p->get('/api/stores')->{json}} }, $patience) }, 'every store can be deleted')
	or diag(map { "@$_\n" } $p->sql($open));
$p->{fds} = undef;
$p->finish;
