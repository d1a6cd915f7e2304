#!/usr/bin/perl
# kill -9 at every named point of the programs: the store ends ready (or gone),
# never twice, and attempts are bounded. The points are read from the sources,
# so that a new one is tested without anybody thinking of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my @provision = qw(namespace secrets release database wordpress woocommerce storefront);
my @delete = qw(release namespace volumes);
my %api = map { $_ => 1 } qw(create-uncommitted create-unanswered);

# Labels in the sources, without those made of a step's name.
sub labels {
	my %found;
	for my $file (glob "$Platform::TOP/src/provisioner/*.c") {
		$found{$_} = 1 for Platform::slurp($file) =~ /crash_point\("([a-z-]+)"\)/g;
	}
	return sort keys %found;
}

sub start_at {
	my ($p, $label) = @_;
	my $mark = "$p->{dir}/crash-$label";
	Platform::spew($mark, '');
	$p->start_provisioner(STORE_CRASH_AT => "$label=$mark");
	return $mark;
}

# Waits until the point was reached; a dead supervisor is replaced, as systemd would.
sub await_crash {
	my ($p, $label, $mark) = @_;
	$p->wait_for("the crash at $label", sub { !-e $mark });
	my $status = $p->wait_end('provisioner', 1);
	if (defined $status) {
		is($status & 127, 9, "$label: the supervisor was killed");
		$p->start_provisioner;
	}
}

sub check_invariants {
	my ($p, $label, $id, $action) = @_;
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE store_id = '$id' AND action = '$action'"),
		1, "$label: one $action in the audit");
	is($p->sql_one("SELECT count(*) FROM jobs WHERE store_id = '$id' AND state NOT IN
		('done', 'failed', 'cancelled')"), 0, "$label: no job is left over");
	cmp_ok($p->sql_one("SELECT max(attempt) FROM jobs WHERE store_id = '$id'"), '<=', 2,
		"$label: at most one attempt more");
}

sub provision_case {
	my ($p, $label) = @_;
	my $mark = start_at($p, $label);
	my $store = $p->create(name => "crash $label");
	await_crash($p, $label, $mark);
	my $end = $p->wait_status($store->{id}, 'ready|failed');
	is($end->{status}, 'ready', "$label: the store is ready") or diag($end->{error_message});
	my $releases = $p->kube_json('-n', $store->{namespace}, 'get', 'secret', '-l', 'owner=helm,status=deployed');
	is(scalar @{$releases->{items}}, 1, "$label: one deployed release");
	check_invariants($p, $label, $store->{id}, 'provision_success');
	$p->stop('provisioner');
	return $store;
}

sub delete_case {
	my ($p, $label, $store) = @_;
	my $mark = start_at($p, $label);
	$p->delete("/api/stores/$store->{id}");
	await_crash($p, $label, $mark);
	$p->wait_status($store->{id}, 'gone|failed');
	$p->is_gone($store->{slug}, "$label: the store is gone");
	check_invariants($p, $label, $store->{id}, 'delete_success');
	$p->stop('provisioner');
}

my $p = PlatformTest->new(conf => {MAX_STORES => 100, MAX_CONCURRENT_DELETIONS => 30});
$p->start;
$p->stop('provisioner');

my %in_delete = map { $_ => 1 } 'namespace-deleting';
my @plain = labels();
cmp_ok(scalar @plain, '>=', 9, 'the sources have crash points');
my @stores;
for my $label ((grep { !$in_delete{$_} } @plain), map { ("begin-$_", "end-$_") } @provision) {
	push @stores, provision_case($p, $label);
}
for my $label ((grep { $_ !~ /^secrets/ } @plain), map { ("begin-$_", "end-$_") } @delete) {
	my $store = shift @stores or die 'not enough stores';
	delete_case($p, $label, $store);
}
$p->start_provisioner;
$p->delete("/api/stores/$_->{id}") for @stores;
$p->wait_status($_->{id}, 'gone', 180) for @stores;
$p->{fds} = undef;
$p->finish;
