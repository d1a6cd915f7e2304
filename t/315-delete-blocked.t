#!/usr/bin/perl
# What a store leaves in the cluster that cannot go: the store stays "deleting"
# and names the blocker; when that is gone the deletion goes on by itself, or,
# once it was given up, when it is asked for again. Nobody's finalizer is stripped.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use JSON::PP ();
use PlatformTest;
use Test::More;
use Time::Piece ();

PlatformTest::need_cluster();

my $WITHIN = 60;	# seconds from the request to the sentence
my $group = "absent-$$.example.org";
my $owner = $$;
my $p = PlatformTest->new(pool => 1, conf => {MAX_CONCURRENT_PROVISIONS => 5});
# This one gives up soon, once its store is there.
my $hasty = PlatformTest->new(pool => 1, conf => {PROVISION_ATTEMPTS => 2});

# It would hold every namespace of the cluster.
END { $p->kubectl('delete', 'apiservice', "v1.$group", '--ignore-not-found') if $p && $$ == $owner }

sub apply {
	my ($object) = @_;
	my $file = File::Temp->new;
	print $file JSON::PP::encode_json($object);
	close $file;
	defined $p->kubectl('apply', '-f', "$file") or die 'kubectl apply';
}

# Puts something with a finalizer into a namespace, and takes that off again.
sub hold {
	my ($namespace) = @_;
	apply({apiVersion => 'v1', kind => 'ConfigMap', metadata => {name => 'held', namespace => $namespace,
		finalizers => ['example.org/hold']}});
}

sub let_go {
	my ($namespace) = @_;
	$p->kubectl('-n', $namespace, 'patch', 'configmap', 'held', '--type=merge', '-p',
		'{"metadata":{"finalizers":null}}');
}

sub audit {
	my ($on, $store, $action) = @_;
	return @{$on->get("/api/stores/audit/log?store_id=$store->{id}&action=$action")->{json}};
}

sub seconds { return Time::Piece->strptime(substr($_[0], 0, 19), '%Y-%m-%dT%H:%M:%S')->epoch }

# Waits until the store says what holds its deletion, everywhere.
sub check_told {
	my ($store, $step, @says) = @_;
	my $row;
	$p->wait_for('the sentence', sub { ($row) = audit($p, $store, 'delete_stuck') }, $WITHIN + 30);
	my $sentence = $row->{details}{error};
	like($sentence, $_, "it says $_") for @says, qr/goes on by itself/;
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
	$on->wait_status($store->{id}, 'gone', 60);
	$on->is_gone($store->{slug});
	is(scalar(audit($on, $store, 'delete_success')), 1, 'the audit says so');
}

$_->start for $p, $hasty;
my %store = map { $_ => $p->create(name => $_) } qw(held kept group);
$store{given} = $hasty->create(name => 'given up');
$_->{status} eq 'ready' or BAIL_OUT("$_->{name} is not ready: $_->{error_message}")
	for (map { $p->wait_status($_->{id}, 'ready|failed') } @store{qw(held kept group)}),
		$hasty->wait_status($store{given}{id}, 'ready|failed');

# All deletions that are held begin together.
hold($store{$_}{namespace}) for qw(held given);
my ($volume) = grep { ($_->{spec}{claimRef}{namespace} || '') eq $store{kept}{namespace} }
	@{$p->kube_json('get', 'pv')->{items}};
$p->kubectl('patch', 'pv', $volume->{metadata}{name}, '--type=merge', '-p',
	'{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}');
$hasty->stop('provisioner');
$hasty->{conf}{PROVISION_TIMEOUT} = 10;
$hasty->start_provisioner;
$p->delete("/api/stores/$store{$_}{id}") for qw(held kept);
$hasty->delete("/api/stores/$store{given}{id}");

subtest 'finalizer' => sub {
	check_told($store{held}, 'namespace', qr/namespace store-held is not gone/,
		qr{example\.org/hold in 1 resource}, qr/configmaps\. has 1 resource/, qr/Remove what holds it/);
	is($p->post('/api/stores', {name => 'held'})->{json}{code}, 'duplicate_name', 'the name is still taken');
	is_deeply($p->kube_json('-n', 'store-held', 'get', 'configmap', 'held')->{metadata}{finalizers},
		['example.org/hold'], 'the finalizer is untouched');
	let_go($store{held}{namespace});
	check_gone($p, $store{held});
};

subtest 'volume with the policy Retain' => sub {
	check_told($store{kept}, 'volumes', qr/\Q$volume->{metadata}{name}\E \(Released, .*keeps volumes\)/,
		qr/Delete the volume/);
	is($p->kubectl('get', 'namespace', $store{kept}{namespace}), undef, 'its namespace is gone');
	$p->kubectl('delete', 'pv', $volume->{metadata}{name});
	check_gone($p, $store{kept});
};

subtest 'given up' => sub {
	my $end = $hasty->wait_status($store{given}{id}, 'failed', 60);
	is($end->{error_code}, 'not_gone', 'failed with its code');
	like($end->{error_message}, qr{store-given-up is not gone.*example\.org/hold.*then retry}, 'and the blocker');
	is($end->{job}{attempt}, 2, 'after the attempts that were allowed');
	my ($row) = audit($hasty, $store{given}, 'delete_failed');
	is($row->{details}{error}, $end->{error_message}, 'the audit has it');
	is($hasty->post("/api/stores/$store{given}{id}/retry", undef)->{json}{status}, 'deleting',
		'a retry goes on with the deletion');
	is($hasty->wait_status($store{given}{id}, 'failed', 60)->{error_code}, 'not_gone', 'in vain at first');
	let_go($store{given}{namespace});
	is($hasty->delete("/api/stores/$store{given}{id}")->{status}, 200, 'asked for again');
	check_gone($hasty, $store{given});
};

# As metrics.k8s.io does when its server is down.
subtest 'API group whose server is away' => sub {
	apply({apiVersion => 'apiregistration.k8s.io/v1', kind => 'APIService', metadata => {name => "v1.$group"},
		spec => {group => $group, version => 'v1', groupPriorityMinimum => 100, versionPriority => 100,
			service => {namespace => 'kube-system', name => 'absent'}, insecureSkipTLSVerify => JSON::PP::true}});
	$p->delete("/api/stores/$store{group}{id}");
	check_told($store{group}, 'namespace', qr{Discovery failed.*\Q$group\E/v1});
	$p->kubectl('delete', 'apiservice', "v1.$group");
	check_gone($p, $store{group});
};

$hasty->{more} = 1;
$hasty->finish;
$p->finish;
