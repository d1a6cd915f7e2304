# The local Kubernetes itself: what the other tests stand on. Faults are played in
# the shared cluster, aborted starts in folders of their own.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(time sleep);

my $program = abs_path(dirname(__FILE__)) . '/cluster/cluster';
my $shared = $ENV{STORE_CLUSTER} or BAIL_OUT('STORE_CLUSTER names no cluster: run ./dev test');
my @kubectl = ("$shared/bin/kubectl", "--kubeconfig=$shared/kubeconfig");
my $scratch = tempdir('store-XXXXXX', TMPDIR => 1, CLEANUP => 1);

sub cluster {
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDERR, '>>', "$scratch/stderr" or die "stderr: $!";
		exec $program, @_ or die "$program: $!";
	}
	waitpid $pid, 0;
	return $? >> 8;
}

sub spew {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!";
	print $f $text;
	close $f or die "$path: $!";
}

# The processes of a cluster's folder, however its list of them looks.
sub processes {
	my ($folder) = @_;
	my @found;
	for my $proc (glob '/proc/[0-9]*') {
		open my $f, '<', "$proc/cmdline" or next;
		push @found, $proc if (<$f> // '') =~ m{\Q$folder\E/bin/};
	}
	return @found;
}

sub wait_until {
	my ($what, $condition) = @_;
	for (my $end = time + 60; time < $end; sleep 0.05) {
		return pass($what) if $condition->();
	}
	return fail($what);
}

is(cluster(), 2, 'no command');
is(cluster('sideways', "$scratch/x"), 2, 'unknown command');
is(cluster('status', "$scratch/x"), 1, 'no cluster there');
is(cluster('down', "$scratch/x"), 0, 'nothing to end');

mkdir "$scratch/other" or die $!;
spew("$scratch/other/letter", 'dear');
is(cluster('up', "$scratch/other"), 1, "another's folder is not taken");
is(cluster('down', "$scratch/other"), 1, "another's folder is not removed");
ok(-e "$scratch/other/letter", 'and is whole');

mkdir "$scratch/recycled" or die $!;
spew("$scratch/recycled/pids", "$$ etcd\n");
is(cluster('down', "$scratch/recycled"), 0, 'a process id that is somebody else by now');
ok(!-e "$scratch/recycled", 'the folder is gone');
pass('and this test still runs');

is(cluster('status', $shared), 0, 'the shared cluster runs') or BAIL_OUT("no cluster runs in $shared");
is(cluster('up', $shared), 1, 'and is not started again');

for my $end ('TERM', 'KILL') {
	my $folder = "$scratch/aborted";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDERR, '>>', "$scratch/stderr" or die "stderr: $!";
		exec $program, 'up', $folder or die "$program: $!";
	}
	wait_until("$end: the API server is started", sub { processes($folder) >= 2 });
	kill $end, $pid;
	waitpid $pid, 0;
	isnt($?, 0, "$end: up failed");
	is(cluster('down', $folder), 0, "$end: down") if $end eq 'KILL';
	is(join(' ', processes($folder)), '', "$end: no process is left");
	ok(!-e $folder, "$end: no folder is left");
}

# name of the fault => what the pod's status says, in a pod that is restarted and in a Job's
my %faults = (
	'fault-pull' => ['waiting ImagePullBackOff', 'waiting ImagePullBackOff'],
	'fault-config' => ['waiting CreateContainerConfigError', 'waiting CreateContainerConfigError'],
	'fault-crash' => ['waiting CrashLoopBackOff after Error 1', 'terminated Error 1'],
	'fault-oom' => ['waiting CrashLoopBackOff after OOMKilled 137', 'terminated OOMKilled 137'],
	'fault-job' => ['ready', 'terminated Error 1'],
	'fault-hang' => ['running', 'running'],
	'fault-slow:1s' => ['ready', 'terminated Completed 0'],
	'fine' => ['ready', 'terminated Completed 0'],
);
my $namespace = "faults-$$";

sub apply_faults {
	my @items = {apiVersion => 'v1', kind => 'Namespace', metadata => {name => $namespace}};
	for my $fault (keys %faults) {
		my $name = $fault =~ s/:.*//r;
		my $pod = {containers => [{name => 'mariadb', image => "example.org/$fault"}],
			terminationGracePeriodSeconds => 0};
		push @items, {apiVersion => 'v1', kind => 'Pod', spec => $pod,
			metadata => {name => $name, namespace => $namespace}};
		push @items, {apiVersion => 'batch/v1', kind => 'Job',
			metadata => {name => $name, namespace => $namespace},
			spec => {backoffLimit => 0, template => {spec => {%$pod, restartPolicy => 'Never'}}}};
	}
	open my $in, '|-', @kubectl, 'apply', '-f', '-', '-o', 'name' or die "kubectl: $!";
	print $in JSON::PP->new->encode({apiVersion => 'v1', kind => 'List', items => \@items});
	return close $in;
}

sub ended {
	my ($end) = @_;
	return "$end->{reason} $end->{exitCode}";
}

sub told {
	my ($pod) = @_;
	my $status = $pod->{status}{containerStatuses}[0] or return 'nothing yet';
	my $state = $status->{state};
	my $last = $status->{lastState}{terminated};
	return 'ready' if $status->{ready};
	return 'terminated ' . ended($state->{terminated}) if $state->{terminated};
	return 'running' if $state->{running};
	return "waiting $state->{waiting}{reason}" . ($last ? ' after ' . ended($last) : '');
}

sub pods {
	my $list = decode_json(scalar qx(@kubectl -n $namespace get pods -o json));
	return {map { ($_->{metadata}{labels}{'job-name'} ? 'job ' . $_->{metadata}{labels}{'job-name'}
		: $_->{metadata}{name}) => told($_) } @{$list->{items}}};
}

ok(apply_faults(), 'pods with faults');
my %expected = map { my $n = s/:.*//r; ($n => $faults{$_}[0], "job $n" => $faults{$_}[1]) } keys %faults;
my $seen;
wait_until('every fault shows', sub {
	$seen = pods();
	return !grep { ($seen->{$_} // '') ne $expected{$_} } keys %expected;
}) or is_deeply($seen, \%expected);
is(pods()->{'fault-hang'}, 'running', 'a hanging pod stays so');
like(scalar qx(@kubectl -n $namespace logs fault-crash --previous --tail=1), qr/Aborting/,
	'a crashed container has a log');
is(system("@kubectl delete namespace $namespace --timeout=60s >/dev/null"), 0, 'removed');

done_testing();
