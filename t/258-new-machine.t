#!/usr/bin/perl
# What README says of a new machine: from the copy of the database and the key
# files alone the platform goes on where the backup was made. Accounts, API tokens and
# passwords that wait are there, and the shops in the cluster are its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use MIME::Base64 qw(decode_base64);
use Test::More;

PlatformTest::need_cluster();

my %conf = (KUBECONFIG => Platform::cluster_file('kubeconfig'), RECONCILE_SECONDS => 1);
my $old = AccountTest->new(conf => \%conf);
my $saved = "$old->{dir}/saved";
mkdir $saved or die;
$old->start;
my $admin = $old->first_admin;
my $token = $old->add_token($admin, 'boss', 'admin');
my $shop = $old->post('/api/stores', {name => 'Moves house'}, as => $token)->{json};
$old->wait_for('the shop', sub { $old->get("/api/stores/$shop->{id}", as => $token)->{json}{status} eq 'ready' });
$old->stop('provisioner');
my $waiting = $old->post('/api/stores', {name => 'Waits for its van'}, as => $token)->{json};

subtest 'the backup' => sub {
	is($old->storectl('db', 'backup', "$saved/store-platform.db")->{status}, 0, 'the copy');
	for (['PROVISIONER_DIR', 'seal.key*', 'platform'], ['API_DIR', 'api.key*']) {
		my ($dir, @names) = @$_;
		mkdir "$saved/$dir" or die;
		is(system('cp', '-p', (grep { -e } map { glob "$old->{conf}{$dir}/$_" } @names), "$saved/$dir"), 0, "the key files of $dir");
	}
	$old->stop_all;
};

my $new = AccountTest->new(conf => \%conf);
mkdir $new->{conf}{PROVISIONER_DIR}, 0755 or die;
mkdir $new->{conf}{API_DIR}, 0700 or die;

subtest 'the new machine' => sub {
	my $r = $new->storectl('db', 'restore', "$saved/store-platform.db");
	is("$r->{status} $r->{err}", '0 ', 'the copy is put in its place');
	is(system('cp', '-p', glob("$saved/$_/*"), $new->{conf}{$_}), 0, "and the key files of $_") for qw(PROVISIONER_DIR API_DIR);
	$new->start;
	is($new->storectl('db', 'check')->{status}, 0, 'all is whole');
	like($new->storectl('user', 'list')->{out}, qr/^boss +admin/m, 'the accounts are there');
	is($new->get('/api/stores', as => $token)->{status}, 200, 'an API token of before is good');
	is($new->get('/api/stores', as => $admin)->{status}, 200, 'so is a session');
};

subtest 'its shops' => sub {
	$new->wait_for('the shop that waited', sub { $new->get("/api/stores/$waiting->{id}", as => $token)->{json}{status} eq 'ready' });
	my $secret = $new->kube_json('-n', $waiting->{namespace}, 'get', 'secret', "$waiting->{slug}-wp-secret");
	is(decode_base64($secret->{data}{'admin-password'}), $waiting->{admin_password}, 'has the password that was shown before');
	$new->wait_for('the look at the shop', sub {
		($new->get("/api/stores/$shop->{id}", as => $token)->{json}{health}{state} // '') eq 'ok' });
	pass('the other one is looked at, and healthy');
	my $strays = $new->storectl('namespace', 'list')->{out};
	unlike($strays, qr/^\Q$_->{namespace}\E:/m, "$_->{namespace} is the platform's own") for $shop, $waiting;
	is($new->delete("/api/stores/$_->{id}", as => $token)->{status}, 200, "$_->{slug} is deleted") for $shop, $waiting;
	for my $store ($shop, $waiting) {
		$new->wait_for('it to be gone', sub { $new->get("/api/stores/$store->{id}", as => $token)->{status} == 404 });
		$new->is_gone($store->{slug});
	}
};
$old->{more} = $old->{unsettled} = 1;
$old->finish;
$new->finish;
