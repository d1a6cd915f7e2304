# RealNode: for tests on the real node, which ./dev test starts where it can.
package RealNode;
use strict;
use warnings;

use CPAN::Meta::YAML ();
use Fcntl qw(LOCK_EX LOCK_SH);
use HTTP::Tiny;
use JSON::PP ();
use PlatformTest;
use Test::More ();
use Time::HiRes qw(sleep time);

our $images = 'localhost/store-platform-test';
my ($node, $in_use);
my @kubectl;

# Ends the test file well where there is no node, and says why.
sub need {
	my $folder = $ENV{STORE_NODE}
		or Test::More::plan(skip_all => 'no real node runs: ' . ($ENV{STORE_NODE_WHY} // 'STORE_NODE names none'));
	@kubectl = ("$folder/bin/kubectl", "--kubeconfig=$folder/kubeconfig");
	$node = $folder;
	# What looks past the platform looks at this cluster too.
	($ENV{STORE_CLUSTER}, $ENV{STORE_KUBECTL}) = ($folder, "$folder/bin/kubectl");
	open $in_use, '>>', "$folder/in-use" or die "$folder/in-use: $!";
	flock $in_use, LOCK_SH or die "flock: $!";
	return $folder;
}

# Waits until this is the only test on the node, and keeps others from it: for what they would notice.
sub alone {
	flock $in_use, LOCK_EX or die "flock: $!";
	return;
}

# The process id of one of the node's programs.
sub program {
	my ($name) = @_;
	my ($pid) = reverse Platform::slurp("$node/pids") =~ /^(\d+) \Q$name\E$/mg;
	return $pid;
}

# Ends one of the node's programs and starts it again as it was started before.
sub restart {
	my ($name) = @_;
	my $old = program($name);
	my @argv = split /\0/, Platform::slurp("/proc/$old/cmdline");
	my ($path) = grep { /^PATH=/ } split /\0/, Platform::slurp("/proc/$old/environ");
	kill 'TERM', $old;
	wait_until("$name has ended", sub { !-e "/proc/$old/exe" });
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDIN, '<', '/dev/null' or die "null: $!";
		open STDOUT, '>>', "$node/$name.log" or die "$name.log: $!";
		open STDERR, '>&', \*STDOUT or die "dup: $!";
		exec 'setsid', '--fork', 'sh', '-c', 'echo "$$ $1" >>"$2/pids"; echo $$ >"$2/cgroup.procs"; shift 2; exec "$@"',
			'sh', $name, $node, 'nsenter', '--target', program('hold'), '--mount', '--net', '--', 'env', $path, @argv
			or die "setsid: $!";
	}
	waitpid $pid, 0;
	return;
}

# Where its ingress answers on this machine: {http => ADDRESS:PORT, https => ADDRESS:PORT}
sub addresses {
	return {Platform::slurp("$ENV{STORE_NODE}/addresses") =~ m{^(\w+)://(\S+)$}mg};
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

# The platform for shops on the node; their pages are asked for as through a browser.
sub platform {
	my (%conf) = @_;
	my $p = PlatformTest->new(conf => {
		KUBECONFIG => "$node/kubeconfig", HELM => Platform::helm('helm4'), %{shops()}, %conf,
	});
	$p->{conf}{HELM_VALUES_FILE} = "$p->{dir}/values.json";
	values_file($p, {});
	return $p;
}

# Lays one tree over another.
sub merge {
	my ($under, $over) = @_;
	return $over if ref $over ne 'HASH' || ref $under ne 'HASH';
	return {%$under, map { $_ => exists $under->{$_} ? merge($under->{$_}, $over->{$_}) : $over->{$_} } keys %$over};
}

# The values of shops on the node. They ask for little, so that the tests' many shops have room beside each
# other, and no cron rings.
sub shop_values {
	my $values = CPAN::Meta::YAML->read(shops()->{HELM_VALUES_FILE})->[0];
	for my $part ('mariadb', 'wordpress', 'wcInit') {
		$values->{$part}{resources}{requests} = {cpu => '10m', memory => '32Mi'};
	}
	$values->{cron}{enabled} = JSON::PP::false;
	return $values;
}

# The values of the shops that are made next: those of the node with the given ones laid over.
sub values_file {
	my ($p, $over) = @_;
	Platform::spew($p->{conf}{HELM_VALUES_FILE}, JSON::PP::encode_json(merge(shop_values(), $over)));
	return;
}

# Makes the images of an archive known to the node.
sub import_image {
	my ($archive) = @_;
	my $said = qx($node/bin/ctr --address $node/ctd.sock --namespace k8s.io images import --local $archive 2>&1);
	die "$archive: $said" if $?;
	return;
}

# A request to a shop by its name, which a browser resolves to this machine by itself.
sub visit {
	my ($store, $method, $path, %how) = @_;
	my $shops = shops();
	my ($host, $port) = split /:/, $shops->{STOREFRONT_ADDRESS};
	my $browser = HTTP::Tiny->new(timeout => 20, max_redirect => 0, verify_SSL => 1,
		SSL_options => {SSL_ca_file => $shops->{STOREFRONT_CA}});
	if (my $fields = delete $how{form}) {
		$how{content} = $browser->www_form_urlencode($fields);
		$how{headers}{'Content-Type'} = 'application/x-www-form-urlencoded';
	}
	return $browser->request($method, "https://$store->{slug}.$shops->{BASE_DOMAIN}:$port$path", {%how, peer => $host});
}

# Logs in as the shop's administrator; the cookies if that was right.
sub login {
	my ($store, $password) = @_;
	my $r = visit($store, 'POST', '/wp-login.php', headers => {Cookie => 'wordpress_test_cookie=WP%20Cookie%20check'},
		form => {log => 'admin', pwd => $password, testcookie => 1});
	return if $r->{status} != 302;
	my $cookies = $r->{headers}{'set-cookie'};
	return join '; ', map { /^([^;]+)/ } ref $cookies ? @$cookies : $cookies;
}

sub exec_in {
	my ($namespace, $pod, @command) = @_;
	return kubectl('-n', $namespace, 'exec', $pod, '--', @command);
}

# The name of the one pod of a shop's component that is there to stay.
sub pod_of {
	my ($namespace, $component) = @_;
	my $list = kubectl('-n', $namespace, 'get', 'pods', '-l', "app=$component", '-o', 'json') or return;
	my ($pod) = grep { !$_->{metadata}{deletionTimestamp} && $_->{status}{phase} =~ /Pending|Running/ }
		@{JSON::PP::decode_json($list)->{items}};
	return $pod;
}

# The processes of a pod's containers, as this machine numbers them.
sub processes {
	my ($pod) = @_;
	return grep { Platform::slurp("/proc/$_/comm") ne "pause\n" } map { split ' ', Platform::slurp($_) }
		glob "/sys/fs/cgroup/{pids/,}store-node-*/pods/kubepods/{,burstable/,besteffort/}pod$pod->{metadata}{uid}/*/cgroup.procs";
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

# Makes room for the next test, when nobody looks at the stores any more; the platform's
# own deletion has tests of its own.
sub leave {
	kubectl('delete', 'namespace', '--wait=false', map { "store-$_->{slug}" } @_);
	return;
}

sub wait_until {
	my ($what, $condition, $within) = @_;
	for (my $end = time + ($within // 240); time < $end; sleep 0.2) {
		return Test::More::pass($what) if $condition->();
	}
	return Test::More::fail($what);
}

1;
