# The enforcer of network policies of the real node: each form of rule that the chart uses,
# with somebody whom it lets through and somebody whom it does not. It is the tests' own
# enforcer; what is shown here is that the tests of isolation can be believed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use RealNode;
use Test::More;

RealNode::need();

my ($home, $away) = ("policies-$$", "policies-away-$$");
my $serve = 'httpd -p 8080 -h /bin; httpd -p 8081 -h /bin; httpd -p 8090 -h /bin; nc -ll -p 8091 -e cat';
my %pods = (
	server => [$home, {app => 'server'}, $serve, [{name => 'web', containerPort => 8080}]],
	friend => [$home, {app => 'friend', tier => 'front'}, 'sleep 3600'],
	stranger => [$home, {app => 'stranger', tier => 'back'}, 'sleep 3600'],
	visitor => [$away, {app => 'friend'}, 'sleep 3600'],
	tourist => [$away, {app => 'tourist'}, 'sleep 3600'],
);
my %address;

sub reaches {
	my ($from, $to, $port) = @_;
	my $target = $address{$to} // $to;
	return defined RealNode::kubectl('-n', $pods{$from}[0], 'exec', $from, '--',
		'timeout', '5', 'nc', '-w', '1', $target, $port) ? 1 : 0;
}

# Rules come a moment after the policy: each line says who gets through, and who does not.
sub shows {
	my ($what, @lines) = @_;
	return RealNode::wait_until($what, sub {
		for my $line (@lines) {
			my ($from, $arrow, $to, $port) = split ' ', $line;
			return 0 if reaches($from, $to, $port) != ($arrow eq '->');
		}
		return 1;
	}, 60);
}

# A policy about some pods; it takes the place of the one before.
sub policy {
	my ($app, %spec) = @_;
	RealNode::apply({apiVersion => 'networking.k8s.io/v1', kind => 'NetworkPolicy',
		metadata => {namespace => $home, name => 'one'},
		spec => {podSelector => $app ? {matchLabels => {app => $app}} : {}, %spec}});
	return;
}

sub ingress {
	my ($from, @ports) = @_;
	policy('server', policyTypes => ['Ingress'], ingress => [{$from ? (from => $from) : (),
		@ports ? (ports => \@ports) : ()}]);
	return;
}

RealNode::apply(RealNode::namespace($home), RealNode::namespace($away),
	map { RealNode::pod($pods{$_}[0], $_, @{$pods{$_}}[1 .. 3]) } sort keys %pods);
RealNode::wait_until('pods run', sub {
	for my $name (keys %pods) {
		$address{$name} = RealNode::kubectl('-n', $pods{$name}[0], 'get', 'pod', $name, '-o',
			'jsonpath={.status.containerStatuses[0].ready} {.status.podIP}') // '';
		$address{$name} =~ s/^true (?=\d)// or return 0;
	}
	return 1;
});
RealNode::apply({apiVersion => 'v1', kind => 'Service', metadata => {namespace => $home, name => 'server'},
	spec => {selector => {app => 'server'}, ports => [{port => 80, targetPort => 'web'}]}});
$address{service} = RealNode::kubectl('-n', $home, 'get', 'service', 'server', '-o', 'jsonpath={.spec.clusterIP}');

shows('without policies everybody gets through', 'friend -> server 8080', 'tourist -> server 8090',
	'stranger -> service 80', 'friend -> 10.96.0.1 443', 'friend -> 10.250.0.10 10250');

policy('', policyTypes => ['Ingress', 'Egress']);
shows('a closed namespace', 'friend -x server 8080', 'tourist -x server 8080', 'friend -x service 80',
	'friend -x 10.96.0.10 53', 'friend -x 10.96.0.1 443', 'friend -x 10.250.0.10 10250',
	'tourist -> 10.96.0.10 53');

ingress([{podSelector => {matchLabels => {app => 'friend'}}}]);
shows('pods by label, of the same namespace only', 'friend -> server 8080', 'friend -> service 80',
	'stranger -x server 8080', 'stranger -x service 80', 'visitor -x server 8080');

