# The real node itself: containers run in it with what Pod Security "restricted" asks for, it
# changes nothing of the machine, and all of it goes, however it ends.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use RealNode;
use Test::More;
use Time::HiRes qw(time sleep);

my $node = RealNode::need();
my $program = "$FindBin::Bin/cluster/cluster";
my $scratch = tempdir('store-node-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $namespace = "node-$$";

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or return '';
	local $/;
	return <$f> // '';
}

# What a node may not change, and what it may not leave.
sub machine {
	my %seen = map { $_ => slurp("/proc/sys/$_") } qw(vm/overcommit_memory vm/panic_on_oom
		kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys net/ipv4/ip_forward);
	$seen{$_} = join ' ', glob "$_/*" for '/run/containerd', '/var/lib/kubelet', '/var/lib/cni', '/run/netns';
	$seen{links} = join ' ', glob '/sys/class/net/*';
	$seen{mounts} = join "\n", grep { m{\Q$scratch\E} } split /\n/, slurp('/proc/self/mounts');
	return \%seen;
}

sub groups {
	my ($folder) = @_;
	my $name = 'store-node-' . (split ' ', qx(printf %s '$folder' | cksum))[0];
	return grep { -d } glob "/sys/fs/cgroup/{*/,}$name";
}

sub start {
	my ($folder) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDERR, '>', "$scratch/stderr" or die "stderr: $!";
		exec $program, 'up', '--real', $folder or die "$program: $!";
	}
	return $pid;
}

my $before = machine();

# A second one beside the first, ended in the middle of its start by the hardest means.
for my $end ('TERM', 'KILL') {
	my $folder = "$scratch/node";
	my $pid = start($folder);
	RealNode::wait_until("$end: a second node runs a kubelet", sub { -s "$folder/kubelet.log" });
	kill $end, $pid;
	waitpid $pid, 0;
	isnt($?, 0, "$end: up failed");
	if ($end eq 'KILL') {
		ok(scalar groups($folder), 'KILL: its programs go on');
		is(system("$program down '$folder' 2>'$scratch/stderr'"), 0, 'KILL: down');
	}
	is(join(' ', groups($folder)), '', "$end: no control group is left");
	ok(!-e $folder, "$end: no folder is left");
	is_deeply(machine(), $before, "$end: the machine is as before");
}
is(system("$program status '$node' 2>'$scratch/stderr'"), 0, 'the first node never noticed');

RealNode::apply(RealNode::namespace($namespace), RealNode::pod($namespace, 'tools', {},
	'echo said by a container; sleep 3600'));
RealNode::wait_until('a container runs', sub {
	(RealNode::kubectl('-n', $namespace, 'logs', 'tools') // '') =~ /said by a container/;
});

sub inside {
	return RealNode::kubectl('-n', $namespace, 'exec', 'tools', '--', 'sh', '-c', @_);
}

like(inside('id'), qr/uid=1000/, 'as the user that was asked for');
my $status = inside('cat /proc/self/status');
like($status, qr/^CapEff:\s0+$/m, 'without capabilities');
like($status, qr/^NoNewPrivs:\s1$/m, 'with no way to new ones');
like($status, qr/^Seccomp:\s2$/m, 'with a filter of system calls');
is(inside('echo x >/tmp/x'), undef, 'its root cannot be written');
like(inside('nslookup kubernetes.default.svc.cluster.local'), qr/Address: 10\.96\.0\.1/, 'names are answered');
unlike(inside('cat /proc/mounts'), qr{\Q$node\E/(?:ca|admin)}, 'no key of the cluster is in it');

my $root = RealNode::pod($namespace, 'root', {}, 'sleep 3600');
$root->{spec}{securityContext}{runAsUser} = 0;
$root->{spec}{securityContext}{runAsNonRoot} = JSON::PP::false;
ok(!eval { open STDERR, '>', '/dev/null' or die; RealNode::apply($root); 1 }, 'a pod of root is refused');

ok(defined RealNode::kubectl('delete', 'namespace', $namespace, '--timeout=60s'), 'removed');

done_testing();
