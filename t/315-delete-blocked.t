#!/usr/bin/perl
# What a store has in the cluster that cannot go: the store stays "deleting"
# and names the blocker; when that is gone the deletion goes on by itself, or,
# once it was given up, when it is asked for again. Nobody's finalizer is stripped.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiProxy;
use File::Temp ();
use JSON::PP ();
use PlatformTest;
use Test::More;
use Time::Piece ();

PlatformTest::need_cluster();

my $WITHIN = 60;	# seconds from the request to the sentence
my $p = PlatformTest->new(pool => 1, conf => {MAX_CONCURRENT_PROVISIONS => 5});
# This one gives up soon, once its stores are there.
my $hasty = PlatformTest->new(pool => 1, conf => {PROVISION_ATTEMPTS => 1});

my $proxy = ApiProxy->start("$p->{dir}/proxy");
$p->{conf}{KUBECONFIG} = $proxy->kubeconfig;

sub apply {
	my ($object) = @_;
	my $file = File::Temp->new;
	print $file JSON::PP::encode_json($object);
	close $file;
	defined $p->kubectl('apply', '-f', "$file") or die 'kubectl apply';
}

# What holds the namespace of a store: something that a test puts there, or a part of its own.
my %held = (held => 'configmap', 'given up' => 'configmap', 'tried again' => 'persistentvolumeclaim');

# Gives it a finalizer beside those that it has, and takes that off again.
sub hold {
	my ($store) = @_;
	my ($name, $namespace) = @$store{qw(name namespace)};
	apply({apiVersion => 'v1', kind => 'ConfigMap', metadata => {name => 'held', namespace => $namespace}})
		if $held{$name} eq 'configmap';
	my ($held) = grep { $held{$name} ne 'configmap' || $_->{metadata}{name} eq 'held' }
		@{$p->kube_json('-n', $namespace, 'get', $held{$name})->{items}};
	$store->{held} = "$held{$name}/$held->{metadata}{name}";
	set_finalizers($store, @{$held->{metadata}{finalizers} || []}, 'example.org/hold');
}

sub finalizers {
	my ($store) = @_;
	return @{$p->kube_json('-n', $store->{namespace}, 'get', $store->{held})->{metadata}{finalizers} || []};
}

sub set_finalizers {
	my ($store, @names) = @_;
	defined $p->kubectl('-n', $store->{namespace}, 'patch', $store->{held}, '--type=merge', '-p',
		JSON::PP::encode_json({metadata => {finalizers => \@names}})) or die "kubectl patch $store->{held}";
}

sub let_go { my ($store) = @_; set_finalizers($store, grep { $_ ne 'example.org/hold' } finalizers($store)) }

sub audit {
	my ($on, $store, $action) = @_;
	return @{$on->get("/api/stores/audit/log?store_id=$store->{id}&action=$action")->{json}};
}

sub seconds { return Time::Piece->strptime(substr($_[0], 0, 19), '%Y-%m-%dT%H:%M:%S')->epoch }

# Shows the namespace as it is held while the server of an API group is away. The
# proxy plays that, since a real one would hold every namespace of the cluster.
sub hold_by_group {
	my ($namespace) = @_;
	my $object = $p->kube_json('get', 'namespace', $namespace);
	$object->{metadata}{deletionTimestamp} = '2026-01-01T00:00:00Z';
	$object->{status} = {phase => 'Terminating', conditions => [{type => 'NamespaceDeletionDiscoveryFailure',
		status => 'True', reason => 'DiscoveryFailed', message => 'Discovery failed for some groups, 1 failing: '
		. 'unable to retrieve the complete list of server APIs: absent.example.org/v1: stale GroupVersion '
		. 'discovery: absent.example.org/v1'}]};
	$proxy->rules({match => "^GET /api/v1/namespaces/$namespace\$", status => 200,
		body => JSON::PP::encode_json($object)});
}

# Waits until the store says what holds its deletion, everywhere.
sub check_told {
	my ($store, $step, @says) = @_;
	my $row;
	# On a busy machine what takes its time is told as well: the last of the sentences counts.
	$p->wait_for('the sentence', sub {
		($row) = grep { my $row = $_; !grep { $row->{details}{error} !~ $_ } @says }
			audit($p, $store, 'delete_stuck');
	}, $WITHIN + 30, sub { "@says in one of: " . join "\n", map { $_->{details}{error} } audit($p, $store, 'delete_stuck') });
	my $sentence = $row->{details}{error};
	like($sentence, qr/goes on by itself/, 'which says that it goes on by itself then');
	is($row->{details}{code}, 'not_gone', 'the audit has the code');
	my ($begin) = audit($p, $store, 'delete_start');
	cmp_ok(seconds($row->{created_at}) - seconds($begin->{created_at}), '<=', $WITHIN, 'in time');
	ok((grep { $_->{state} eq 'info' && $_->{step} eq $step && $_->{message} eq $sentence }
		$p->events($store->{id})), 'the events have it');
	my $now = $p->store($store->{id});
	is($now->{status}, 'deleting', 'the store is still being deleted');
	is($now->{error_code}, 'not_gone', 'and has the code');
	is($now->{error_message}, $sentence, 'and the sentence');
}

