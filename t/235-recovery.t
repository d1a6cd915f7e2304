#!/usr/bin/perl
# The recovery table end to end: each status of the newest release record meets
# a provision and a delete, with the real helm of both lines. The unit test has
# the table; this one shows that its actions work, and what is left untouched.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use FakeHelm;
use PlatformTest;
use Record;
use Test::More;

PlatformTest::need_cluster();

my $PATIENCE = 400;	# seconds: who waits this long has failed, however busy the machine is

# status => how it is made, what a provision runs, how that ends, what a delete runs
my @table = (
	[none => sub { Record::remove(@_) }, 'upgrade', 'ready', ''],
	[deployed => sub { }, '', 'ready', 'uninstall'],
	[failed => sub { Record::set(@_, 'failed') }, 'upgrade', 'ready', 'uninstall'],
	[superseded => sub { Record::set(@_, 'superseded') }, 'upgrade', 'ready', 'uninstall'],
	['pending-install' => sub { Record::set(@_, 'pending-install') }, 'upgrade', 'ready', 'uninstall'],
	['pending-upgrade' => sub { Record::add(@_, 'pending-upgrade') }, '', 'ready', 'uninstall'],
	['pending-rollback' => sub { Record::add(@_, 'pending-rollback') }, '', 'ready', 'uninstall'],
	['uninstalling' => sub { Record::set(@_, 'uninstalling') }, 'uninstall upgrade', 'ready', 'uninstall'],
	['uninstalled' => sub { Record::set(@_, 'uninstalled') }, 'upgrade', 'ready', ''],
	['unreadable' => sub { Record::spoil(@_) }, '', 'failed', ''],
	['hibernating' => sub { Record::set(@_, 'hibernating') }, '', 'failed', ''],
);

sub secrets {
	my ($p, $slug) = @_;
	return join ' ', map { my $s = $p->kube_json('-n', "store-$slug", 'get', 'secret', "$slug-$_");
		map { "$_=$s->{data}{$_}" } sort keys %{$s->{data}} } 'db-secret', 'wp-secret';
}

# Whether WooCommerce was set up by the revision that is recorded.
sub is_set_up {
	my ($p, $slug) = @_;
	my $revision = (Record::newest($p, $slug))->{metadata}{labels}{version};
	my $job = $p->kube_json('-n', "store-$slug", 'get', 'job', "$slug-wc-init-$revision");
	return grep { $_->{type} eq 'Complete' && $_->{status} eq 'True' } @{$job->{status}{conditions} || []};
}

sub not_version { return join ' ', grep { $_ ne 'template' } @_ }

for my $line ('helm3', 'helm4') {
	my $p = PlatformTest->new(conf => {MAX_STORES => 50, MAX_CONCURRENT_PROVISIONS => 4,
		MAX_CONCURRENT_DELETIONS => 4, PROVISION_ATTEMPTS => 2});
	my $helm = FakeHelm->new($p, $line);
	my (%store, %before);
	$p->{more} = 1;
	$p->start;
	for my $row (@table) {
		$store{$row->[0]} = $p->create(name => "$row->[0] $line");
	}
	for my $row (@table) {
		my $s = $store{$row->[0]};
		is($p->wait_status($s->{id}, 'ready|failed', $PATIENCE)->{status}, 'ready', "$s->{slug} is there");
		$before{$s->{slug}} = secrets($p, $s->{slug});
	}

	# What a provision makes of it. The row is put where a failed attempt leaves it.
	$helm->forget;
	$_->[1]->($p, $store{$_->[0]}{slug}) for @table;
	$p->sql_write("UPDATE stores SET status = 'failed', error_code = 'x', error_message = 'x'");
	$p->post("/api/stores/$store{$_->[0]}{id}/retry", undef) for @table;
	for my $row (@table) {
		my ($word, undef, $runs, $end) = @$row;
		my $slug = $store{$word}{slug};
		my $s = $p->wait_status($store{$word}{id}, 'ready|failed', $PATIENCE);
		my $name = "2.1: $line, $word met by a provision";
		is($s->{status}, $end, "$name: $end") or diag($s->{error_message});
		is(not_version($helm->runs("wc-$slug")), $runs, "$name: helm ran '$runs'");
		is(secrets($p, $slug), $before{$slug}, "2.4: $line, $word: the passwords are the same");
		if ($end eq 'ready') {
			is((Record::newest($p, $slug))->{metadata}{labels}{status}, 'deployed', "$name: it is deployed");
			is($s->{job}{attempt}, 1, "$name: at the first attempt");
			ok(is_set_up($p, $slug), "2.5: $line, $word: the set-up Job of that revision is complete");
			next;
		}
		is($s->{error_code}, 'release_unreadable', "$name: with its code");
		like($s->{error_message}, qr/cannot be read.*Delete that Secret/, "$name: and what to do");
		Record::remove($p, $slug);
		$p->post("/api/stores/$s->{id}/retry", undef);
		is($p->wait_status($s->{id}, 'ready|failed', $PATIENCE)->{status}, 'ready', "$name: which helps");
	}

	# What a delete makes of it.
	$helm->forget;
	$_->[1]->($p, $store{$_->[0]}{slug}) for @table;
	$p->delete("/api/stores/$store{$_->[0]}{id}") for @table;
	for my $row (@table) {
		my ($word, $runs) = @$row[0, 4];
		my $slug = $store{$word}{slug};
		my $name = "2.1: $line, $word met by a delete";
		$p->wait_status($store{$word}{id}, 'gone', $PATIENCE);
		$p->is_gone($slug, "$name: it is gone");
		is(not_version($helm->runs("wc-$slug")), $runs, "$name: helm ran '$runs'");
	}
	$p->finish;
}
done_testing();
