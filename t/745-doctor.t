#!/usr/bin/perl
# `storectl doctor`: of a platform that is well it says so, and each of its checks is
# made to fail once, with the sentence that names what is wrong and what to do. It asks
# for every right of the account, and changes nothing.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Account;
use JSON::PP ();
use Root;
use Test::More;

PlatformTest::need_cluster();
my $own_names = Root::own_names();

my $from = Account::log_size();
my $m = Root->new(conf => {AUTH => 'on'});
my $conf_path = '/etc/store-platform/store-platform.conf';
my @ports = map { '--' . $_ . '-port=' . Platform::free_port() } qw(http https);
$m->{more} = 1;
$m->serve_names('shops.test') if $own_names;
$m->setup('--domain=shops.test', @ports);
$m->start_site;
$m->{conf}{KUBECONFIG} = $m->path('/etc/store-platform/kubeconfig');
$m->start_programs;

# Each check's [state, sentence, remedy], and what the program ended with.
sub look {
	my $r = $m->doctor('--json', @_);
	my $list = eval { JSON::PP::decode_json($r->{out}) } || die "$r->{status} $r->{out}$r->{err}";
	return (map { $_->{check} => [@$_{qw(state sentence remedy)}] } @$list), status => $r->{status};
}

sub conf_with {
	my (%more) = @_;
	my $before = $m->text($conf_path);
	my $text = $before;
	for my $key (keys %more) {
		$text =~ s/^$key\b.*\n//mg;
		$text .= "$key=$more{$key}\n";
	}
	Platform::spew($m->path($conf_path), $text);
	return sub { Platform::spew($m->path($conf_path), $before) };
}

sub values_file {
	my ($values) = @_;
	Platform::spew("$m->{dir}/values.json", JSON::PP::encode_json($values));
	return conf_with(HELM_VALUES_FILE => "$m->{dir}/values.json");
}

sub moved { my ($path) = @_; rename $path, "$path.away" or die "$path: $!"; return sub { rename "$path.away", $path or die } }

sub with_mode {
	my ($path, $mode) = @_;
	my $before = (stat $path)[2] & 07777;
	chmod $mode, $path or die;
	return sub { chmod $before, $path };
}

sub with_text {
	my ($path, $text) = @_;
	my $before = Platform::slurp($path);
	Platform::spew($path, $text);
	return sub { Platform::spew($path, $before) };
}

subtest 'all is well' => sub {
	my %found = look();
	my @wrong = grep { $_ ne 'status' && $found{$_}[0] !~ /^ok/ } sort keys %found;
	# Whether a time service runs is this machine's affair, and without names of our own so is DNS.
	@wrong = grep { $_ ne 'clock' && ($own_names || $_ ne 'names') } @wrong;
	is(join("\n", map { "$_: $found{$_}[1]" } @wrong), '', 'every check is content');
	is($found{status}, 0, 'status 0') if $own_names;
	is($found{names}[1], '*.shops.test is 127.0.0.1, this machine.', 'the address is said') if $own_names;
	my $low = with_text($m->path('/proc/meminfo'), "MemAvailable: 1000 kB\n");
	my $text = $m->doctor;
	$low->();
	is($text->{status}, 0, 'a warning alone is no failure') if $own_names;
	like($text->{out}, qr/^ok    cluster: Kubernetes v1\S+ answers\.$/m, 'as text, a line each');
	like($text->{out}, qr/^warn  memory: 0 MiB are free[^\n]+\n      Delete a store, /m, 'with what to do below what is not well');
	is($text->{err}, '', 'nothing on standard error');
	my @rows = $text->{out} =~ /^(?:ok|warn|FAIL|skip) /mg;
	is(scalar @rows, keys(%found) - 1, 'the same checks');
};

