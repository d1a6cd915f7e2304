#!/usr/bin/perl
# Who may talk to whom: the chart's NetworkPolicies, worked out for every pair that
# matters. The API server checks their form, and no node plays them here.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChartTest;
use NetworkRules;
use Test::More;

ChartTest::need();

my $namespace = ChartTest::namespace('chart-network', 'demo');
my %pods;	# name => {ns, labels}, or {ip} for a place outside of the cluster
my @policies;

sub allowed {
	my ($from, $to, $proto, $port) = @_;
	return NetworkRules::allowed(\@policies, 'store-demo', $pods{$from}, $pods{$to}, $proto, $port);
}

# Takes the policies, and the labels of the chart's own pods, from a rendering.
sub render {
	my ($values, @args) = @_;
	my @objects = ChartTest::objects($namespace, ChartTest::render('helm4', $values, @args)->{out});
	@policies = grep { $_->{kind} eq 'NetworkPolicy' } @objects;
	%pods = (
		controller => {ns => 'kube-system', labels => {'app.kubernetes.io/name' => 'traefik'}},
		nginx => {ns => 'ingress-nginx', labels => {'app.kubernetes.io/name' => 'ingress-nginx'}},
		impostor => {ns => 'elsewhere', labels => {'app.kubernetes.io/name' => 'traefik'}},
		dns => {ns => 'kube-system', labels => {'k8s-app' => 'kube-dns'}},
		system => {ns => 'kube-system', labels => {app => 'metrics-server'}},
		stranger => {ns => 'store-demo', labels => {app => 'shell'}},
		solver => {ns => 'store-demo', labels => {'acme.cert-manager.io/http01-solver' => 'true'}},
		map { $_ => {ip => $_} } qw(93.184.215.14 2606:2800:21f:cb07::1 10.43.0.1 10.42.0.9
			172.20.0.1 192.168.1.1 100.100.0.1 127.0.0.1 169.254.169.254 fd00::1 fe80::1
			64:ff9b::a9fe:a9fe));
	for my $object (@objects) {
		my $pod = ChartTest::pod_of($object) or next;
		my $labels = $pod->{metadata}{labels};
		my $component = $labels->{'app.kubernetes.io/component'};
		$pods{$component} = {ns => 'store-demo', labels => $labels};
		$pods{"other $component"} = {ns => 'store-other', labels => {%$labels, store => 'other'}};
	}
}

# from | protocol and port | to | which of them are let through: all, none or names
my $table = <<'END';
controller nginx impostor system | TCP 8080 | wordpress                       | controller
stranger solver                  | TCP 8080 | wordpress                       | none
woocommerce-init wp-cron test    | TCP 8080 | wordpress                       | all
other-wordpress other-test       | TCP 8080 | wordpress                       | none
93.184.215.14 10.42.0.9          | TCP 8080 | wordpress                       | none
controller                       | TCP 80   | wordpress                       | none
wordpress woocommerce-init       | TCP 3306 | mariadb                         | all
wp-cron test stranger controller | TCP 3306 | mariadb                         | none
other-wordpress other-mariadb    | TCP 3306 | mariadb                         | none
wordpress                        | TCP 22   | mariadb                         | none
controller impostor stranger     | TCP 8089 | solver                          | controller
controller                       | TCP 8080 | solver                          | none
wordpress woocommerce-init wp-cron test | UDP 53 | dns                         | all
wordpress woocommerce-init wp-cron test | TCP 53 | dns                         | all
wordpress                        | UDP 53   | system                          | none
mariadb stranger solver          | UDP 53   | dns                             | none
wordpress woocommerce-init       | TCP 443  | 93.184.215.14                   | all
wordpress woocommerce-init       | TCP 443  | 2606:2800:21f:cb07::1           | all
wordpress                        | TCP 80   | 93.184.215.14                   | none
wordpress                        | TCP 587  | 93.184.215.14                   | none
mariadb stranger solver          | TCP 443  | 93.184.215.14                   | none
mariadb                          | TCP 8080 | wordpress                       | none
wordpress                        | TCP 443  | 10.43.0.1                       | none
wordpress                        | TCP 443  | 172.20.0.1                      | none
wordpress                        | TCP 443  | 192.168.1.1                     | none
wordpress                        | TCP 443  | 100.100.0.1                     | none
wordpress                        | TCP 443  | 127.0.0.1                       | none
wordpress                        | TCP 443  | 169.254.169.254                 | none
wordpress                        | TCP 443  | fd00::1                         | none
wordpress                        | TCP 443  | fe80::1                         | none
wordpress                        | TCP 443  | 64:ff9b::a9fe:a9fe              | none
wordpress                        | TCP 443  | other-wordpress                 | none
END

sub check {
	my ($row) = @_;
	my ($from, $port, $to, $want) = split /\s*\|\s*/, $row;
	my @from = split ' ', $from;
	my @through = grep { allowed(s/^other-/other /r, $to =~ s/^other-/other /r, split ' ', $port) } @from;
	is("@through", $want eq 'all' ? "@from" : $want eq 'none' ? '' : $want, "$from to $to, $port");
}

render({}, '-f', "$ChartTest::CHART/values-prod.yaml");
check($_) for split /\n/, $table;

render({});
check($_) for 'controller nginx | TCP 8080 | wordpress | nginx', 'nginx controller | TCP 8089 | solver | none';

render({smtp => {enabled => JSON::PP::true, host => 'mail.example.org', port => 2525},
	networkPolicy => {extraEgress => [{to => [{ipBlock => {cidr => '10.9.9.9/32'}}],
		ports => [{protocol => 'TCP', port => 25}]}]}});
$pods{'10.9.9.9'} = {ip => '10.9.9.9'};
check($_) for 'wordpress | TCP 2525 | 93.184.215.14 | all', 'wordpress | TCP 2525 | 10.43.0.1 | none',
	'mariadb | TCP 2525 | 93.184.215.14 | none', 'wordpress mariadb | TCP 25 | 10.9.9.9 | wordpress';

done_testing();
