# RealNode: for tests on the real node, which ./dev test starts where it can.
package RealNode;
use strict;
use warnings;

use JSON::PP ();
use Platform;
use Test::More ();
use Time::HiRes qw(sleep time);

my $images = 'localhost/store-platform-test';
my @kubectl;

# Ends the test file well where there is no node, and says why.
sub need {
	my $folder = $ENV{STORE_NODE}
		or Test::More::plan(skip_all => 'no real node runs: ' . ($ENV{STORE_NODE_WHY} // 'STORE_NODE names none'));
	@kubectl = ("$folder/bin/kubectl", "--kubeconfig=$folder/kubeconfig");
	return $folder;
}

# Where its ingress answers on this machine: {http => ADDRESS:PORT, https => ADDRESS:PORT}
sub addresses {
	open my $f, '<', "$ENV{STORE_NODE}/addresses" or die "addresses: $!";
	return {map { m{^(\w+)://(\S+)} } <$f>};
}

# Configuration of a platform whose shops are on it, by HTTPS, as the storefront check sees them.
sub shops {
	my $https = addresses()->{https};
	return {
		BASE_DOMAIN => 'shops.localhost', STORE_PORT => (split /:/, $https)[1], STORE_HTTPS => 'on',
		STOREFRONT_CHECK => 'on', STOREFRONT_ADDRESS => $https, STOREFRONT_CA => "$ENV{STORE_NODE}/ca.crt",
		HELM_VALUES_FILE => "$ENV{STORE_NODE}/values.yaml",
	};
}

# kubectl(ARGUMENT...): what it prints, or undef if it fails
sub kubectl {
	my $pid = open my $out, '-|' // die "fork: $!";
	if (!$pid) {
		open STDERR, '>', '/dev/null' or die "null: $!";
		exec @kubectl, @_ or die "kubectl: $!";
	}
	my $text = do { local $/; <$out> } // '';
	return close $out ? $text : undef;
}

sub apply {
	my @items = @_;
	open my $in, '|-', @kubectl, 'apply', '-f', '-', '-o', 'name' or die "kubectl: $!";
	print $in JSON::PP->new->encode({apiVersion => 'v1', kind => 'List', items => \@items});
	close $in or die "kubectl apply failed\n";
	return;
}

# A namespace in which Pod Security is enforced as the platform does it.
sub namespace {
	my ($name, %labels) = @_;
	return {apiVersion => 'v1', kind => 'Namespace', metadata => {name => $name,
		labels => {'pod-security.kubernetes.io/enforce' => 'restricted', %labels}}};
}

# pod(NAMESPACE, NAME, LABELS, COMMAND, PORTS): of the image with a shell
sub pod {
	my ($namespace, $name, $labels, $command, $ports) = @_;
	return {apiVersion => 'v1', kind => 'Pod',
		metadata => {namespace => $namespace, name => $name, labels => $labels},
		spec => {
			terminationGracePeriodSeconds => 0,
			automountServiceAccountToken => JSON::PP::false,
			securityContext => {runAsNonRoot => JSON::PP::true, runAsUser => 1000,
				seccompProfile => {type => 'RuntimeDefault'}},
			containers => [{name => 'tools', image => "$images/tools:1", imagePullPolicy => 'Never',
				command => ['sh', '-c', $command], ports => $ports,
				securityContext => {allowPrivilegeEscalation => JSON::PP::false,
					readOnlyRootFilesystem => JSON::PP::true, capabilities => {drop => ['ALL']}}}],
		}};
}

sub wait_until {
	my ($what, $condition, $within) = @_;
	for (my $end = time + ($within // 60); time < $end; sleep 0.2) {
		return Test::More::pass($what) if $condition->();
	}
	return Test::More::fail($what);
}

1;
