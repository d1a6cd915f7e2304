#!/usr/bin/perl
# The least rights: whole lives of stores, by both lines of helm and with the faults
# on their way, under the account of charts/cluster-access.yaml. The cluster's own
# audit log says that no call was refused, and that each right was used; what the
# account may do is compared with a list, and what it must not do is asked for.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Account;
use ChartTest;
use JSON::PP ();
use PlatformTest;
use Record;
use Test::More;

PlatformTest::need_cluster();

# What only `storectl doctor` asks for; t/745-doctor.t does.
my %doctor = map { $_ => 1 } 'cert-manager.io clusterissuers get', 'networking.k8s.io ingressclasses list',
	'storage.k8s.io storageclasses list';

my $from = Account::log_size();

sub values_file { my ($p, $values) = @_; Platform::spew($p->{conf}{HELM_VALUES_FILE}, JSON::PP::encode_json($values)) }

my %platform = map { $_ => PlatformTest->new(conf => {HELM => Platform::helm($_), RECONCILE_SECONDS => 1,
	PROVISION_ATTEMPTS => 1, PROVISION_TIMEOUT => 15, MAX_STORES => 20}) } qw(helm3 helm4);

# A store of each platform that fails with these values.
sub fail_all {
	my ($name, $values, $says) = @_;
	my %store;
	for my $line (sort keys %platform) {
		values_file($platform{$line}, $values);
		$store{$line} = $platform{$line}->create(name => "$name $line");
	}
	for my $line (sort keys %platform) {
		my $end = $platform{$line}->wait_status($store{$line}{id}, 'failed');
		like($end->{error_message}, $says, "$name $line: fails for the reason that was made");
		values_file($platform{$line}, {});
	}
	return \%store;
}

# Mended, they become ready.
sub mend_all {
	my ($store) = @_;
	$platform{$_}->post("/api/stores/$store->{$_}{id}/retry", undef) for keys %$store;
	is($platform{$_}->wait_status($store->{$_}{id}, 'ready|failed')->{status}, 'ready', "$store->{$_}{slug}: becomes ready")
		for sort keys %$store;
}

Account::make($platform{helm3});
for my $p (values %platform) {
	$p->{more} = 1;
	$p->{conf}{KUBECONFIG} = Account::kubeconfig($p, "$p->{dir}/account");
	$p->{conf}{HELM_VALUES_FILE} = "$p->{dir}/values.json";
	values_file($p, {});
	$p->start;
}
# A shop of the first chart, made by an administrator, and taken over under the account.
sub take_over {
	my ($p, $slug) = @_;
	my $ns = ChartTest::seed_shop($p, $slug);
	my $r = $p->storectl('adopt', $ns);
	is("$r->{status} $r->{err}", '0 ', "$slug: is taken over under the account");
	my ($store) = grep { $_->{slug} eq $slug } @{$p->get('/api/stores')->{json}};
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', "$slug: and becomes ready");
	return $store;
}

