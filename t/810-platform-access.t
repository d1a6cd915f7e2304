#!/usr/bin/perl
# What the platform in a cluster may do: the ClusterRole of its chart, word by word and
# by questions; what the ValidatingAdmissionPolicy takes back; and whole lives of stores
# under that account, by both lines of helm, in which nothing is refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Account;
use ChartTest;
use PlatformChart;
use PlatformTest;
use Test::More;

ChartTest::need();

my $release = "sp-access-$$";
my $namespace = PlatformChart::install('helm4', $release);
my $account = "system:serviceaccount:$namespace:$release";
my %platform = map { $_ => PlatformTest->new(conf => {HELM => Platform::helm($_)}) } @ChartTest::LINES;
my $admin = $platform{helm4};
my $token = $admin->kubectl('-n', $namespace, 'create', 'token', $release) // die 'no token';
chomp $token;
my $kubeconfig = Account::kubeconfig($admin, "$admin->{dir}/account", $token);

# kubectl with the account's own token.
sub by_account {
	my ($stdin, @args) = @_;
	return ChartTest::run($stdin, Platform::kubectl_path(), '--kubeconfig', $kubeconfig, @args);
}

sub object {
	my ($kind, $name, $ns, %more) = @_;
	return ChartTest::encode({apiVersion => 'v1', kind => $kind,
		metadata => {name => $name, $ns ? (namespace => $ns) : (), %{$more{metadata} || {}}}});
}

# Of no platform that runs beside this test: each tells of namespaces without a maker.
my %ours = ('app.kubernetes.io/part-of' => 'store-platform', 'store-platform.io/platform' => "access-$$");
my %restricted = ('pod-security.kubernetes.io/enforce' => 'restricted');
my %ns = map { $_ => "store-access-$_-$$" } qw(ours plain invited new lax);

sub namespace_made {
	my ($name, %metadata) = @_;
	ChartTest::went_well(ChartTest::kubectl(object('Namespace', $name, undef, metadata => \%metadata), 'create', '-f', '-'), "made: $name");
}
END { ChartTest::kubectl('', 'delete', 'namespace', '--ignore-not-found', '--wait=false', values %ns, "shop-$$") if %ns }

my $writes_only = qr/writes only in namespaces called store-\*/;
my $no_store = qr/the namespace is no store's/;

sub refused {
	my ($name, $why, $stdin, @args) = @_;
	my $r = by_account($stdin, @args);
	isnt($r->{code}, 0, "refused: $name");
	like($r->{err}, $why, 'by the policy, which says why');
}

sub taken { my ($name, $stdin, @args) = @_; ChartTest::went_well(by_account($stdin, @args), "taken: $name") }

