# Two shops beside each other, for real: what their containers may do inside, and whom they
# reach. Who is kept out of a shop is shown next to somebody who gets through, so that
# "closed" never means "nobody is there".
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use RealNode;
use Test::More;

my $node = RealNode::need();
my $metadata = '169.254.169.254';	# where clouds hand out credentials
my $world = '203.0.113.7';		# an address that is nobody's, as of the internet
my $server = '10.250.0.10';
my $platform = 9080;			# port of the server, as of the platform's own web server
my ($api) = Platform::slurp("$node/kubeconfig") =~ /:(\d+)$/m;

# Somebody listens at the server's own address, and a world beyond it has the other two.
my $net = '--net=/proc/' . RealNode::program('hold') . '/ns/net';
my $empty = tempdir('store-empty-XXXXXX', TMPDIR => 1, CLEANUP => 1);
sub begin {
	my $pid = fork // die "fork: $!";
	return $pid if $pid;
	exec @_ or die "$_[0]: $!";
}
my $world_begin = <<~"END";
	until ip link show world1 >/dev/null 2>&1; do sleep 0.05; done
	ip addr add $metadata/32 dev world1 && ip addr add $world/32 dev world1 && ip link set world1 up
	ip route add default via 192.0.2.1 dev world1 onlink
	busybox httpd -f -p 80 -h $empty &
	exec busybox httpd -f -p 443 -h $empty
	END
my $node_begin = <<~'END';
	ip link add world0 type veth peer name world1 netns $0 && ip addr add 192.0.2.1/32 dev world0
	ip link set world0 up && ip route add $1/32 dev world0 && ip route add $2/32 dev world0
	END
my $owner = $$;
my @begun = (begin('unshare', '--net', 'setsid', 'sh', '-c', $world_begin),
	begin('nsenter', $net, 'busybox', 'httpd', '-f', '-p', "$server:$platform", '-h', $empty));
END {
	if ($owner && $$ == $owner) {
		my $code = $?;
		kill 'TERM', -$begun[0], @begun;
		waitpid $_, 0 for @begun;
		$? = $code;
	}
}
RealNode::wait_until('there is a world', sub {
	readlink("/proc/$begun[0]/ns/net") ne readlink('/proc/self/ns/net');
});
is(system('nsenter', $net, 'sh', '-ec', $node_begin, $begun[0], $metadata, $world), 0, 'beyond the server');

my $p = RealNode::platform();
$p->start;
my %store = map { $_ => $p->create(name => "$_ $$") } 'One', 'Two';
my $home = "store-$store{One}{slug}";

# What a container is allowed, told by itself.
my $look = q(id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\t'
	for file in /x /etc/x /usr/x /opt/x; do touch $file 2>/dev/null && echo "wrote $file"; done
	ls -d /var/run/secrets/kubernetes.io 2>/dev/null; touch /tmp/x && echo may use /tmp);
my %seen;
sub inspect {
	my ($component, $container) = @_;
	my $pod = RealNode::pod_of($home, $component) or return;
	$seen{$container} = RealNode::kubectl('-n', $home, 'exec', $pod->{metadata}{name}, '-c', $container, '--',
		'sh', '-c', $look);
	return defined $seen{$container};
}
sub inside {
	my ($container, $uid) = @_;
	return is($seen{$container}, "$uid\nCapEff:0000000000000000\nNoNewPrivs:1\nSeccomp:2\nmay use /tmp\n",
		"$container: no rights, no writing but where it must, no token");
}
RealNode::wait_until('the set-up waits for WordPress', sub { inspect('woocommerce-init', 'wc-init') });
for my $name (sort keys %store) {
	my $end = $p->wait_status($store{$name}{id}, 'ready|failed', 400);
	is($end->{status}, 'ready', "$name is ready") or BAIL_OUT($end->{error_message});
}
inspect($_, $_) for 'mariadb', 'wordpress';
inside('wc-init', 33);
inside('wordpress', 33);
inside('mariadb', 1001);

