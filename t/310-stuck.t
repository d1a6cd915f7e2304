#!/usr/bin/perl
# A store that does not get ready says why: one sentence with the cause and what
# to do, on the store, in its events and in the audit, within a minute. When the
# cause is mended, the store becomes ready with the passwords that it had.
#
# Each case brings its fault in with the values file (or the chart), which is
# read at each run of helm: so the stores are made one after the other, and then
# all wait together.
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

my $WITHIN = 60;	# seconds from the release's end to the sentence
my $class = "absent-$$";
# Stands in the log that the simulated init container leaves behind.
my $password = 'cURL error 28: Connection timed out';

my $p = PlatformTest->new(conf => {MAX_STORES => 50, MAX_CONCURRENT_PROVISIONS => 20,
	MAX_CONCURRENT_DELETIONS => 20, PROVISION_ATTEMPTS => 1, PROVISION_TIMEOUT => 70});
my $charts = File::Temp->newdir('store-chart-XXXXXX', TMPDIR => 1);
system('cp', '-r', "$Platform::TOP/charts/woocommerce-store", "$charts/chart") == 0 or die 'cp';
$p->{conf}{HELM_CHART_PATH} = "$charts/chart";
$p->{conf}{HELM_VALUES_FILE} = "$p->{dir}/values.json";

sub values_file { Platform::spew($p->{conf}{HELM_VALUES_FILE}, JSON::PP::encode_json($_[0] || {})) }

# A change of one line of the chart, and its undoing.
sub edit_chart {
	my ($from, $to) = @_;
	my $path = "$charts/chart/templates/_helpers.tpl";
	my $text = Platform::slurp($path);
	$text =~ s/\Q$from\E/$to/ or die "the chart has no line '$from'";
	Platform::spew($path, $text);
}
my @privilege = ('allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true');