# check => what is done to it (returns the undoing), what is said then, and its state.
my @cases = (
	[configuration => sub { conf_with(MAX_STORES => 'many') }, qr/MAX_STORES \(.* line \d+\) is not a number/],
	[configuration => sub { conf_with(AUTH => 'off') }, qr/valid, but AUTH is off/, 'warn'],
	[folders => sub { with_mode("$m->{dir}/data/api", 0755) }, qr{data/api has the mode 0755, which lets others in}],
	[folders => sub { with_mode("$m->{dir}/data", 0777) }, qr{data has the mode 0777}],
	[folders => sub { moved("$m->{dir}/data/api") }, qr/cannot be looked at: No such file/],
	[credential => sub { with_mode($m->path('/etc/store-platform/kubeconfig'), 0640) }, qr/has the mode 0640; others may read it/],
	[credential => sub { conf_with(KUBECONFIG => '') }, qr/KUBECONFIG is not set/],
	[credential => sub { $m->{shell} = {KUBECONFIG => $m->path('/etc/rancher/k3s/k3s.yaml')}; return sub { $m->{shell} = undef } },
		qr/This shell sets KUBECONFIG to/, 'warn'],
	[memory => sub { with_text($m->path('/proc/meminfo'), "MemAvailable: 300000 kB\n") }, qr/^292 MiB are free; .* takes 640 MiB/, 'warn'],
	[memory => sub { moved($m->path('/proc/meminfo')) }, qr/cannot be read/, 'warn'],
	[database => sub { Platform::spew("$m->{conf}{DATABASE_PATH}.x", 'rubbish ' x 4096); conf_with(DATABASE_PATH => "$m->{conf}{DATABASE_PATH}.x") }, qr/not a database/],
	[database => sub { conf_with(DATABASE_PATH => "$m->{dir}/data/none.db") }, qr/cannot read .*none\.db/],
	[keys => sub { moved("$m->{conf}{PROVISIONER_DIR}/seal.key") }, qr/seal\.key/],
	[helm => sub { conf_with(HELM => '/nonexistent/helm') }, qr/helm cannot be run/],
	[helm => sub { conf_with(HELM_CHART_PATH => '/nonexistent/chart') }, qr{/nonexistent/chart}],
	[helm => sub { my $u = values_file({}); Platform::spew("$m->{dir}/values.json", "a: [\n"); $u }, qr/values\.json is no YAML/],
	['ingress class' => sub { values_file({ingress => {className => 'absent'}}) }, qr/no ingress class "absent"/],
	['storage class' => sub { values_file({wordpress => {storageClass => 'absent'}}) }, qr/no storage class "absent"/],
	[certificates => sub { values_file({ingress => {tls => {issuer => 'ours'}}}), conf_with(STORE_HTTPS => 'on', HELM_VALUES_FILE => "$m->{dir}/values.json") },
		qr/The cluster has no cert-manager/],
	[certificates => sub { conf_with(STORE_HTTPS => 'on') }, qr/name no issuer/, 'warn'],
	[nginx => sub { with_text($m->path('/etc/store-platform/nginx-site.conf'), "nonsense on;\n") }, qr/nginx failed: .*nonsense/],
	[nginx => sub { moved($m->path('/etc/nginx/sites-enabled/store-platform')) }, qr/The site is not there/],
	[dashboard => sub { moved($m->path('/etc/store-platform/tls.crt')) },
		qr/does not answer: .*tls\.crt/],
	[sockets => sub { moved("$m->{dir}/run/api.sock") }, qr/Nothing listens at \S+api\.sock/],
	[sockets => sub { moved("$m->{dir}/run/wake.sock") }, qr/Nothing listens at \S+wake\.sock/],
	$own_names ? ([names => sub { moved($m->{names}) }, qr/Names below shops\.test have no address/],
		[names => sub { with_text($m->path('/etc/store-platform/nginx-site.conf'), $m->text('/etc/store-platform/nginx-site.conf')
			=~ s/--host=\S+/--host=panel.elsewhere.test/r) }, qr/The dashboard's name panel\.elsewhere\.test has no address/]) : (),
);

for my $case (@cases) {
	my ($check, $break, $says, $state) = @$case;
	my @undo = $break->();
	my %found = look();
	$_->() for reverse @undo;
	like($found{$check}[1], $says, "$check: says what is wrong");
	is($found{$check}[0], $state || 'fail', "$check: " . ($state || 'fail'));
	ok(length $found{$check}[2], "$check: says what to do");
	is($found{status}, 1, "$check: status 1") unless $state;
}

subtest 'the dashboard' => sub {
	$m->stop('api');
	like({look()}->{dashboard}[1], qr{^https://shops\.test:\d+/api/health answers 502\.$}, 'without store-api');
	$m->start_pool;
	is({look()}->{dashboard}[0], 'ok', 'with it');
	$m->stop('site');
	like({look()}->{dashboard}[1], qr{api/health does not answer: .*(?:connect|refused)}i, 'without nginx');
	$m->start_site;
};

subtest 'a small disk' => sub {
	plan(skip_all => 'it takes root and a mount of our own') unless $own_names;
	my $volumes = $m->path('/var/lib/rancher/k3s/storage');
	for (['64m', 'fail'], ['1g', 'warn']) {
		my ($size, $state) = @$_;
		system('mount', '-t', 'tmpfs', '-o', "size=$size", 'tmpfs', $volumes) == 0 or die 'mount';
		my %found = look();
		system('umount', $volumes);
		is($found{disk}[0], $state, "$size: $state");
		like($found{disk}[1], qr/^\d+ MiB are free in \Q$volumes\E\.$/, 'where the volumes of shops are');
	}
};

subtest 'a cluster that does not answer' => sub {
	my $undo = with_text($m->path('/etc/store-platform/kubeconfig'),
		$m->text('/etc/store-platform/kubeconfig') =~ s/127\.0\.0\.1:\d+/127.0.0.1:1/r);
	my %found = look();
	$undo->();
	is($found{cluster}[0], 'fail', 'is a failure');
	like($found{cluster}[1], qr/cannot be reached/, 'with its reason');
	is(join(' ', map { $found{$_}[0] } 'rights', 'ingress class', 'storage class'), 'skip skip skip',
		'what it would have been asked is passed over');
};

subtest 'rights that are missing, or too many' => sub {
	my $name = "doctor-$$";
	my $all = keys %{Account::granted($m)};
	$m->kubectl('create', 'namespace', $name);
	$m->kubectl('-n', $name, 'create', 'serviceaccount', 'poor');
	$m->kubectl('create', 'clusterrole', $name, '--verb=get,list', '--resource=namespaces');
	$m->kubectl('create', 'clusterrolebinding', $name, "--clusterrole=$name", "--serviceaccount=$name:poor");
	my $token = $m->kubectl('-n', $name, 'create', 'token', 'poor') =~ s/\s+\z//r;
	my $undo = conf_with(KUBECONFIG => Account::kubeconfig($m, "$m->{dir}/poor", $token));
	my %found = look();
	like($found{rights}[1], qr/^The platform's account lacks @{[$all - 2]} of $all: get secrets, .*create namespaces, .*bind clusterroles store-platform-store, /, 'each is named');
	is($found{rights}[0], 'fail', 'it is a failure');
	like($found{'ingress class'}[1], qr/lacks a right/, 'what it may not ask says so');
	$undo->();
	$undo = conf_with(KUBECONFIG => $m->path('/etc/rancher/k3s/k3s.yaml'));
	%found = look();
	$undo->();
	like($found{rights}[1], qr/an administrator's/, "an administrator's credential is told of");
	is($found{rights}[0], 'warn', 'as a warning');
	# A later version's file: of the role that is bound everywhere, and of the one for stores.
	my ($charts, $own) = ($m->path('/usr/share/store-platform/charts'), "$m->{dir}/later-charts");
	mkdir $own or die "$own: $!";
	symlink "$Platform::TOP/charts/woocommerce-store", "$own/woocommerce-store" or die;
	my $later = moved($charts);
	symlink $own, $charts or die;
	for (['secrets', 'watch secrets'], ['pods/log', 'watch pods/log']) {
		my ($resource, $lacks) = @$_;
		Platform::spew("$own/cluster-access.yaml", Platform::slurp($Account::FILE) =~ s{resources: \[$resource\]\n\s+verbs: \[get\K}{, watch}r);
		%found = look();
		is($found{rights}[1], "The platform's account lacks 1 of @{[$all + 1]}: $lacks.", "a right that a later version takes: $lacks");
		is($found{rights}[0], 'fail', 'is a failure');
	}
	unlink $charts;
	$later->();
	$m->kubectl('delete', 'clusterrolebinding,clusterrole', $name);
	$m->kubectl('delete', 'namespace', $name, '--wait=false');
};

subtest 'before the set-up' => sub {
	my $undo = moved($m->path($conf_path));
	$m->{shell} = {map { $_ => $m->{conf}{$_} } qw(DATABASE_PATH PROVISIONER_DIR API_DIR WAKE_SOCKET HELM HELM_CHART_PATH)};
	my %found = look();
	$m->{shell} = undef;
	$undo->();
	is($found{configuration}[1], 'There is none: this machine is not set up yet.', 'it says so, once');
	is($found{configuration}[2], 'Run: storectl setup', 'and what to do');
	is(join(' ', grep { $_ ne 'status' && $found{$_}[0] eq 'fail' } sort keys %found), 'configuration', 'nothing else has failed');
	is(join(' ', grep { $_ ne 'status' && $found{$_}[0] ne 'skip' } sort keys %found), 'clock configuration disk folders helm memory',
		'the machine itself is looked at');
	is($found{status}, 1, 'status 1');
};

subtest 'a key of another user' => sub {
	plan(skip_all => 'only root can give a file away') if $> != 0;
	for (["$m->{conf}{PROVISIONER_DIR}/seal.key"], ["$m->{dir}/data/api/api.key"]) {
		my ($path) = @$_;
		my ($uid, $gid) = (stat $path)[4, 5];
		chown 65534, -1, $path;
		my %found = look();
		chown $uid, $gid, $path;
		is_deeply([@{$found{keys}}[0, 1]], ['fail', "$path belongs to another user than its folder."], "$path: is told of");
	}
};

subtest 'cert-manager' => sub {
	# Its interface alone: what setup and doctor ask for.
	Platform::spew("$m->{dir}/crd.json", JSON::PP::encode_json({apiVersion => 'apiextensions.k8s.io/v1', kind => 'CustomResourceDefinition',
		metadata => {name => 'clusterissuers.cert-manager.io'},
		spec => {group => 'cert-manager.io', scope => 'Cluster', names => {plural => 'clusterissuers', singular => 'clusterissuer', kind => 'ClusterIssuer'},
			versions => [{name => 'v1', served => JSON::PP::true, storage => JSON::PP::true,
				schema => {openAPIV3Schema => {type => 'object', 'x-kubernetes-preserve-unknown-fields' => JSON::PP::true}}}]}}));
	like($m->setup('--email=me@shops.test')->{err}, qr/The issuer of certificates: The cluster has no cert-manager, which takes --email/, 'setup: it is missing');
	like($m->setup('--email=me')->{err}, qr/"me" is no mail address/, 'setup: no mail address');
	$m->kubectl('apply', '-f', "$m->{dir}/crd.json");
	$m->wait_for('the interface', sub { defined $m->kubectl('get', 'clusterissuers') });
	my $undo = values_file({ingress => {tls => {issuer => 'letsencrypt-prod'}}});
	my $https = conf_with(STORE_HTTPS => 'on');
	my %found = look();
	like($found{certificates}[1], qr/has no ClusterIssuer "letsencrypt-prod"/, 'doctor: its issuer is missing');
	like($m->setup('--email=me@shops.test')->{out}, qr/^cert-manager's issuer has the address me\@shops\.test\.$/m, 'setup makes it');
	is($m->kube_json('get', 'clusterissuer', 'letsencrypt-prod')->{spec}{acme}{email}, 'me@shops.test', 'with the address');
	like($m->text($conf_path), qr/^STORE_PORT=443$/m, 'and shops are served by HTTPS');
	%found = look();
	is($found{certificates}[1], 'cert-manager and its issuer "letsencrypt-prod" are there.', 'doctor: all is there');
	$_->() for $https, $undo;
	$m->kubectl('delete', 'crd', 'clusterissuers.cert-manager.io');
};

subtest 'the provisioner' => sub {
	$m->stop('provisioner');
	for (['checked_at - 600000', qr/last sign of life is 6\d\d s old/], ['checked_at + 6000000', qr/the clock has gone back/],
		['checked_at - 5400000, ok = 0', qr/It runs, but cannot work|sign of life/]) {
		my ($at, $says) = @$_;
		$m->sql_write("UPDATE health SET checked_at = $at");
		my %found = look();
		like($found{provisioner}[1], $says, "$at: says so");
		is($found{provisioner}[0], 'fail', 'a failure');
	}
	is({look()}->{sockets}[0], 'fail', 'and its socket is gone');
	$m->sql_write('DELETE FROM health');
	like({look()}->{provisioner}[1], qr/has not run yet/, 'never');
	$m->start_provisioner;
};

subtest 'its rights were asked for, and used' => sub {
	my $calls = Account::calls($from);
	cmp_ok($calls->{'authorization.k8s.io selfsubjectaccessreviews create'}{201}, '>', 60, 'each right');
	ok($calls->{$_}{200}, $_) for 'rbac.authorization.k8s.io clusterroles get', 'networking.k8s.io ingressclasses list', 'storage.k8s.io storageclasses list',
		'cert-manager.io clusterissuers get';
};
$m->finish;
done_testing();
