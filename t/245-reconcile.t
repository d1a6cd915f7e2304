#!/usr/bin/perl
# Stores against cluster, both ways: what somebody removed behind the platform's
# back is told and never made again by itself; a namespace without a store is
# told and never removed by itself; a store without a job gets one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiProxy;
use PlatformTest;
use Record;
use Test::More;

PlatformTest::need_cluster();

my $PATIENCE = 400;	# seconds: who waits this long has failed, however busy the machine is

my $p = PlatformTest->new(conf => {MAX_STORES => 50, MAX_CONCURRENT_PROVISIONS => 4,
	MAX_CONCURRENT_DELETIONS => 4, RECONCILE_SECONDS => 1});
$p->start;

sub health { return $p->store($_[0]{id})->{health} }
sub audits { return $p->sql_one("SELECT count(*) FROM audit_log WHERE action = '$_[0]'" . ($_[1] ? " AND store_id = '$_[1]{id}'" : '')) }
sub warnings_of { return join "\n", @{$p->get('/api/ready')->{json}{warnings}} }

sub wait_health {
	my ($store, $state) = @_;
	my $h;
	$p->wait_for("$store->{slug} to be $state", sub { ($h = health($store))->{state} eq $state }, $PATIENCE,
		sub { "$h->{state}: $h->{message}" });
	return $h;
}

# what is done to a shop => what its health says => how it is mended (undef: it is not)
my @cases = (
	[scaled => sub { $p->kubectl('-n', $_[0], 'scale', 'deployment', "$_[1]-wordpress", '--replicas=0') },
		qr/WordPress is scaled to nothing/,
		sub { $p->kubectl('-n', $_[0], 'scale', 'deployment', "$_[1]-wordpress", '--replicas=1') }],
	[headless => sub { $p->kubectl('-n', $_[0], 'delete', 'statefulset', "$_[1]-mariadb") },
		qr/database was removed.*rollback wc-headless 1/,
		sub { system(Platform::helm('helm3'), '--kubeconfig', Platform::cluster_file('kubeconfig'), '-n', $_[0],
			'rollback', "wc-$_[1]", 1) == 0 or die 'rollback' }],
	[recordless => sub { Record::remove($p, $_[1]) }, qr/records of the release wc-recordless were removed/],
	[pending => sub { Record::add($p, $_[1], 'pending-upgrade') }, qr/"pending-upgrade"/,
		sub { $p->kubectl('-n', $_[0], 'delete', 'secret', "sh.helm.release.v1.wc-$_[1].v2") }],
	[dataless => sub { $p->kubectl('-n', $_[0], 'delete', 'pvc', "$_[1]-mariadb-data", '--wait=false') },
		qr/volume dataless-mariadb-data of the shop/],
	[homeless => sub { $p->kubectl('delete', 'namespace', $_[0]) }, qr/store-homeless is gone from the cluster/],
);
my %store = map { $_->[0] => $p->create(name => $_->[0]) } @cases;
my $whole = $p->create(name => 'whole');
$p->wait_status($_->{id}, 'ready', $PATIENCE) for values %store, $whole;

subtest '1.11: drift is noticed, told once, and over when it is mended' => sub {
	is(health($whole)->{state}, 'ok', 'a store that has just become ready is ok');
	ok(health($whole)->{checked_at}, 'and says when that was seen');
	$_->[1]->($store{$_->[0]}{namespace}, $_->[0]) for @cases;
	for my $case (@cases) {
		my ($name, undef, $said) = @$case;
		my $h = wait_health($store{$name}, 'degraded');
		$p->wait_for("what is told of $name", sub { health($store{$name})->{message} =~ $said }, $PATIENCE,
			sub { health($store{$name})->{message} });
		pass("$name: the reason is told");
		is($p->store($store{$name}{id})->{status}, 'ready', "$name: the status word stays");
	}
	like(warnings_of(), qr/6 ready stores lack a part/, '/api/ready warns');
	ok($p->wait_for('readiness', sub { $p->get('/api/ready')->{status} == 200 }), 'and is ready none the less');
	is($p->get('/api/metrics')->{json}{degraded_stores}, 6, 'the metrics count them');
	like($p->get('/metrics')->{content}, qr/^store_platform_degraded_stores 6$/m, 'in both forms');
	is(health($whole)->{state}, 'ok', 'the untouched store is ok');
	for my $case (grep { $_->[3] } @cases) {
		$case->[3]->($store{$case->[0]}{namespace}, $case->[0]);
	}
	for my $case (grep { $_->[3] } @cases) {
		wait_health($store{$case->[0]}, 'ok');
		is(audits('store_mended', $store{$case->[0]}), 1, "$case->[0]: it is over, and the audit has it");
	}
	my $told = audits('store_degraded');
	for (1, 2) {
		my $at = health($whole)->{checked_at};
		$p->wait_for('a look more', sub { health($whole)->{checked_at} gt $at }, $PATIENCE);
	}
	is(audits('store_degraded'), $told, 'however often it is looked at, nothing is told twice');
	is(audits('store_degraded', $whole), 0, 'and nothing of the other');
	is($p->kubectl('get', 'namespace', 'store-homeless'), undef, 'nothing was made again');
	my @records = Record::all($p, 'recordless');
	is(scalar @records, 0, 'not the records either');
	is($p->sql_one("SELECT count(*) FROM jobs WHERE kind = 'provision'"), 7, 'no job was queued');
};