# name, values, code, what the sentence has to say; `mend` heals it while it waits.
my @cases = (
	{name => 'hangs', slow => 1, values => {mariadb => {image => 'example.org/fault-hang/mariadb:1'}},
		code => 'warning', says => [qr/database is not ready/, qr/Unhealthy.*connection refused/]},
	{name => 'image of the database', values => {mariadb => {image => 'example.org/fault-pull/mariadb:1'}},
		code => 'image_pull', says => [qr{example\.org/fault-pull/mariadb:1}, qr/database/, qr/not found/,
			qr/Check its name and the registry's access, then retry/]},
	{name => 'image of WordPress', values => {wordpress => {image => 'example.org/fault-pull/wordpress:1'}},
		code => 'image_pull', says => [qr{example\.org/fault-pull/wordpress:1}, qr/WordPress/]},
	{name => 'configuration', values => {wordpress => {image => 'example.org/fault-config/wordpress:1'}},
		code => 'container_config', says => [qr/core of the store's WordPress/, qr/will run as root/]},
	{name => 'crash', values => {mariadb => {image => 'example.org/fault-crash/mariadb:1'}},
		code => 'crash_loop', says => [qr/database crashes again and again \(exit status 1\)/,
			qr/then retry\. Its last lines: .*InnoDB.*Aborting$/]},
	{name => 'memory', values => {mariadb => {image => 'example.org/fault-oom/mariadb:1'}},
		code => 'out_of_memory', says => [qr/database ran out of its memory limit of 512Mi/, qr/larger plan/]},
	{name => 'class of another', values => {mariadb => {storageClass => $class}},
		code => 'claim_not_bound', says => [qr/class-of-another-mariadb-data is not bound/,
			qr/"$class" not found/, qr/storageClass in the values file/]},
	{name => 'quota', values => {resourceQuota => {maxMemory => '300Mi'}},
		code => 'quota_exceeded', says => [qr/quota is used up for its database/,
			qr/requested: .*limits\.memory=512Mi.*limited: .*limits\.memory=300Mi/, qr/resourceQuota/]},
	{name => 'privilege', chart => \@privilege,
		code => 'pod_security', says => [qr/Pod Security refuses the store's database/,
			qr/allowPrivilegeEscalation != false/, qr/correct it, then retry/]},
	{name => 'no room', mend => sub { node_memory('1Ti') }, values => {resourceQuota => {maxMemory => '2Ti'},
			mariadb => {resources => {requests => {memory => '400Gi'}, limits => {memory => '400Gi'}}}},
		code => 'no_room', says => [qr/no room for the store's database: .*1 Insufficient memory/,
			qr/add a node; it goes on by itself/]},
	{name => 'class to come', mend => \&add_volume, values => {mariadb => {storageClass => "$class-2"}},
		code => 'claim_not_bound', says => [qr/"$class-2" not found/]},
	{name => 'set-up', values => {wcInit => {image => 'example.org/fault-job/cli:1', backoffLimit => 0}},
		body => {adminPassword => $password},
		code => 'job_failed', says => [qr/WooCommerce set-up failed \(BackoffLimitExceeded: .*\)/,
			qr/then retry\. Its last lines: .*downloaded: \*\*\*\. store-init: giving up/]},
	{name => 'set-up repeated', values => {wcInit => {image => 'example.org/fault-job/cli:1', backoffLimit => 1}},
		body => {adminPassword => $password}, told => 2,
		code => 'try_failed', says => [qr/A try of the WooCommerce set-up failed \(wc-init: exit status 1\)/,
			qr/repeated by itself/, qr/WooCommerce is not installed/]},
);

sub apply {
	my ($object) = @_;
	my $file = File::Temp->new;
	print $file JSON::PP::encode_json($object);
	close $file;
	defined $p->kubectl('apply', '-f', "$file") or die 'kubectl apply';
}

# The node's memory; 400Gi are too much for it at first.
sub node_memory {
	my ($size) = @_;
	defined $p->kubectl('patch', 'node', 'node', '--subresource=status', '--type=merge', '-p',
		qq({"status":{"capacity":{"memory":"$size"},"allocatable":{"memory":"$size"}}})) or die 'kubectl patch';
}
END { node_memory('256Gi') if $p && $$ == $p->{owner} }

sub add_volume {
	apply({apiVersion => 'v1', kind => 'PersistentVolume', metadata => {name => "$class-2"},
		spec => {storageClassName => "$class-2", capacity => {storage => '10Gi'}, accessModes => ['ReadWriteOnce'],
			persistentVolumeReclaimPolicy => 'Delete', hostPath => {path => "/nonexistent/$class"}}});
}

# A second platform, which looks at its shops' pages: nobody answers at this port yet.
my $shop = PlatformTest->new(pool => 1, conf => {STOREFRONT_CHECK => 'on',
	STOREFRONT_ADDRESS => '127.0.0.1:' . Platform::free_port(), STORE_PORT => 443});
$shop->{conf}{STOREFRONT_CA} = "$shop->{dir}/shop.crt";

# An HTTPS server with a page and a certificate of its own, NAME.crt.
sub serve_page {
	my ($name, $port) = @_;
	my @pair = ("$shop->{dir}/$name.crt", "$shop->{dir}/$name.key");
	-e $pair[0] or make_certificate(@pair);
	$shop->spawn($name, ['openssl', 's_server', '-accept', "127.0.0.1:$port", '-www', '-cert', $pair[0], '-key', $pair[1]]);
}

sub make_certificate {
	my ($crt, $key) = @_;
	my $domain = "*.$shop->{conf}{BASE_DOMAIN}";
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj '/CN=$domain'"
		. " -addext 'subjectAltName=DNS:$domain' -keyout $key -out $crt 2>/dev/null") == 0 or die 'openssl';
}
make_certificate("$shop->{dir}/shop.crt", "$shop->{dir}/shop.key");

sub audit {
	my ($store, $action, $on) = @_;
	return @{($on || $p)->get("/api/stores/audit/log?store_id=$store->{id}&action=$action")->{json}};
}

# Both Secrets as the cluster has them.
sub passwords {
	my ($store) = @_;
	return JSON::PP->new->canonical->encode([map { $_->{data} } grep { ($_->{type} || '') eq 'Opaque' }
		@{$p->kube_json('-n', $store->{namespace}, 'get', 'secrets')->{items}}]);
}

sub event_at {
	my ($store, $found) = @_;
	my ($event) = grep { $found->($_) } $p->events($store->{id});
	return $event && Time::Piece->strptime(substr($event->{created_at}, 0, 19), '%Y-%m-%dT%H:%M:%S')->epoch;
}

# Makes the store of a case and waits until helm is through with it.
sub begin {
	my ($case) = @_;
	values_file($case->{values});
	edit_chart(@{$case->{chart}}) if $case->{chart};
	my $store = $case->{store} = $p->create(name => $case->{name}, %{$case->{body} || {}});
	$case->{released} = $p->wait_for("helm for $case->{name}", sub {
		event_at($store, sub { $_[0]{step} eq 'release' && $_[0]{state} eq 'done' });
	});
	edit_chart(reverse @{$case->{chart}}) if $case->{chart};
	$case->{passwords} = passwords($store);
}

# What is used of a quota changes while other pods come and go.
sub lasting { my ($text) = @_; return $text =~ s/used: \S+//r }

sub check_sentence {
	my ($case) = @_;
	my $store = $case->{store};
	my $row;
	$p->wait_for("the sentence of $case->{name}", sub {
		($row) = grep { $_->{details}{code} eq $case->{code} } audit($store, 'provision_stuck');
	}, $WITHIN + 30);
	my $sentence = $row->{details}{error};
	like($sentence, $_, "it says $_") for @{$case->{says}};
	my $told = event_at($store, sub { $_[0]{state} eq 'info' && $_[0]{message} eq $sentence });
	ok($told, 'the events have it');
	cmp_ok(($told || 0) - $case->{released}, '<=', $WITHIN, 'in time');
	my $now = $p->store($store->{id});
	like(lasting($now->{error_message}), qr/\Q${\ lasting($sentence)}\E/, 'the store has it') if !$case->{told};
	is($now->{error_code}, $case->{code}, 'with its code') if $now->{status} eq 'provisioning';
}

$p->start;
$shop->start;
my $silent = $shop->create(name => 'silent');

subtest 'namespace still being removed' => sub {
	my $name = 'store-returning';
	$p->kubectl('create', 'namespace', $name);
	apply({apiVersion => 'v1', kind => 'ConfigMap', metadata => {name => 'held', namespace => $name,
		finalizers => ['example.org/hold']}});
	$p->kubectl('delete', 'namespace', $name, '--wait=false');
	values_file();
	my $store = $p->create(name => 'returning');
	my $row;
	$p->wait_for('the sentence', sub { ($row) = audit($store, 'provision_stuck') }, $WITHIN);
	like($row->{details}{error}, qr{previous store of this name.*example\.org/hold.*goes on by itself},
		'the wait and what holds it are named');
	is($p->store($store->{id})->{error_code}, 'namespace_terminating', 'on the store too');
	ok(event_at($store, sub { $_[0]{message} eq $row->{details}{error} }), 'and in the events');
	$p->stop('provisioner');
	$p->start_provisioner;
	$p->wait_for('the job to be taken up', sub { $p->sql_one('SELECT fence FROM jobs ORDER BY id DESC') > 1 });
	is($p->store($store->{id})->{error_code}, 'namespace_terminating', 'a restart forgets nothing');
	$p->kubectl('-n', $name, 'patch', 'configmap', 'held', '--type=merge', '-p',
		'{"metadata":{"finalizers":null}}');
	my $end = $p->wait_status($store->{id}, 'ready|failed');
	is($end->{status}, 'ready', 'it goes on by itself when that is gone');
	is($end->{error_code}, undef, 'without a reason then');
	is(scalar(audit($store, 'provision_stuck')), 1, 'and it was told once');
};

begin($_) for @cases;
# Who can be helped while it waits is helped as soon as it has told why; the one
# that takes its time to tell comes last.
for my $case (sort { !!$b->{mend} <=> !!$a->{mend} || !!$a->{slow} <=> !!$b->{slow} } @cases) {
	subtest "$case->{name}: sentence" => sub { check_sentence($case) };
	$case->{mend}->() if $case->{mend};
}
subtest 'page that does not answer' => sub {
	my ($port) = $shop->{conf}{STOREFRONT_ADDRESS} =~ /(\d+)$/;
	my $row;
	$p->wait_for('the sentence', sub { ($row) = audit($silent, 'provision_stuck', $shop) }, $WITHIN);
	like($row->{details}{error}, qr{does not answer at https://silent\.\S+ \(.*onnect.*Check the ingress controller},
		'address, reason and what to do');
	is($shop->store($silent->{id})->{error_code}, 'page_silent', 'on the store too');
	# A page of somebody whom nobody can tell from the shop is none.
	serve_page('stranger', $port);
	$shop->wait_for('it to be refused', sub { Platform::slurp("$shop->{dir}/stranger.log") =~ /unknown ca/ }, 60);
	is($shop->store($silent->{id})->{status}, 'provisioning', 'not ready by a certificate that nobody knows');
	$shop->stop('stranger');
	serve_page('shop', $port);
	my $end = $shop->wait_status($silent->{id}, 'ready|failed');
	is($end->{status}, 'ready', 'ready when it answers');
	is($end->{error_code}, undef, 'without a reason then');
	$shop->delete("/api/stores/$silent->{id}");
};
values_file();
for my $case (@cases) {
	subtest "$case->{name}: end" => sub {
		my $id = $case->{store}{id};
		my $end = $p->wait_status($id, 'ready|failed');
		if (!$case->{mend}) {
			is($end->{status}, 'failed', 'given up');
			is(scalar(audit($case->{store}, 'provision_failed')), 1, 'the audit says so');
			is($p->post("/api/stores/$id/retry", undef)->{status}, 200, 'tried again');
			return;
		}
		is($end->{status}, 'ready', 'it went on by itself') or diag($end->{error_message});
	};
}
for my $case (@cases) {
	my $end = $p->wait_status($case->{store}{id}, 'ready|failed');
	is($end->{status}, 'ready', "$case->{name}: ready") or diag($end->{error_message});
	is($end->{error_code}, undef, 'without a reason');
	is(scalar(audit($case->{store}, 'provision_stuck')), $case->{told} || 1, 'told no second time');
	is(passwords($case->{store}), $case->{passwords}, '2.4: with the passwords that it had');
}

# A volume made by hand is removed by hand.
$p->kubectl('delete', 'pv', "$class-2", '--wait=false');
$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
$shop->wait_status($silent->{id}, 'gone');
$shop->{more} = 1;
$shop->finish;
$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} }, 120);
$p->finish;