ingress([{podSelector => {matchExpressions => [{key => 'tier', operator => 'In', values => ['front', 'middle']}]}}]);
shows('In', 'friend -> server 8080', 'stranger -x server 8080');

ingress([{podSelector => {matchExpressions => [{key => 'tier', operator => 'NotIn', values => ['front']}]}}]);
shows('NotIn', 'stranger -> server 8080', 'friend -x server 8080');

ingress([{namespaceSelector => {matchLabels => {'kubernetes.io/metadata.name' => $away}},
	podSelector => {matchLabels => {app => 'friend'}}}]);
shows('pods of another namespace', 'visitor -> server 8080', 'tourist -x server 8080', 'friend -x server 8080');

ingress(undef, {protocol => 'TCP', port => 8080});
shows('one port for everybody', 'tourist -> server 8080', 'tourist -x server 8090');

ingress(undef, {protocol => 'TCP', port => 'web'});
shows('a port by its name', 'tourist -> server 8080', 'tourist -x server 8090');

ingress(undef, {protocol => 'TCP', port => 8080, endPort => 8085});
shows('a range of ports', 'tourist -> server 8081', 'tourist -x server 8090');

ingress([{ipBlock => {cidr => '10.244.0.0/16', except => ["$address{stranger}/32"]}}]);
shows('addresses but for some', 'friend -> server 8080', 'stranger -x server 8080');

policy('friend', policyTypes => ['Egress'], egress => [
	{to => [{namespaceSelector => {matchLabels => {'kubernetes.io/metadata.name' => 'kube-system'}},
		podSelector => {matchLabels => {'k8s-app' => 'kube-dns'}}}],
		ports => [{protocol => 'UDP', port => 53}, {protocol => 'TCP', port => 53}]},
	{to => [{ipBlock => {cidr => '0.0.0.0/0', except => ['10.0.0.0/8']}}], ports => [{protocol => 'TCP', port => 443}]},
]);
shows('egress to DNS and the world alone', 'friend -> 10.96.0.10 53', 'friend -x server 8080',
	'friend -x 10.96.0.1 443', 'friend -x 10.250.0.10 10250', 'stranger -> server 8080');
ok(defined RealNode::kubectl('-n', $home, 'exec', 'friend', '--', 'nslookup', 'kubernetes.default.svc.cluster.local'),
	'and DNS answers by UDP');

RealNode::kubectl('-n', $home, 'delete', 'networkpolicy', 'one');
shows('without policies again', 'friend -> server 8080', 'tourist -> server 8090', 'friend -> 10.250.0.10 10250');

# From its first moment on it tries to get through, and says how each try went.
sub eager {
	my ($namespace, $name) = @_;
	return RealNode::pod($namespace, $name, {app => 'eager'}, "while :; do
		nc -w 1 $address{server} 8080 </dev/null 2>/dev/null && echo through || echo stopped; done");
}

sub said {
	my ($namespace, $name) = @_;
	return RealNode::kubectl('-n', $namespace, 'logs', $name) // '';
}

policy('eager', policyTypes => ['Egress']);
RealNode::apply(eager($home, 'closed'), eager($away, 'open'));
RealNode::wait_until('a new pod without policies gets through', sub { said($away, 'open') =~ /through/ });
RealNode::wait_until('one with policies has tried for a while', sub { said($home, 'closed') =~ /(?:stopped\n){10}/ });
unlike(said($home, 'closed'), qr/through/, 'and was not open for a moment');

RealNode::apply(RealNode::pod($home, 'standing', {app => 'standing'},
	"while echo word; do sleep 0.1; done | nc $address{server} 8091; echo cut; sleep 3600"));
RealNode::wait_until('a connection stands', sub { said($home, 'standing') =~ /(?:word\n){20}/ });
policy('standing', policyTypes => ['Egress']);
RealNode::wait_until('a policy that closes cuts it', sub { said($home, 'standing') =~ /cut/ });

ok(defined RealNode::kubectl('delete', 'namespace', $home, $away, '--timeout=240s'), 'removed');

done_testing();