sub live {
	my %plain = map { $_ => $platform{$_}->create(name => "Rights $_") } keys %platform;
	is($platform{$_}->wait_status($plain{$_}{id}, 'ready|failed')->{status}, 'ready', "$_: a store becomes ready under the account")
		for sort keys %plain;
	# The log of a container that crashed is read, and its pod goes when the values are mended.
	my $crash = fail_all('Crash', {mariadb => {image => 'example.org/fault-crash/mariadb:1'}},
		qr/crashes again and again.*Its last lines: .*InnoDB/);
	# A claim that nothing serves is made anew.
	my $claim = fail_all('Claim', {mariadb => {storageClass => 'absent'}}, qr/claim-helm\d-mariadb-data is not bound/);
	# What failed had to fail soon; what succeeds may take its time on a busy machine.
	for my $p (values %platform) {
		$p->stop('provisioner');
		$p->{conf}{PROVISION_TIMEOUT} = 300;
		$p->start_provisioner;
	}
	mend_all($_) for $crash, $claim;
	my $seed = take_over($platform{helm4}, 'rights-seed');
	$platform{helm4}->delete("/api/stores/$seed->{id}");
	$platform{helm4}->wait_status($seed->{id}, 'gone');
	# What a killed helm left behind is found, and gone with the store.
	for my $line (sort keys %platform) {
		my $p = $platform{$line};
		Record::add($p, "rights-$line", 'pending-upgrade');
		$p->wait_for('the record to be told of', sub { ($p->store($plain{$line}{id})->{health}{state} // '') eq 'degraded' });
		$p->delete("/api/stores/$_->{$line}{id}") for \%plain, $crash, $claim;
	}
	for my $line (sort keys %platform) {
		my $p = $platform{$line};
		$p->wait_status($_->{$line}{id}, 'gone') for \%plain, $crash, $claim;
		$p->is_gone($_->{$line}{slug}) for \%plain, $crash, $claim;
	}
}

# One that a refused right stops says below which it was.
ok(eval { live(); 1 }, 'the lives of all stores') or diag($@);
$_->finish for values %platform;

my $p = $platform{helm3};
my $calls = Account::calls($from);
my $granted = Account::granted($p);

subtest 'the rights are those that were used' => sub {
	cmp_ok(scalar keys %$calls, '>', 30, 'the audit log has the calls');
	my @refused = grep { $calls->{$_}{403} } sort keys %$calls;
	is(join("\n", @refused), '', 'no call was refused');
	my @unused = grep { !$calls->{$_} && !$doctor{$_} } sort keys %$granted;
	is(join("\n", @unused), '', 'no right was unused');
	my @more = grep { !$granted->{$_} && !/^authorization\.k8s\.io selfsubject/ } sort keys %$calls;
	is(join("\n", @more), '', 'and nothing else was done');
};

# Whether the account may: by name and namespace where one is given.
sub may {
	my ($verb, $what, @where) = @_;
	return ($p->kubectl('auth', 'can-i', '--as', $Account::NAME, $verb, $what, @where) // 'no') =~ /^yes/ ? 1 : 0;
}

subtest 'what the account may not do' => sub {
	my @wanted = (
		(map { [$_, 'nodes'] } qw(get list patch delete)),
		(map { [$_, 'clusterroles.rbac.authorization.k8s.io'] } qw(get create update escalate bind)),
		(map { [$_, 'clusterrolebindings.rbac.authorization.k8s.io'] } qw(get create update)),
		(map { [$_, 'roles.rbac.authorization.k8s.io', '-n', 'store-x'] } qw(create update)),
		(map { [$_, 'rolebindings.rbac.authorization.k8s.io', '-n', 'store-x'] } qw(create update)),
		(map { [$_, 'pods', '-n', 'store-x'] } qw(get create update patch watch)),
		(map { ['create', 'pods', "--subresource=$_", '-n', 'store-x'] } qw(exec attach portforward eviction)),
		['create', 'serviceaccounts', '--subresource=token', '-n', 'store-platform'], ['impersonate', 'users'],
		(map { [$_, 'daemonsets.apps', '-n', 'store-x'] } qw(get create)),
		(map { [$_, 'persistentvolumes'] } qw(create patch delete)),
		(map { [$_, 'storageclasses.storage.k8s.io'] } qw(create patch delete)),
		(map { [$_, 'customresourcedefinitions.apiextensions.k8s.io'] } qw(get create)),
		(map { [$_, 'validatingwebhookconfigurations.admissionregistration.k8s.io'] } qw(get create)),
		['deletecollection', 'secrets', '-n', 'store-x'], ['update', 'namespaces'], ['update', 'namespaces', '--subresource=finalize'],
		['*', '*'],
	);
	is(may(@$_), 0, "not: @$_") for @wanted;
	is(may('list', 'secrets', '-A'), 1, 'that can-i says yes where it is so');
};

subtest 'what it may do, word by word' => sub {
	is_deeply(Account::listed($p, $Account::NAME), Account::rights(), 'the cluster says what the list says');
};
done_testing();
