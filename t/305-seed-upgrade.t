#!/usr/bin/perl
# A shop made by the platform's first chart (t/fixtures/seed-chart) becomes one of ours in
# place: no object is made again, claims and passwords stay. Then on from helm 3 to helm 4,
# and at the end what `helm uninstall` leaves. Also the longest name, which no pod must fail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChartTest;
use Encode qw(encode_utf8);
use MIME::Base64 qw(decode_base64);
use Test::More;

ChartTest::need();

my $seed = "$Platform::TOP/t/fixtures/seed-chart";
my @kept = ('statefulset/demo-mariadb', 'deployment/demo-wordpress', 'service/demo-mariadb',
	'service/demo-wordpress', 'pvc/demo-mariadb-data', 'pvc/demo-wordpress-data',
	'ingress/demo-ingress', 'resourcequota/demo-quota', 'limitrange/demo-limits',
	'networkpolicy/demo-netpol', 'secret/demo-db-secret', 'secret/demo-wp-secret');
my $wait = '--timeout=60s';

sub kubectl_ok {
	my ($namespace, $name, @args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ChartTest::went_well(ChartTest::kubectl('', '-n', $namespace, @args), $name);
}

sub upgrade {
	my ($line, $namespace, $release, $chart, $values, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $r = ChartTest::helm($line, ChartTest::encode({%ChartTest::LEAST, %$values}),
		'upgrade', '--install', $release, $chart, '-n', $namespace, '--history-max', '5', '-f', '-');
	return ChartTest::went_well($r, $name);
}

# The new pods are there and ready, and the claims are bound.
sub is_ready {
	my ($namespace, $short, $shop, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	kubectl_ok($namespace, "$name: the database is ready", 'rollout', 'status', "statefulset/$short-mariadb", $wait);
	kubectl_ok($namespace, "$name: WordPress is ready", 'rollout', 'status', "deployment/$shop-wordpress", $wait);
	kubectl_ok($namespace, "$name: the claims are bound", 'wait', 'pvc', '--all',
		'--for=jsonpath={.status.phase}=Bound', $wait);
}

# What must not change: who each object is, the volume of a claim, what a Secret holds.
sub identities {
	my ($namespace, @which) = @_;
	my %found;
	for my $o (ChartTest::live($namespace, @which ? @which : @kept)) {
		$found{"$o->{kind}/$o->{metadata}{name}"} = join ' ', $o->{metadata}{uid},
			$o->{spec}{volumeName} || '', $o->{spec}{clusterIP} || '',
			map { "$_=$o->{data}{$_}" } sort keys %{$o->{kind} eq 'Secret' ? $o->{data} : {}};
	}
	return \%found;
}

sub images {
	my ($namespace, $app) = @_;
	my @pods = grep { !$_->{metadata}{deletionTimestamp} }
		ChartTest::live($namespace, 'pods', '-l', "app=$app");
	return join ' ', map { $_->{spec}{containers}[0]{image} } @pods;
}

# As the README says: keep the Secrets, delete the old hook. The namespace becomes
# restricted first, as the platform's are.
sub adopt {
	my ($namespace) = @_;
	kubectl_ok($namespace, 'the Secrets are kept', 'annotate', 'secret', 'demo-db-secret', 'demo-wp-secret',
		'helm.sh/resource-policy=keep');
	kubectl_ok($namespace, 'the old hook goes', 'delete', 'job', 'demo-wc-init', $wait);
	kubectl_ok($namespace, 'the namespace is restricted', 'label', 'namespace', $namespace,
		'pod-security.kubernetes.io/enforce=restricted');
}

sub from_seed {
	my ($line, $hook) = @_;
	my $namespace = ChartTest::namespace("seed-$line");
	kubectl_ok($namespace, 'like a namespace of the seed', 'label', 'namespace', $namespace,
		'pod-security.kubernetes.io/enforce-', 'pod-security.kubernetes.io/warn-');
	upgrade($line, $namespace, 'wc-demo', $seed, {}, "$line: the first chart");
	is_ready($namespace, 'demo', 'demo', "$line: the first chart");
	my $before = identities($namespace);
	is(scalar keys %$before, @kept, 'everything is there');
	adopt($namespace);

	my %values = (wcInit => {hook => $hook ? JSON::PP::true : JSON::PP::false});
	upgrade($line, $namespace, 'wc-demo', $ChartTest::CHART, \%values, "$line: our chart");
	is_ready($namespace, 'demo', 'demo', "$line: our chart");
	is_deeply(identities($namespace), $before, "$line: nothing was made again, passwords are as they were");
	like(images($namespace, 'mariadb'), qr/^docker\.io\S+mariadb:11\S+$/, "$line: the database is the new one");
	like(images($namespace, 'wordpress'), qr/^docker\.io\S+wordpress:7\S+$/, "$line: WordPress is the new one");
	kubectl_ok($namespace, "$line: the init Job ran", 'wait', 'job', "demo-wc-init" . ($hook ? '' : '-2'),
		'--for=condition=Complete', $wait);
	return ($namespace, $before);
}

# What remains is what a shop is made of; the release can be installed again over it.
sub uninstall {
	my ($line, $namespace, $before) = @_;
	ChartTest::went_well(ChartTest::helm($line, '', 'uninstall', 'wc-demo', '-n', $namespace), "$line: uninstall");
	kubectl_ok($namespace, 'the workloads end', 'wait', 'statefulset,deployment,service', '--all',
		'--for=delete', $wait);
	my @which = grep { /^(?:secret|pvc)/ } @kept;
	my %data = map { $_ => $before->{$_} } grep { /^(?:Secret|PersistentVolumeClaim)/ } keys %$before;
	is(scalar keys %data, 4, 'claims and Secrets are the data');
	is_deeply(identities($namespace, @which), \%data, "$line: uninstall keeps the data");
	upgrade($line, $namespace, 'wc-demo', $ChartTest::CHART, {wcInit => {hook => JSON::PP::false}},
		"$line: and an install takes it up again");
	is_ready($namespace, 'demo', 'demo', "$line: again");
	is_deeply(identities($namespace, @which), \%data, "$line: with the same data");
}

# A name at Kubernetes' limits: 50 characters, a digit first, "-" where the short form ends.
sub longest_name {
	my ($line) = @_;
	my $shop = '2-shop-with-a-name-as-long-as-can-be-for-my-friend';
	my $short = '2-shop-with-a-name-as-long-as-can-be-for-my';
	my $namespace = ChartTest::namespace("long-$line");
	my $text = "O'Neill & \"Sons\", {\$(id)} \\ \x{1F6D2}";
	upgrade($line, $namespace, "wc-$shop", $ChartTest::CHART, {storeName => $shop, storeTitle => $text,
		wcInit => {hook => JSON::PP::true}, secrets => {create => JSON::PP::true},
		mariadb => {rootPassword => $text, password => $text},
		wordpress => {adminPassword => $text, adminEmail => 'me@example.org'}}, "$line: the longest name");
	is_ready($namespace, $short, $shop, "$line: the longest name");
	my ($settings) = ChartTest::live($namespace, "configmap/$shop-init-settings");
	my ($secret) = ChartTest::live($namespace, "secret/$shop-db-secret");
	is($settings->{data}{STORE_TITLE}, $text, "$line: the title is stored as it is");
	is(decode_base64($secret->{data}{password}), encode_utf8($text), "$line: and the password");
	for my $part ('mariadb', 'wordpress') {
		my ($slice) = ChartTest::live($namespace, 'endpointslice', '-l',
			"kubernetes.io/service-name=s$shop-$part");
		is(scalar @{$slice->{endpoints} || []}, 1, "$line: the Service of $part has its pod");
	}
}

my ($namespace, $before) = from_seed('helm3', 0);
# Its claims got the default class; values may name that, as values-prod.yaml does.
my %class = (storageClass => 'kwok-volume');
upgrade('helm4', $namespace, 'wc-demo', $ChartTest::CHART, {plan => 'medium', mariadb => \%class,
	wordpress => \%class, wcInit => {hook => JSON::PP::false}}, 'a release of helm 3 by helm 4');
is_ready($namespace, 'demo', 'demo', 'helm 3 to 4');
is_deeply(identities($namespace), $before, '2.9: helm 3 to 4: nothing was made again');
uninstall('helm4', $namespace, $before);
from_seed('helm4', 1);
longest_name($_) for @ChartTest::LINES;
done_testing();