sub check_gone {
	my ($on, $store) = @_;
	$on->wait_status($store->{id}, 'gone', 300);
	$on->is_gone($store->{slug});
	is(scalar(audit($on, $store, 'delete_success')), 1, 'the audit says so');
}

$_->start for $p, $hasty;
my %store = map { $_ => $p->create(name => $_) } qw(held kept group);
$store{$_} = $hasty->create(name => $_) for 'given up', 'tried again';
for (values %store) {
	my $on = $_->{name} =~ / / ? $hasty : $p;
	my $end = $on->wait_status($_->{id}, 'ready|failed');
	$end->{status} eq 'ready' or BAIL_OUT("$end->{name} is not ready: $end->{error_message}");
}

# All deletions that are held begin together.
hold_by_group($store{group}{namespace});
hold($store{$_}) for sort keys %held;
my ($volume) = grep { ($_->{spec}{claimRef}{namespace} || '') eq $store{kept}{namespace} }
	@{$p->kube_json('get', 'pv')->{items}};
$p->kubectl('patch', 'pv', $volume->{metadata}{name}, '--type=merge', '-p',
	'{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}');
$p->delete("/api/stores/$store{$_}{id}") for qw(held kept group);
$hasty->delete("/api/stores/$store{$_}{id}") for 'given up', 'tried again';
# It has little patience only once the cluster has said what holds them.
for my $namespace (map { $store{$_}{namespace} } 'given up', 'tried again') {
	$p->wait_for("what holds $namespace", sub {
		my $object = $p->kube_json('get', 'namespace', $namespace);
		return grep { $_->{type} eq 'NamespaceFinalizersRemaining' && $_->{status} eq 'True' }
			@{$object->{status}{conditions} || []};
	}, 120);
}
$hasty->stop('provisioner');
$hasty->{conf}{PROVISION_TIMEOUT} = 10;
$hasty->start_provisioner;

subtest 'finalizer' => sub {
	check_told($store{held}, 'namespace', qr/namespace store-held is not gone/,
		qr{example\.org/hold in 1 resource}, qr/configmaps\. has 1 resource/, qr/Remove what holds it/);
	is($p->post('/api/stores', {name => 'held'})->{json}{code}, 'duplicate_name', 'the name is still taken');
	is(join(' ', finalizers($store{held})), 'example.org/hold', 'the finalizer is untouched');
	let_go($store{held});
	check_gone($p, $store{held});
};

subtest 'volume with the policy Retain' => sub {
	check_told($store{kept}, 'volumes', qr/\Q$volume->{metadata}{name}\E \(Released, .*keeps volumes\)/,
		qr/Delete the volume/);
	is($p->kubectl('get', 'namespace', $store{kept}{namespace}), undef, 'its namespace is gone');
	$p->kubectl('delete', 'pv', $volume->{metadata}{name});
	check_gone($p, $store{kept});
};

# Asked for again by another delete, or by a retry.
my %again = (
	'given up' => sub { $hasty->delete("/api/stores/$_[0]") },
	'tried again' => sub { $hasty->post("/api/stores/$_[0]/retry", undef) },
);
my %end = map { $_ => $hasty->wait_status($store{$_}{id}, 'failed', 120) } sort keys %again;
# It had little patience for what is held for ever; the cluster may take as long as it takes.
$hasty->stop('provisioner');
delete $hasty->{conf}{PROVISION_TIMEOUT};
$hasty->start_provisioner;
for my $name (sort keys %again) {
	my $store = $store{$name};
	subtest $name => sub {
		my $end = $end{$name};
		is($end->{error_code}, 'not_gone', 'failed with its code');
		like($end->{error_message}, qr{$store->{namespace} is not gone yet: .*example\.org/hold.*\b$held{$name}s\. has.*then retry},
			'and the blocker');
		my ($row) = audit($hasty, $store, 'delete_failed');
		is($row->{details}{error}, $end->{error_message}, 'the audit has it');
		let_go($store);
		my $r = $again{$name}->($store->{id});
		is($r->{status}, 200, 'asked for again');
		is($r->{json}{status}, 'deleting', 'it goes on with the deletion');
		check_gone($hasty, $store);
	};
}

# As metrics.k8s.io does when its server is down.
subtest 'API group whose server is away' => sub {
	check_told($store{group}, 'namespace', qr{Discovery failed for some groups.*absent\.example\.org/v1});
	$proxy->rules;
	check_gone($p, $store{group});
};

$hasty->{more} = 1;
$hasty->finish;
$p->finish;
