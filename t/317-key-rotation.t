#!/usr/bin/perl
# 6.9: the provisioner's key pair is changed while jobs run and wait, and cut short: every
# store gets the password that was shown. A wrong key is a clear failure.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(decode_base64);
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $p = PlatformTest->new(pool => 2, conf => {MAX_STORES => 30, MAX_CONCURRENT_PROVISIONS => 2, MAX_CONCURRENT_DELETIONS => 6});
my $dir = $p->{conf}{PROVISIONER_DIR};
$p->start;

sub maker { return $p->kube_json('get', 'namespace', $_[0]{namespace})->{metadata}{labels}{'store-platform.io/platform'} }
sub retired { return map { /\.([0-9a-f]{16})$/ ? $1 : () } glob "$dir/seal.key.*" }
sub key_of { return $p->sql_one("SELECT seal_key_id FROM stores WHERE id = '$_[0]{id}'") }

sub rotate {
	my (@options) = @_;
	return $p->storectl('keys', 'rotate', @options, 'seal');
}

# The store is ready, and its Secret has the password that was shown when it was created.
sub is_whole {
	my ($store, $name) = @_;
	my $end = $p->wait_status($store->{id}, 'ready|failed');
	is($end->{status}, 'ready', "$name is ready") or diag $end->{error_message};
	my $secret = $p->kube_json('-n', $store->{namespace}, 'get', 'secret', "$store->{slug}-wp-secret");
	ok(decode_base64($secret->{data}{'admin-password'}) eq $store->{admin_password}, "$name has the password that was shown");
}

subtest '6.9: rotated with jobs running and waiting' => sub {
	my @stores = map { $p->create(name => "rotate $_") } 1 .. 4;
	$p->wait_for('jobs to run', sub { $p->sql_one("SELECT count(*) FROM jobs WHERE state = 'running'") == 2 });
	my $r = rotate();
	is("$r->{status} $r->{err}", '0 ', 'a new pair');
	like($r->{out}, qr/\AThe current seal key is [0-9a-f]{16}\.\n\d stores wait with a password for the one of before, [0-9a-f]{16}; it is removed/, 'which is told');
	my ($old) = retired();
	push @stores, $p->create(name => 'rotate after');
	isnt(key_of($stores[-1]), $old, 'the pool takes the new one at the next request');
	is_whole($_, $_->{slug}) for @stores;
	is(maker($stores[0]), maker($stores[-1]), 'the platform is the same one to the cluster');
	is(maker($stores[0]), $old, 'by the id of its first pair');
	$p->wait_for('the old key to be removed', sub { !retired() });
	is($p->sql_one("SELECT count(*) FROM stores WHERE seal_key_id IS NOT NULL"), 0, 'since nobody needs it');
	is($p->sql_one("SELECT details ->> 'before' FROM audit_log WHERE action = 'key_rotate'"), $old, 'the audit tells');
	is($p->storectl('db', 'check')->{status}, 0, 'all is well');
	$p->delete("/api/stores/$_->{id}") for @stores;
};

subtest '6.9: cut short and done again' => sub {
	my $mark = "$p->{dir}/mark";
	my @cuts = map { {STORE_CRASH_AT => $_} } "rotate-seal=$mark", "rotate-uncommitted=$mark";
	$p->stop('provisioner');
	my @stores;
	for my $cut (@cuts) {
		my ($point) = $cut->{STORE_CRASH_AT} =~ /^([a-z-]+)/;
		push @stores, $p->create(name => "before $point");
		Platform::spew($mark, '');
		{
			local $p->{preload} = $cut;
			is(rotate()->{status}, 'signal 9', "$point: it dies");
		}
		push @stores, $p->create(name => "between $point");
		is(rotate()->{status}, 0, "$point: done again");
		push @stores, $p->create(name => "after $point");
	}
	cmp_ok(scalar retired(), '>=', 2, 'keys of before wait');
	is($p->storectl('db', 'check')->{status}, 0, 'none is lost');
	$p->start_provisioner;
	is_whole($_, $_->{slug}) for @stores;
	$p->wait_for('the old keys to be removed', sub { !retired() });
	$p->delete("/api/stores/$_->{id}") for @stores;
};

subtest '6.9: a wrong key is a clear failure' => sub {
	$p->stop('provisioner');
	my ($lost, $damaged) = map { $p->create(name => $_) } 'wrong key', 'damaged box';
	my $key = Platform::slurp("$dir/seal.key");
	Platform::spew("$dir/seal.key", pack('C*', map { int rand 256 } 1 .. 32), 0600);
	like($p->storectl('db', 'check')->{out}, qr/^FAULT: seal\.pub in \S+ belongs to another key/m, 'db check sees it');
	$p->start_provisioner;
	my $end = $p->wait_status($lost->{id}, 'ready|failed');
	is("$end->{status} $end->{error_code}", 'failed admin_password_lost', 'another key: the store fails');
	like($end->{error_message}, qr/sealed with a key that this provisioner does not have/, 'with the sentence');
	is($p->kubectl('-n', $lost->{namespace}, 'get', 'secret', "$lost->{slug}-wp-secret"), undef, 'no garbage becomes its password');
	$p->wait_status($damaged->{id}, 'failed');
	$p->stop('provisioner');
	Platform::spew("$dir/seal.key", $key, 0600);
	$p->sql_write("UPDATE stores SET sealed_password = zeroblob(368) WHERE id = '$damaged->{id}'");
	$p->start_provisioner;
	$p->post("/api/stores/$_->{id}/retry") for $lost, $damaged;
	is_whole($lost, 'with the right key back, the store');
	is($p->wait_status($damaged->{id}, 'ready|failed')->{error_code}, 'admin_password_lost', 'a damaged box fails');
	Platform::spew("$dir/platform", "rubbish\n");
	my $other = $p->create(name => 'no platform');
	$p->wait_for('its fault to be told', sub { ($p->store($other->{id})->{job}{error_message} // '') =~ /platform does not hold the platform's id/ }, undef,
		sub { $p->storectl('db', 'check')->{out} });
	pass('a platform file that is none is told');
	unlink "$dir/platform" or die;
};

$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} });
$p->{fds} = undef;
$p->finish;