# Pods that have no policies, and one that the shops take for the ingress.
my %pods = (
	outside => ["outside-$$", {app => 'outside'}],
	ingress => ['kube-system', {'app.kubernetes.io/name' => 'traefik', test => 'ingress'}],
);
RealNode::apply(RealNode::namespace("outside-$$"),
	map { RealNode::pod($pods{$_}[0], "$_-$$", $pods{$_}[1], 'sleep 3600') } keys %pods);
my %address = (metadata => $metadata, world => $world, server => $server, api => '10.96.0.1', dns => '10.96.0.10',
	itself => '127.0.0.1');
my %place;
for my $name (keys %store) {
	for my $part ('mariadb', 'wordpress') {
		my $pod = RealNode::pod_of("store-$store{$name}{slug}", $part);
		$address{"$name-$part"} = $pod->{status}{podIP};
		$address{"$name-$part-service"} = RealNode::kubectl('-n', "store-$store{$name}{slug}", 'get', 'service',
			"$store{$name}{slug}-$part", '-o', 'jsonpath={.spec.clusterIP}');
		$place{"$name-$part"} = [$pod->{metadata}{namespace}, $pod->{metadata}{name}, q(bash -c '</dev/tcp/$0/$1' $1 $2)];
	}
}
$place{$_} = [$pods{$_}[0], "$_-$$", 'nc -w 2 $1 $2 </dev/null'] for keys %pods;

# Which of "NAME PORT" a pod reaches.
sub reached {
	my ($from, @targets) = @_;
	my ($namespace, $pod, $try) = @{$place{$from}};
	my %named = map { my ($to, $port) = split; ("$address{$to} $port" => $_) } @targets;
	my $said = RealNode::exec_in($namespace, $pod, 'sh', '-c',
		"for target; do set -- \$target; timeout 3 $try 2>/dev/null && echo \$1 \$2; done; :", 'sh', sort keys %named);
	return if !defined $said;	# it does not run yet
	return join ', ', sort map { $named{$_} } split /\n/, $said;
}

sub reaches_all {
	my ($from, @targets) = @_;
	my $got;
	RealNode::wait_until("$from reaches " . join(', ', @targets), sub {
		$got = reached($from, @targets) // '';
		return $got eq join ', ', sort @targets;
	}) or diag("but only $got");
	return;
}

# Those who are let through first: they show that somebody is there.
my @closed = ("server $api", 'server 10250', "server $platform", 'server 80', 'api 443', 'metadata 80', 'metadata 443');
reaches_all('outside', @closed, 'world 80', 'world 443', 'dns 53');
reaches_all("$_-wordpress", "$_-mariadb 3306", "$_-mariadb-service 3306", 'dns 53', 'world 443') for 'One', 'Two';
reaches_all('One-mariadb', 'itself 3306');	# so it can be asked
reaches_all('ingress', map { ("$_-wordpress 8080", "$_-wordpress-service 80") } 'One', 'Two');
ok(defined RealNode::exec_in(@{$place{'One-wordpress'}}[0, 1], 'getent', 'hosts', "$store{One}{slug}-mariadb"),
	'WordPress is told names');

my @two = ('Two-mariadb 3306', 'Two-mariadb-service 3306', 'Two-wordpress 8080', 'Two-wordpress-service 80');
is(reached('One-wordpress', @two, @closed, 'world 80'), '', "One's WordPress reaches nobody else");
is(reached('One-mariadb', @two, @closed, 'One-wordpress 8080', 'dns 53', 'world 443'), '',
	"One's database reaches nobody at all");
is(reached('outside', @two), '', 'a stranger reaches no shop');
is(reached('ingress', 'One-mariadb 3306', 'One-mariadb-service 3306', 'Two-mariadb 3306'), '',
	'the ingress reaches no database');

RealNode::kubectl('delete', '--wait=false', 'namespace', "outside-$$");
RealNode::kubectl('delete', '--wait=false', '-n', 'kube-system', 'pod', "ingress-$$");
$p->finish;
RealNode::leave(values %store);