# As one of ours: other platforms share this cluster.
sub label {
	my ($ns, $id) = @_;
	my $maker = $p->kube_json('get', 'namespace', 'store-whole')->{metadata}{labels}{'store-platform.io/platform'};
	$p->kubectl('label', 'namespace', $ns, "store-platform.io/store-id=$id", "store-platform.io/platform=$maker",
		'app.kubernetes.io/part-of=store-platform');
}

subtest 'a namespace without a store is told, and touched only when asked' => sub {
	my $unknown = '12345678-1234-4234-8234-123456789abc';
	$p->kubectl('create', 'namespace', "store-$_") for qw(unknown nonsense foreign);
	label('store-unknown', $unknown);
	label('store-nonsense', 'nonsense');
	$p->kubectl('label', 'namespace', 'store-foreign', 'app.kubernetes.io/part-of=store-platform',
		"store-platform.io/store-id=$unknown", 'store-platform.io/platform=another');
	# A shop whose row was lost, as by a backup that is older than it.
	my $lost = $p->create(name => 'lost');
	my $gone = $p->create(name => 'gone');
	$p->wait_status($_->{id}, 'ready', $PATIENCE) for $lost, $gone;
	my $secret = $p->kube_json('-n', 'store-lost', 'get', 'secret', 'lost-wp-secret')->{data};
	$p->sql_write("PRAGMA foreign_keys = OFF; DELETE FROM events WHERE store_id = '$lost->{id}';
		DELETE FROM jobs WHERE store_id = '$lost->{id}'; DELETE FROM stores WHERE id = '$lost->{id}';
		UPDATE stores SET status = 'deleted', deleted_at = 1 WHERE id = '$gone->{id}'");
	$p->wait_for('all to be found', sub { audits('namespace_found') >= 4 }, $PATIENCE);
	my $said = warnings_of();
	like($said, qr/store-unknown without a store\. The database has no such store/, 'one of an unknown id');
	like($said, qr/store-nonsense without a store\. Its label names no store/, 'one of no id');
	like($said, qr/store-lost without a store\. The database has no such store/, 'one whose row is lost');
	like($said, qr/store-gone without a store\. Its store was deleted/, 'one whose store is deleted');
	unlike($said, qr/store-foreign|store-whole/, "nothing of another platform's, nor of a store that is there");
	like(Platform::slurp("$p->{dir}/provisioner.log"), qr/namespace store-lost has no store/, 'the log has it');
	my $list = $p->storectl('namespace', 'list');
	is("$list->{status} $list->{err}", '1 ', 'storectl lists them');
	is(scalar(() = $list->{out} =~ /^store-\S+: /mg), 4, 'each on its line');

	like($p->storectl('namespace', 'remove', $_)->{err}, qr/not known as a namespace without a store/, "no way to remove $_")
		for 'store-whole', 'store-foreign', 'kube-system', '../x';
	like($p->storectl('namespace', $_, 'store-nonsense')->{err}, qr/did not make store-nonsense as it is/, "none to $_ one without an id")
		for 'adopt', 'remove';
	like($p->storectl('namespace', 'adopt', 'store-unknown')->{err}, qr/Secret unknown-wp-secret.* is not in/, 'an empty one is no shop');

	my $r = $p->storectl('namespace', 'adopt', 'store-lost');
	is("$r->{status} $r->{err}", '0 ', 'a lost shop is adopted') or diag $r->{out};
	my $back = $p->wait_status($lost->{id}, 'ready|failed', $PATIENCE);
	is($back->{status}, 'ready', 'and ready, by its old id') or diag $back->{error_message};
	is($back->{admin_user}, 'admin', 'its admin user is that of its Secret');
	is_deeply($p->kube_json('-n', 'store-lost', 'get', 'secret', 'lost-wp-secret')->{data}, $secret, 'with its old password');
	$r = $p->storectl('namespace', 'adopt', 'store-gone');
	is("$r->{status} $r->{err}", '0 ', 'so is one whose row says deleted');
	is($p->wait_status($gone->{id}, 'ready|failed', $PATIENCE)->{status}, 'ready', 'and it is ready');
	is($p->storectl('namespace', 'remove', 'store-unknown')->{status}, 0, 'one can be removed');
	$p->wait_for('it to be gone', sub { !defined $p->kubectl('get', 'namespace', 'store-unknown') }, $PATIENCE);
	$p->kubectl('delete', 'namespace', 'store-nonsense');
	$p->wait_for('the last to be settled', sub { warnings_of() !~ /without a store/ }, $PATIENCE);
	is($p->storectl('namespace', 'list')->{status}, 0, 'storectl has nothing to list');
	is(audits('namespace_found'), 4, 'the audit has each once');
	is(audits($_), $_ eq 'namespace_adopted' ? 2 : 1, "and $_") for qw(namespace_adopted namespace_removed namespace_gone);
	ok(defined $p->kubectl('get', 'namespace', 'store-foreign'), "another platform's was never touched");
	$p->kubectl('delete', 'namespace', 'store-foreign');
};

my $half;
subtest 'what stopped half-way is taken up again' => sub {
	$half = $p->create(name => 'half made');
	$p->wait_status($half->{id}, 'ready', $PATIENCE);
	# As a database looks that was mended by hand, or restored: the status without its job.
	$p->sql_write("UPDATE stores SET status = 'deleting' WHERE id = '$whole->{id}';
		UPDATE stores SET status = 'provisioning' WHERE id = '$half->{id}'");
	$p->wait_status($whole->{id}, 'gone', $PATIENCE);
	$p->is_gone('whole');
	is($p->wait_status($half->{id}, 'ready|failed', $PATIENCE)->{status}, 'ready', 'a set-up without a job, too');
	is(audits('job_resumed'), 2, 'the audit tells both');
};

# From here on through a proxy, which sees each call and can fail it.
my $proxy = ApiProxy->start("$p->{dir}/proxy");
$p->stop('provisioner');
$p->{conf}{KUBECONFIG} = $proxy->kubeconfig;
$p->start_provisioner;

subtest 'one call a kind of object, and one a store for its records; a list that fails tells nothing' => sub {
	my $list = qr{ GET (/\S+\?labelSelector=\S+limit=\S+)$};
	my %seen;
	$proxy->rules({match => '^GET /apis/apps/v1/statefulsets\?', status => 503});
	my $from = $proxy->requests;
	$p->wait_for('three looks', sub {
		%seen = ();
		my @lines = $proxy->requests;
		$seen{$_}++ for map { /$list/ ? $1 : () } @lines[$from .. $#lines];
		($seen{'/apis/apps/v1/statefulsets?labelSelector=app.kubernetes.io%2Fpart-of%3Dstore-platform&limit=100'} || 0) >= 3;
	}, $PATIENCE);
	is(scalar(grep { /namespaces\?/ } keys %seen), 1, 'namespaces are listed in one way');
	is(scalar(grep { /\bsecrets\?/ } keys %seen), 0, 'and no Secrets of all namespaces at once');
	is(health($half)->{state}, 'ok', 'a store is not missed because a list failed');
	$proxy->rules;
	my $at = health($half)->{checked_at};
	$p->wait_for('the next look', sub { health($half)->{checked_at} gt $at }, $PATIENCE);
	my @lines = $proxy->requests;
	my @records = map { m{ GET /api/v1/(\S+/secrets)\?\S*owner%3Dhelm} && $_ gt $lines[$from] ? $1 : () } @lines[$from .. $#lines];
	is(join(' ', keys %{{map { $_ => 1 } grep { /half-made/ } @records}}), 'namespaces/store-half-made/secrets', "a store's are asked for in its namespace");
	is(scalar(grep { m{ GET /apis/apps/v1/namespaces/store-half-made/} && $_ gt $lines[$from] } @lines[$from .. $#lines]), 0,
		'no store is asked for by itself');
};

subtest 'a removal that was given up is taken up again' => sub {
	$proxy->rules({match => '^GET /api/v1/namespaces/store-half-made$', status => 403});
	$p->delete("/api/stores/$half->{id}");
	is($p->wait_status($half->{id}, 'gone|failed', $PATIENCE)->{status}, 'failed', 'it is given up');
	$proxy->rules;
	$p->sql_write("UPDATE stores SET updated_at = updated_at - 3600001 WHERE id = '$half->{id}'");
	$p->wait_status($half->{id}, 'gone', $PATIENCE);
	$p->is_gone('half-made', 'it is gone after an hour');
};

$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} }, $PATIENCE);
$p->is_gone('homeless');
$p->{fds} = undef; # the supervisor is another one by now
$p->finish;
