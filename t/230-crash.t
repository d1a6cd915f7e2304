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

# Labels in the sources, without those made of a step's name.
sub labels {
	my %found;
	for my $file (glob "$Platform::TOP/src/provisioner/*.c") {
		$found{$_} = 1 for Platform::slurp($file) =~ /crash_point\("([a-z-]+)"\)/g;
	}
	return sort keys %found;
}

# One platform for each label of a batch, so that they die side by side.
sub batch {
	my (@labels) = @_;
	my @cases;
	for my $label (@labels) {
		my $p = PlatformTest->new(pool => 1, conf => {MAX_CONCURRENT_PROVISIONS => 2});
		$p->{more} = 1;
		$p->start;
		$p->stop('provisioner');
		push @cases, {p => $p, label => $label};
	}
	return @cases;
}

sub start_at {
	my ($case, $label) = @_;
	my $p = $case->{p};
	$case->{mark} = "$p->{dir}/crash-$label";
	Platform::spew($case->{mark}, '');
	$p->start_provisioner(STORE_CRASH_AT => "$label=$case->{mark}");
}

# Waits until the point was reached; a dead supervisor is replaced, as systemd would.
sub await_crash {
	my ($case, $label) = @_;
	my $p = $case->{p};
	$p->wait_for("the crash at $label", sub { !-e $case->{mark} });
	my $status = $p->wait_end('provisioner', 0.5);
	if (defined $status) {
		is($status & 127, 9, "$label: the supervisor was killed");
		$p->start_provisioner;
	}
}

sub check_invariants {
	my ($p, $label, $id, $action) = @_;
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE store_id = '$id' AND action = '$action'"),
		1, "1.4: $label: one $action in the audit");
	is($p->sql_one("SELECT count(*) FROM jobs WHERE store_id = '$id' AND state NOT IN
		('done', 'failed', 'cancelled')"), 0, "$label: no job is left over");
	cmp_ok($p->sql_one("SELECT max(attempt) FROM jobs WHERE store_id = '$id'"), '<=', 2,
		"1.4: $label: at most one attempt more");
}

sub provision {
	my (@cases) = @_;
	for my $c (@cases) {
		start_at($c, $c->{label});
		$c->{store} = $c->{p}->create(name => "crash $c->{label}");
	}
	await_crash($_, $_->{label}) for @cases;
	for my $c (@cases) {
		my ($p, $label, $store) = @$c{qw(p label store)};
		my $end = $p->wait_status($store->{id}, 'ready|failed');
		is($end->{status}, 'ready', "1.4: $label: the store is ready") or diag($end->{error_message});
		my $releases = $p->kube_json('-n', $store->{namespace}, 'get', 'secret',
			'-l', 'owner=helm,status=deployed');
		is(scalar @{$releases->{items}}, 1, "$label: one deployed release");
		check_invariants($p, $label, $store->{id}, 'provision_success');
		$p->stop('provisioner');
	}
}

# Deletes the stores of the cases, each dying at its label (undef: none).
sub remove {
	my (@cases) = @_;
	for my $c (@cases) {
		$c->{undo} ? start_at($c, $c->{undo}) : $c->{p}->start_provisioner;
		$c->{p}->delete("/api/stores/$c->{store}{id}");
	}
	await_crash($_, $_->{undo}) for grep { $_->{undo} } @cases;
	for my $c (@cases) {
		my ($p, $store) = @$c{qw(p store)};
		my $label = 'delete, ' . ($c->{undo} || 'no crash');
		$p->wait_status($store->{id}, 'gone|failed');
		$p->is_gone($store->{slug}, "1.4: $label: the store is gone");
		check_invariants($p, $label, $store->{id}, 'delete_success');
		$p->{fds} = undef; # the supervisor is another one by now
		$p->finish;
	}
}

my @plain = labels();
cmp_ok(scalar @plain, '>=', 9, 'the sources have crash points');
my @todo = ((grep { $_ ne 'namespace-deleting' } @plain), map { ("begin-$_", "end-$_") } @provision);
my @undo = ((grep { $_ !~ /^(?:secrets|namespace-unbound)/ } @plain), map { ("begin-$_", "end-$_") } @delete);
while (@todo) {
	my @cases = batch(splice @todo, 0, 8);
	provision(@cases);
	$_->{undo} = shift @undo for @cases;
	remove(@cases);
}
is("@undo", '', 'every point was tried');
done_testing();