sub may {
	my ($verb, $what, @where) = @_;
	return ($admin->kubectl('auth', 'can-i', '--as', $account, $verb, $what, @where) // 'no') =~ /^yes/ ? 1 : 0;
}

# A policy holds some moments after it was made: until then even the first of these is taken.
$admin->wait_for('the policy to hold', sub {
	my $r = by_account(object('ConfigMap', 'trial', 'kube-system'), 'create', '--dry-run=server', '-f', '-');
	$r->{code} && $r->{err} =~ $writes_only;
}, 60);

subtest 'what the policy takes back' => sub {
	namespace_made($ns{ours}, labels => {%ours, %restricted});
	namespace_made($ns{plain});
	namespace_made($ns{invited}, annotations => {'store-platform.io/adopt' => 'allowed'});
	namespace_made("shop-$$", labels => {%ours, %restricted});
	my $patch = sub { my ($name, $part) = @_; return ('patch', 'namespace', $name, '--type=merge', '-p', ChartTest::encode({metadata => $part})) };
	my $undef = undef;

	refused("a ConfigMap in $_", $writes_only, object('ConfigMap', 'x', $_), 'create', '-f', '-') for 'kube-system', 'default', $namespace, "shop-$$";
	refused('to take one away', $writes_only, '', '-n', $namespace, 'delete', 'serviceaccount', $release);
	refused('to change one', $writes_only, '', '-n', 'kube-system', 'patch', 'configmap', 'kube-root-ca.crt', '-p', '{"data":{"a":"b"}}');
	refused('a ConfigMap in a namespace without the label', $no_store, object('ConfigMap', 'x', $ns{plain}), 'create', '-f', '-');
	refused('a namespace of another name', $writes_only, object('Namespace', "shopx-$$", undef, metadata => {labels => {%ours, %restricted}}), 'create', '-f', '-');
	refused('one without the label', qr/has, and keeps, the label/, object('Namespace', $ns{new}, undef, metadata => {labels => {%restricted}}), 'create', '-f', '-');
	refused('one without Pod Security', qr/has, and keeps, Pod Security/, object('Namespace', $ns{lax}, undef, metadata => {labels => {%ours}}), 'create', '-f', '-');
	refused('to delete one that is not ours', $no_store, '', 'delete', 'namespace', $ns{plain}, '--wait=false');
	refused('to delete one of another name', $writes_only, '', 'delete', 'namespace', "shop-$$", '--wait=false');
	refused('to take the label off', qr/has, and keeps, the label/, '', $patch->($ns{ours}, {labels => {'app.kubernetes.io/part-of' => $undef}}));
	refused('to lower Pod Security', qr/has, and keeps, Pod Security/, '', $patch->($ns{ours}, {labels => {'pod-security.kubernetes.io/enforce' => 'privileged'}}));
	refused('to label one by itself', $no_store, '', $patch->($ns{plain}, {labels => {%ours}}));
	refused('to invite itself', $no_store, '', $patch->($ns{plain}, {annotations => {'store-platform.io/adopt' => 'allowed'}, labels => {%ours}}));

	my $role = "$release-store";
	refused("a binding of its role in $_", $writes_only, Account::binding($_, $role, $account), 'create', '-f', '-') for 'kube-system', 'default', $namespace, "shop-$$";
	refused('one in a namespace without the label', $no_store, Account::binding($ns{plain}, $role, $account), 'create', '-f', '-');
	refused('one of another role', qr/not currently held|binds its role for/, Account::binding($ns{ours}, $_, $account), 'create', '-f', '-') for 'cluster-admin', 'view', $release;
	my $alone = qr/binds its role for a store's Secrets alone, and to itself alone/;
	refused("one for $_", $alone, Account::binding($ns{ours}, $role, $_), 'create', '-f', '-')
		for "$account-plain", "system:serviceaccount:$ns{ours}:default", "system:serviceaccount:$ns{ours}:$release";
	refused('one for nobody', $alone, Account::binding($ns{ours}, $role, $account, subjects => []), 'create', '-f', '-');
	refused('one for two', $alone, Account::binding($ns{ours}, $role, $account, subjects => [map { {kind => 'ServiceAccount', name => $_, namespace => $namespace} } $release, "$release-plain"]), 'create', '-f', '-');
	refused('one for a group', $alone, Account::binding($ns{ours}, $role, $account, subjects => [{kind => 'Group', name => "system:serviceaccounts:$namespace", apiGroup => 'rbac.authorization.k8s.io'}]), 'create', '-f', '-');
	taken('one for itself', Account::binding($ns{ours}, $role, $account), 'create', '-f', '-');
	refused('to bind another with it', $alone, Account::binding($ns{ours}, $role, "$account-plain"), 'apply', '--server-side', '--force-conflicts', '-f', '-');
	taken('one where an administrator lets it in', Account::binding($ns{invited}, $role, $account), 'create', '-f', '-');
	$admin->wait_for('the right to come', sub { may('list', 'secrets', '-n', $_) }) for @ns{qw(ours invited)};
	like(by_account('', '-n', $_, 'get', 'secrets')->{err}, qr/Forbidden/, "Secrets of $_ stay closed") for 'kube-system', $namespace, $ns{plain}, "shop-$$";

	taken('a namespace with both', object('Namespace', $ns{new}, undef, metadata => {labels => {%ours, %restricted}}), 'create', '-f', '-');
	taken('a Secret in one of ours', object('Secret', 'x', $ns{ours}), 'create', '-f', '-');
	taken('to take it away', '', '-n', $ns{ours}, 'delete', 'secret', 'x');
	taken('a Secret where an administrator lets it in', object('Secret', 'x', $ns{invited}), 'create', '-f', '-');
	taken('to label that one', '', $patch->($ns{invited}, {labels => {%ours}}));
	taken('to delete one of ours', '', 'delete', 'namespace', $ns{ours}, '--wait=false');
	ChartTest::went_well(ChartTest::kubectl(object('Secret', "x-$$", 'default'), 'create', '--dry-run=server', '-f', '-'), 'others are not concerned');
};

subtest 'the golden matrix' => sub {
	my $role = "$release-store";
	is_deeply(Account::listed($admin, $account), Account::rights($role), 'the cluster says what the chart says');
	is_deeply(Account::listed($admin, $account, $ns{invited}), Account::rights($role, 1), "and in a store's namespace");
	for my $where ('kube-system', 'default', $namespace, $ns{plain}, $ns{new}) {
		is(may($_, 'secrets', '-n', $where), 0, "not: $_ secrets in $where") for qw(get list create update patch delete);
	}
	is(may(@$_), 0, "not: @$_") for (
		['get', 'nodes'], ['escalate', 'clusterroles'], ['bind', 'clusterroles'], ['create', 'clusterrolebindings'],
		['list', 'secrets', '-A'], ['bind', 'clusterroles/cluster-admin'], ['bind', "clusterroles/$release"], ['patch', "clusterroles/$role"],
		['update', 'rolebindings', '-n', 'store-x'], ['delete', 'rolebindings', '-n', 'store-x'], ['create', 'pods', '-n', 'store-x'], ['create', 'pods', '--subresource=exec', '-n', 'store-x'],
		['create', 'serviceaccounts', '--subresource=token', '-n', $namespace], ['impersonate', 'users'],
		['update', 'validatingadmissionpolicies'], ['delete', 'validatingadmissionpolicybindings'],
		['deletecollection', 'secrets', '-n', 'store-x'], ['*', '*'],
	);
	is(($admin->kubectl('auth', 'can-i', '--as', "$account-plain", $_, 'secrets', '-A') // 'no') =~ /^yes/ ? 1 : 0, 0, "and the other account: no $_")
		for qw(get list create);
};

# A store of each line, from nothing to ready to gone.
sub live {
	my %store;
	for my $line (@ChartTest::LINES) {
		my $p = $platform{$line};
		$p->{more} = 1;
		$p->{conf}{KUBECONFIG} = Account::kubeconfig($admin, "$p->{dir}/account", $token);
		$p->start;
		$store{$line} = $p->create(name => "Access $line $$");
	}
	for my $line (@ChartTest::LINES) {
		my $end = $platform{$line}->wait_status($store{$line}{id}, 'ready|failed');
		is($end->{status}, 'ready', "$line: becomes ready") or diag($end->{error_message});
	}
	$platform{$_}->delete("/api/stores/$store{$_}{id}") for @ChartTest::LINES;
	for my $line (@ChartTest::LINES) {
		$platform{$line}->wait_status($store{$line}{id}, 'gone');
		$platform{$line}->is_gone($store{$line}{slug});
		unlike(Platform::slurp("$platform{$line}{dir}/provisioner.log"), qr/ValidatingAdmissionPolicy|forbidden/i, "$line: nothing was refused on its way");
	}
}

# A shop of before the platform, which an administrator has to let in first.
sub take_over {
	my ($p) = @_;
	my $ns = ChartTest::seed_shop($p, "access-seed-$$");
	my $r = $p->storectl('adopt', $ns);
	isnt($r->{status}, 0, 'a shop of the first chart is not taken over');
	like($r->{err}, $no_store, 'and it is said why');
	ChartTest::went_well(ChartTest::kubectl('', 'annotate', 'namespace', $ns, 'store-platform.io/adopt=allowed'), 'an administrator lets it in');
	$r = $p->storectl('adopt', $ns);
	is("$r->{status} $r->{err}", '0 ', 'then it is');
	my ($store) = grep { $_->{namespace} eq $ns } @{$p->get('/api/stores')->{json}};
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'and becomes ready');
	$p->delete("/api/stores/$store->{id}");
	$p->wait_status($store->{id}, 'gone');
}

ok(eval { live(); take_over($platform{helm4}); 1 }, 'the lives of the stores') or diag($@);
$_->finish for values %platform;
done_testing();
