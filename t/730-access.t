#!/usr/bin/perl
# The least rights: whole lives of stores, by both lines of helm and with the faults
# on their way, under the account of charts/cluster-access.yaml. The cluster's own
# audit log says that no call was refused, and that each right was used; what the
# account may do is compared with a list, and what it must not do is asked for and tried.
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
	'storage.k8s.io storageclasses list', 'rbac.authorization.k8s.io clusterroles get';
my $ROLE = 'store-platform-store';

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
	defined $p->kubectl('annotate', 'namespace', $ns, 'store-platform.io/adopt=allowed') or die 'annotate';
	my $r = $p->storectl('adopt', $ns);
	is("$r->{status} $r->{err}", '0 ', "$slug: is taken over under the account");
	my ($store) = grep { $_->{slug} eq $slug } @{$p->get('/api/stores')->{json}};
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', "$slug: and becomes ready");
	return $store;
}

# kubectl with the account's own token.
sub by_account {
	my ($p, $stdin, @args) = @_;
	return ChartTest::run($stdin, Platform::kubectl_path(), '--kubeconfig', $p->{conf}{KUBECONFIG}, @args);
}

# Whether the account may: by name and namespace where one is given.
sub may {
	my ($p, $verb, $what, @where) = @_;
	return ($p->kubectl('auth', 'can-i', '--as', $Account::NAME, $verb, $what, @where) // 'no') =~ /^yes/ ? 1 : 0;
}

my ($lives, $trials);
# While its store is there.
sub secrets_of {
	my ($p, $store) = @_;
	my ($ns, $foreign) = ($store->{namespace}, "store-rights-foreign-$$");
	$lives = Account::log_size();
	subtest 'Secrets are read in the namespaces of its stores alone' => sub {
		is_deeply(Account::listed($p, $Account::NAME, $ns), Account::rights($ROLE, 1), 'what it may in one');
		$p->kubectl('create', 'namespace', $foreign);
		for my $where ('kube-system', 'default', 'store-platform', $foreign) {
			is(may($p, $_, 'secrets', '-n', $where), 0, "not: $_ in $where") for qw(get list create update patch delete);
			my $r = by_account($p, '', '-n', $where, 'get', 'secrets');
			like($r->{err}, qr/Forbidden/, "tried: none in $where");
			$r = by_account($p, Account::binding($where, $ROLE, $Account::NAME), 'create', '-f', '-');
			isnt($r->{code}, 0, "nor binds itself in $where");
			like($r->{err}, qr/writes only in namespaces|is no store's/, 'the policy says why');
		}
		$p->kubectl('delete', 'namespace', $foreign, '--wait=false');
		like(by_account($p, '', 'get', 'secrets', '-A')->{err}, qr/Forbidden/, 'nor of all at once');
		for (['cluster-admin', $Account::NAME], ['store-platform', $Account::NAME]) {
			my $r = by_account($p, Account::binding($ns, @$_), 'create', '-f', '-');
			like($r->{err}, qr/attempting to grant RBAC permissions not currently held|binds its role for/, "no other role: $_->[0]");
			isnt($r->{code}, 0, 'refused');
		}
		my $other = "system:serviceaccount:$ns:default";
		for (Account::binding($ns, $ROLE, $other), Account::binding($ns, $ROLE, $Account::NAME, subjects => [
			{kind => 'ServiceAccount', name => 'store-platform', namespace => 'store-platform'},
			{kind => 'Group', name => 'system:authenticated', apiGroup => 'rbac.authorization.k8s.io'}])) {
			my $r = by_account($p, $_, 'apply', '--server-side', '--force-conflicts', '-f', '-');
			like($r->{err}, qr/to itself alone/, 'nobody else is bound');
			isnt($r->{code}, 0, 'refused');
		}
		is_deeply($p->kube_json('-n', $ns, 'get', 'rolebinding', $ROLE)->{subjects},
			[{kind => 'ServiceAccount', name => 'store-platform', namespace => 'store-platform'}], 'all is as it was');
		my $r = by_account($p, '', '-n', $ns, 'delete', 'rolebinding', $ROLE);
		isnt($r->{code}, 0, 'it cannot take its own right away either');
	};
	$trials = Account::log_size();
	subtest 'a store without its binding, as an older program made it, gets it' => sub {
		my $looked = sub { my $at = $p->store($store->{id})->{health}{checked_at};
			$p->wait_for('two looks', sub { $p->store($store->{id})->{health}{checked_at} gt $at }) for 1, 2 };
		$p->kubectl('-n', $ns, 'delete', 'rolebinding', $ROLE);
		$p->wait_for('the binding', sub { may($p, 'list', 'secrets', '-n', $ns) });
		$looked->();
		is($p->store($store->{id})->{health}{state}, 'ok', 'the store is well');
		$p->kubectl('-n', $ns, 'patch', 'rolebinding', $ROLE, '--type=merge', '-p', Account::binding($ns, $ROLE, 'system:serviceaccount:elsewhere:sp'));
		$p->wait_for('the binding', sub { may($p, 'list', 'secrets', '-n', $ns) });
		pass('so does one whose binding was for another account');
		# With another role it is another binding, which nobody can change.
		$p->kubectl('-n', $ns, 'delete', 'rolebinding', $ROLE);
		$p->kubectl('-n', $ns, 'create', 'rolebinding', $ROLE, '--clusterrole=view', '--serviceaccount=elsewhere:sp')
			or $p->wait_for('to be first', sub { $p->kubectl('-n', $ns, 'delete', 'rolebinding', $ROLE);
				defined $p->kubectl('-n', $ns, 'create', 'rolebinding', $ROLE, '--clusterrole=view', '--serviceaccount=elsewhere:sp') });
		$p->wait_for('it to be told', sub { $p->store($store->{id})->{health}{message} =~ /may not read the Secrets in \Q$ns\E/ });
		pass('what cannot be mended is told');
		$p->kubectl('-n', $ns, 'delete', 'rolebinding', $ROLE);
		$p->wait_for('it to be well', sub { $p->store($store->{id})->{health}{state} eq 'ok' });
		pass('and over when it is mended');
	};
	return Account::log_size();
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
	# What a killed helm left behind is found, and gone with the store.
	for my $line (sort keys %platform) {
		my $p = $platform{$line};
		Record::add($p, "rights-$line", 'pending-upgrade');
		$p->wait_for('the record to be told of', sub { ($p->store($plain{$line}{id})->{health}{state} // '') eq 'degraded' });
	}
	my $after = secrets_of($platform{helm4}, $seed);
	# No look at the fleet meets a namespace that has lost its bindings, and is about to go.
	for my $line (sort keys %platform) {
		my $p = $platform{$line};
		$p->stop('provisioner');
		$p->{conf}{RECONCILE_SECONDS} = 86400;
		my $at = $p->store($plain{$line}{id})->{health}{checked_at};
		$p->start_provisioner;
		$p->wait_for('the last look', sub { $p->store($plain{$line}{id})->{health}{checked_at} gt $at });
	}
	$platform{helm4}->delete("/api/stores/$seed->{id}");
	for my $line (sort keys %platform) {
		$platform{$line}->delete("/api/stores/$_->{$line}{id}") for \%plain, $crash, $claim;
	}
	$platform{helm4}->wait_status($seed->{id}, 'gone');
	for my $line (sort keys %platform) {
		my $p = $platform{$line};
		$p->wait_status($_->{$line}{id}, 'gone') for \%plain, $crash, $claim;
		$p->is_gone($_->{$line}{slug}) for \%plain, $crash, $claim;
	}
	return $after;
}

# One that a refused right stops says below which it was.
my $after;
ok(eval { $after = live(); 1 }, 'the lives of all stores') or diag($@);
$_->finish for values %platform;

my $p = $platform{helm3};
my $granted = Account::granted($p);
# The lives of stores; what was tried meanwhile, and refused, is none of them.
my @lives = ([$from, $lives], [$after || 0]);
my @calls = map { Account::calls(@$_) } @lives, [$trials || 0];

subtest 'the rights are those that were used' => sub {
	my %seen = map { %$_ } @calls;
	cmp_ok(scalar keys %seen, '>', 30, 'the audit log has the calls');
	my @refused = map { my $c = $_; grep { $c->{$_}{403} } sort keys %$c } @calls[0, 1];
	is(join("\n", @refused), '', 'no call was refused');
	# Who may bind a role makes no call of that name.
	my @unused = grep { !$seen{$_} && !$doctor{$_} && !/ clusterroles bind$/ } sort keys %$granted;
	is(join("\n", @unused), '', 'no right was unused');
	my @more = grep { !$granted->{$_} && !/^auth(?:orization|entication)\.k8s\.io selfsubject/ } sort keys %seen;
	is(join("\n", @more), '', 'and nothing else was done');
};

subtest 'what the account may not do' => sub {
	my @wanted = (
		(map { [$_, 'nodes'] } qw(get list patch delete)),
		(map { [$_, 'clusterroles.rbac.authorization.k8s.io'] } qw(get create update escalate bind)),
		(map { [$_, 'clusterrolebindings.rbac.authorization.k8s.io'] } qw(get create update)),
		(map { [$_, 'roles.rbac.authorization.k8s.io', '-n', 'store-x'] } qw(create update)),
		(map { [$_, 'rolebindings.rbac.authorization.k8s.io', '-n', 'store-x'] } qw(get update patch delete)),
		(map { [$_, 'clusterroles.rbac.authorization.k8s.io/cluster-admin'] } qw(get bind)),
		(map { [$_, "clusterroles.rbac.authorization.k8s.io/$ROLE"] } qw(update patch delete escalate)),
		(map { [$_, 'secrets', '-n', 'store-x'] } qw(get list create update patch delete)),
		(map { [$_, 'validatingadmissionpolicies.admissionregistration.k8s.io'] } qw(get update patch delete)),
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
	is(may($p, @$_), 0, "not: @$_") for @wanted;
	is(may($p, 'list', 'secrets', '-A'), 0, 'not: Secrets of all namespaces');
	is(may($p, 'list', 'namespaces'), 1, 'that can-i says yes where it is so');
};

subtest 'what it may do, word by word' => sub {
	is_deeply(Account::listed($p, $Account::NAME), Account::rights($ROLE), 'the cluster says what the list says');
};
done_testing();
