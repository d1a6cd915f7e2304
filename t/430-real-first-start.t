# The first start of a shop's database, for real: killed in its middle again and again, with
# and without a new pod, and held up for longer than any probe waits afterwards.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Find ();
use RealNode;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = RealNode::need();
my $KILLS = 20;
# A liveness probe as of a shop that is up would have ended the start after six failures.
my $PROBES = 8;

# Gives up soon, while its shop is being killed, so that a retry is needed; the other one never does.
my $hasty = RealNode::platform(PROVISION_TIMEOUT => 30, PROVISION_ATTEMPTS => 1);
my $patient = RealNode::platform();
RealNode::values_file($hasty, {mariadb => {resources => {limits => {cpu => '900m'}}}});
$_->start for $hasty, $patient;
# Each is made when it is watched: on a quick machine its start is over within a second.
my %store = (slow => $patient->create(name => "Slow $$"));

sub database { return RealNode::pod_of("store-$store{$_[0]}{slug}", 'mariadb') }

sub data_of {
	my ($which) = @_;
	return (glob "$node/volumes/*_store-$store{$which}{slug}_*-mariadb-data")[0];
}

# How far the first start is: each table is a file or two.
sub files_in {
	my ($folder) = @_;
	my $count = 0;
	File::Find::find({no_chdir => 1, wanted => sub { $count++ if -f }}, $folder) if -d $folder;
	return $count;
}

sub secrets {
	my ($which) = @_;
	return join ' ', map { RealNode::kubectl('-n', "store-$store{$which}{slug}", 'get', 'secret',
		"$store{$which}{slug}-$_-secret", '-o', 'jsonpath={.data}') } 'db', 'wp';
}

# Whether the database itself runs in the pod, so that what an interrupted start left is gone.
sub has_begun {
	my ($pod) = @_;
	return scalar grep { Platform::slurp("/proc/$_/comm") eq "mariadbd\n" } RealNode::processes($pod);
}

# Waits until the first start of another pod than that has made so many files; the pod.
sub catch {
	my ($which, $but, $files) = @_;
	my $pod;
	$hasty->wait_for("a new pod of the $which database", sub {
		$pod = database($which);
		return $pod && $pod->{metadata}{uid} ne $but;
	});
	# Here every moment counts.
	for (my $end = time + $Platform::TIMEOUT; time < $end; sleep 0.01) {
		return $pod if has_begun($pod) && files_in(data_of($which) // '') >= $files;
	}
	die "the $which database does not make $files files\n";
}

# In the middle of the start: its mark and the first tables are there.
my $middles = 0;
sub kill_database {
	my ($pod) = @_;
	my @processes = RealNode::processes($pod);
	kill 'STOP', @processes;	# so that what is looked at now is what was killed
	my $folder = data_of('killed');
	$middles++ if -e "$folder/.store-initialising" && -d "$folder/mysql";
	kill 'KILL', @processes;
	return scalar @processes;
}

my $slow = catch('slow', '', 50);
my @held = RealNode::processes($slow);
ok(kill('STOP', @held), 'one first start is held up');
$store{killed} = $hasty->create(name => "Killed $$");

my ($pod, $killed) = ({metadata => {uid => ''}}, 0);
my $secrets;
for my $try (1 .. $KILLS) {
	$pod = catch('killed', $pod->{metadata}{uid}, 10 * $try);
	$secrets //= secrets('killed');
	$killed++ if kill_database($pod);
	# A new pod, since the kubelet waits longer each time before it starts a container again.
	RealNode::kubectl('-n', $pod->{metadata}{namespace}, 'delete', 'pod', $pod->{metadata}{name}, '--grace-period=1',
		'--wait=false');
}
is($killed, $KILLS, "another one was killed $KILLS times");
# How often depends on how fast the machine starts one; once shows what it leaves.
cmp_ok($middles, '>=', 1, "$middles times in its middle");

is($hasty->wait_status($store{killed}{id}, 'failed')->{status}, 'failed', 'the platform gave it up');
$pod = catch('killed', $pod->{metadata}{uid}, 100);
ok(kill_database($pod), 'killed once more, in a pod that stays');
RealNode::wait_until('the kubelet starts it again in that pod, and it gets ready', sub {
	my $now = database('killed');
	my $container = ($now->{status}{containerStatuses} // [{}])->[0];
	return $now->{metadata}{uid} eq $pod->{metadata}{uid} && $container->{restartCount} && $container->{ready};
});

RealNode::wait_until("$PROBES probes have failed meanwhile at the one held up", sub {
	my $events = RealNode::kubectl('-n', $slow->{metadata}{namespace}, 'get', 'events', '-o', 'json',
		'--field-selector', "involvedObject.name=$slow->{metadata}{name},reason=Unhealthy") // '{}';
	my $count = 0;
	$count += $_->{count} // 1 for @{JSON::PP::decode_json($events)->{items} // []};
	return $count >= $PROBES;
});
is($patient->store($store{slow}{id})->{status}, 'provisioning', 'and it is waited for');
kill 'CONT', @held;

# A retry with time enough, as it has by default.
delete $hasty->{conf}{PROVISION_TIMEOUT};
$hasty->stop('provisioner');
$hasty->start_provisioner;
is($hasty->post("/api/stores/$store{killed}{id}/retry", undef)->{status}, 200, 'a retry');
is($hasty->wait_status($store{killed}{id}, 'ready|failed', 400)->{status}, 'ready', 'makes the shop ready');
is(secrets('killed'), $secrets, 'with the same passwords');
ok(RealNode::login($store{killed}, $store{killed}{admin_password}), 'the password shown at creation opens it');

is($patient->wait_status($store{slow}{id}, 'ready|failed', 400)->{status}, 'ready', 'it gets ready');
is(database('slow')->{metadata}{uid}, $slow->{metadata}{uid}, 'in the pod that it had');
is(database('slow')->{status}{containerStatuses}[0]{restartCount}, 0, 'which was never started again');
ok(RealNode::login($store{slow}, $store{slow}{admin_password}), 'and opens to its password');

$_->{more} = 1, $_->finish for $hasty, $patient;
RealNode::leave(values %store);
done_testing();
