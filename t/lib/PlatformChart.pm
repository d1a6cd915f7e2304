# PlatformChart.pm: what the tests of charts/store-platform share, on top of ChartTest.pm:
# values, rendering, and a release in a restricted namespace that ends with the test.
package PlatformChart;

use strict;
use warnings;

use ChartTest;
use Test::More;

our $CHART = "$Platform::TOP/charts/store-platform";
our %LEAST = (ingress => {host => 'dashboard.example.org'}, stores => {baseDomain => 'stores.example.org'});
my $OPERATOR = 'github.com/prometheus-operator/prometheus-operator@v0.85.0';
my $owner = $$;
my ($definition, @releases);

# `helm template` of release sp in namespace `platform`.
sub render {
	my ($line, $values, @args) = @_;
	return ChartTest::helm($line, ChartTest::encode($values), 'template', 'sp', $CHART, '-n', 'platform', @args, '-f', '-');
}

sub helm {
	my ($line, $release, $namespace, $verb, @args) = @_;
	return ChartTest::helm($line, ChartTest::encode(\%LEAST), $verb, $release, @args, '-n', $namespace);
}

# Installs it and waits until its pods run; the namespace's name.
sub install {
	my ($line, $release) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $namespace = ChartTest::namespace("platform-$release");
	push @releases, [$line, $release, $namespace];
	ChartTest::went_well(helm($line, $release, $namespace, 'install', $CHART, '-f', '-'), "$line installs it");
	ChartTest::went_well(ChartTest::kubectl('', '-n', $namespace, 'wait', 'deployments', '--all', '--for=condition=Available',
		'--timeout=120s'), "$line: its pods run in a restricted namespace");
	return $namespace;
}

# Lets the cluster know ServiceMonitors as the Prometheus operator does, until the test ends.
sub service_monitors {
	my $said = ChartTest::decode(scalar `go mod download -json $OPERATOR`);
	my $file = "$said->{Dir}/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml";
	ChartTest::went_well(ChartTest::kubectl('', 'create', '-f', $file), 'the cluster gets the definition of ServiceMonitors');
	$definition = 'crd/servicemonitors.monitoring.coreos.com';
	ChartTest::went_well(ChartTest::kubectl('', 'wait', $definition, '--for=condition=Established', '--timeout=60s'), 'and has taken it');
	return;
}

END {
	if ($$ == $owner) {
		local $?;
		helm(@$_, 'uninstall', '--ignore-not-found') for @releases;
		ChartTest::kubectl('', 'delete', '--ignore-not-found', $definition) if $definition;
	}
}

1;
