#!/usr/bin/perl
# The platform's own chart: both lines of helm render, install, upgrade and roll it back
# under Pod Security "restricted"; who reaches what, by its Services and NetworkPolicies
# (the seed's exposure table); what its schema and its checks refuse.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChartTest;
use NetworkRules;
use PlatformChart;
use Test::More;

ChartTest::need();

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my %args = (default => [], map { $_ => ['-f', "$PlatformChart::CHART/values-$_.yaml"] } qw(local prod));
my $dry = ChartTest::namespace('platform-dry');
my %objects;	# of each set of values

sub values_of { my ($set) = @_; return $set eq 'default' ? \%PlatformChart::LEAST : {} }

for my $set (sort keys %args) {
	for my $line (@ChartTest::LINES) {
		my $r = ChartTest::helm($line, ChartTest::encode(values_of($set)), 'lint', '--strict', $PlatformChart::CHART, @{$args{$set}}, '-f', '-');
		ok($r->{code} == 0, "$line lint, $set") or diag($r->{out});
	}
	my @r = map { PlatformChart::render($_, values_of($set), '--skip-tests', @{$args{$set}}) } @ChartTest::LINES;
	is(join('', map { $_->{err} } @r), '', "$set: renders");
	is_deeply([ChartTest::documents($r[0]{out})], [ChartTest::documents($r[1]{out})], "$set: the same by both lines");
	# The namespace of the objects is that of the dry run.
	my $admitted = ChartTest::admit($dry, $r[1]{out});
	is($admitted->{err}, '', "$set: admitted without a warning");
	$objects{$set} = $admitted->{objects};
}

sub find {
	my ($set, $kind, $name) = @_;
	my ($found) = grep { $_->{kind} eq $kind && $_->{metadata}{name} eq $name } @{$objects{$set}};
	return $found;
}

# {"nginx" => its pod, ...} of a set.
sub pods {
	my ($set) = @_;
	return map { my $p = ChartTest::pod_of($_); $p ? ($p->{metadata}{labels}{'app.kubernetes.io/component'} => $p) : () } @{$objects{$set}};
}

subtest 'every pod' => sub {
	my %pod = pods('prod');
	is(join(' ', sort keys %pod), 'api backup nginx provisioner', 'these there are');
	my %user;
	for my $name (sort keys %pod) {
		my $spec = $pod{$name}{spec};
		my $s = $spec->{securityContext};
		is(join(' ', map { ChartTest::faults($_, qr{^[a-z./-]+:\d+\.\d+\.\d+$}) } ChartTest::containers($pod{$name})), '', "$name: its containers");
		ok($s->{runAsNonRoot} && $s->{runAsUser} && $s->{fsGroup} == $s->{runAsGroup}, "$name: is not root");
		is($s->{seccompProfile}{type}, 'RuntimeDefault', "$name: seccomp");
		ok($spec->{automountServiceAccountToken} ? $name eq 'provisioner' : $name ne 'provisioner', "$name: a token of the API only where it is needed");
		is(join(' ', map { $_->{name} } grep { $_->{emptyDir} && !$_->{emptyDir}{sizeLimit} } @{$spec->{volumes}}), '', "$name: every emptyDir has a limit");
		$user{$name} = $s->{runAsUser};
	}
	isnt($user{api}, $user{provisioner}, 'the key files of one are not those of the other');
};

subtest 'one node for the embedded database' => sub {
	my %pod = pods('prod');
	for my $name (sort keys %pod) {
		my ($claim) = grep { $_->{persistentVolumeClaim} } @{$pod{$name}{spec}{volumes}};
		my $rule = $pod{$name}{spec}{affinity}{podAffinity}{requiredDuringSchedulingIgnoredDuringExecution};
		is(!!$claim, !!$rule, "$name: bound to the others' node exactly if it has the claim");
		next unless $claim;
		is($rule->[0]{topologyKey}, 'kubernetes.io/hostname', "$name: by host");
		ok(NetworkRules::selects($rule->[0]{labelSelector}, $pod{$_}{metadata}{labels}), "$name: and $_ is one of them")
			for qw(api provisioner backup);
	}
	is(find('prod', 'Deployment', 'sp-provisioner')->{spec}{strategy}{type}, 'Recreate', 'one provisioner at a time');
};

subtest "the values of the seed's table" => sub {
	my %hpa = map { my $h = $_->{spec}; $_->{metadata}{name} => join ' ', $h->{minReplicas}, $h->{maxReplicas},
		map { "$_->{resource}{name} $_->{resource}{target}{averageUtilization}" } @{$h->{metrics}} }
		grep { $_->{kind} eq 'HorizontalPodAutoscaler' } @{$objects{prod}};
	is_deeply(\%hpa, {'sp-nginx' => '2 3 cpu 70', 'sp-api' => '2 5 cpu 70 memory 80'}, 'prod scales');
	my %want = (
		local => ['nginx', '127-0-0-1.nip.io', 'Never', 10, 'standard', 0],
		prod => ['traefik', 'stores.example.org', 'Always', 50, 'local-path', 1],
	);
	for my $set (sort keys %want) {
		my $config = find($set, 'ConfigMap', 'sp-config')->{data};
		my $ingress = find($set, 'Ingress', 'sp')->{spec};
		my %pod = pods($set);
		is_deeply([$ingress->{ingressClassName}, $config->{BASE_DOMAIN}, $pod{api}{spec}{containers}[0]{imagePullPolicy},
			$config->{MAX_STORES}, find($set, 'PersistentVolumeClaim', 'sp-data')->{spec}{storageClassName}, $ingress->{tls} ? 1 : 0],
			$want{$set}, $set);
		# The shops' values are for the shops' chart.
		my $shop = find($set, 'ConfigMap', 'sp-shop')->{data}{'values.json'};
		ChartTest::went_well(ChartTest::render('helm4', ChartTest::decode($shop)), "$set: a shop renders with them");
	}
	is(find('prod', 'ConfigMap', 'sp-config')->{data}{MAX_CONCURRENT_PROVISIONS}, 5, 'five at a time');
	is(find('local', 'Deployment', "sp-$_")->{spec}{replicas}, 1, "one $_") for qw(api nginx);
};

# from | port | to | who of them is let through: all, none or names
my $table = <<'END';
controller stranger impostor shop | 8080 | nginx       | controller
test                              | 8080 | nginx       | test
nginx controller stranger shop provisioner test | 9000 | api | nginx
controller stranger nginx api shop | 9000 | provisioner | none
stranger nginx                    | 8080 | provisioner | none
api backup                        | 443  | world       | none
api nginx backup test             | 443  | kube        | none
provisioner                       | 6443 | kube        | all
provisioner                       | 443  | world       | all
provisioner                       | 8000 | controller  | all
provisioner api nginx backup      | 3306 | shop        | none
provisioner                       | 22   | world       | none
nginx                             | 443  | world       | none
END

subtest 'who reaches what' => sub {
	my @policies = grep { $_->{kind} eq 'NetworkPolicy' } @{$objects{prod}};
	my %pod = pods('prod');
	my %place = (
		(map { $_ => {ns => $dry, labels => $pod{$_}{metadata}{labels}} } keys %pod),
		test => {ns => $dry, labels => find('prod', 'NetworkPolicy', 'sp-test')->{spec}{podSelector}{matchLabels}},
		stranger => {ns => $dry, labels => {app => 'shell'}},
		controller => {ns => 'kube-system', labels => {'app.kubernetes.io/name' => 'traefik'}},
		impostor => {ns => 'elsewhere', labels => {'app.kubernetes.io/name' => 'traefik'}},
		shop => {ns => 'store-demo', labels => {app => 'mariadb', store => 'demo'}},
		world => {ip => '93.184.215.14'}, kube => {ip => '192.168.1.2'},
	);
	# A stranger's own pod has no policy; what counts is the other side's.
	push @policies, {spec => {podSelector => {matchLabels => {app => 'shell'}}, policyTypes => ['Egress'], egress => [{}]}};
	for my $row (split /\n/, $table) {
		my ($from, $port, $to, $want) = split /\s*\|\s*/, $row;
		my @from = split ' ', $from;
		my @through = grep { NetworkRules::allowed(\@policies, $dry, $place{$_}, $place{$to}, 'TCP', $port) } @from;
		is("@through", $want eq 'all' ? "@from" : $want eq 'none' ? '' : $want, "$from to $to, $port");
	}
	is(join(' ', map { "$_->{metadata}{name}:$_->{spec}{type}" } grep { $_->{kind} eq 'Service' } @{$objects{prod}}),
		'sp-api:ClusterIP sp-nginx:ClusterIP', 'no Service is open to the outside');
	my @paths = map { map { "$_->{path} $_->{backend}{service}{name}" } @{$_->{http}{paths}} } @{find('prod', 'Ingress', 'sp')->{spec}{rules}};
	is("@paths", '/ sp-nginx', 'the Ingress leads to nginx alone');
};

subtest 'figures for a monitoring system' => sub {
	my %on = (metrics => {enabled => $yes, serviceMonitor => {enabled => $yes, labels => {release => 'prom'}}});
	my $crd = PlatformChart::service_monitors();
	my $r = ChartTest::admit($dry, PlatformChart::render('helm4', \%on, '--skip-tests', @{$args{prod}})->{out});
	is($r->{err}, '', 'the API server takes all of it, by the definition of a ServiceMonitor');
	my ($monitor) = grep { $_->{kind} eq 'ServiceMonitor' } @{$r->{objects}};
	my ($service) = grep { $_->{kind} eq 'Service' && $_->{metadata}{name} eq 'sp-metrics' } @{$r->{objects}};
	is($monitor->{metadata}{labels}{release}, 'prom', 'with the label by which it is found');
	ok(NetworkRules::selects($monitor->{spec}{selector}, $service->{metadata}{labels}), 'it finds the Service');
	is($monitor->{spec}{endpoints}[0]{port}, $service->{spec}{ports}[0]{name}, 'and its port');
	my ($address) = map { $_->{replacement} } grep { ($_->{targetLabel} // '') eq '__address__' } @{$monitor->{spec}{endpoints}[0]{relabelings}};
	is($address, 'sp-metrics.platform.svc:9100', 'all pods are one target');
	is($service->{spec}{type}, 'ClusterIP', 'within the cluster');
	my %pod = map { my $p = ChartTest::pod_of($_); $p ? ($p->{metadata}{labels}{'app.kubernetes.io/component'} => $p) : () } @{$r->{objects}};
	ok(NetworkRules::selects({matchLabels => $service->{spec}{selector}}, $pod{nginx}{metadata}{labels}), 'of nginx');
	my ($env) = grep { $_->{name} eq 'METRICS_LISTEN' } @{$pod{nginx}{spec}{containers}[0]{env}};
	my ($port) = grep { $_->{name} eq $service->{spec}{ports}[0]{targetPort} } @{$pod{nginx}{spec}{containers}[0]{ports}};
	is($env->{value}, $port->{containerPort}, 'which listens there');
	for my $case (['on', $r->{objects}, 'prometheus'], ['off', $objects{prod}, '']) {
		my ($state, $all, $want) = @$case;
		my @policies = grep { $_->{kind} eq 'NetworkPolicy' } @$all;
		my %from = (prometheus => ['monitoring', {'app.kubernetes.io/name' => 'prometheus'}], neighbour => ['monitoring', {app => 'x'}],
			impostor => ['elsewhere', {'app.kubernetes.io/name' => 'prometheus'}], controller => ['kube-system', {'app.kubernetes.io/name' => 'traefik'}]);
		is(join(' ', grep { NetworkRules::allowed(\@policies, $dry, {ns => $from{$_}[0], labels => $from{$_}[1]},
			{ns => $dry, labels => $pod{nginx}{metadata}{labels}}, 'TCP', 9100) } sort keys %from), $want, "who reaches it, $state");
		ok(!NetworkRules::allowed(\@policies, $dry, {ns => 'monitoring', labels => $from{prometheus}[1]},
			{ns => $dry, labels => $pod{nginx}{metadata}{labels}}, 'TCP', 8080), 'and the dashboard he does not reach');
	}
	is(join(' ', map { $_->{metadata}{name} } grep { $_->{metadata}{name} eq 'sp-metrics' } @{$objects{prod}}), '', 'off, there is none of it');
};

sub nested { my ($path, $value) = @_; $value = {$_ => $value} for reverse split /\./, $path; return $value }
sub merged {
	my ($a, $b) = @_;
	return {%$a, map { $_ => ref $a->{$_} eq 'HASH' && ref $b->{$_} eq 'HASH' ? merged($a->{$_}, $b->{$_}) : $b->{$_} } keys %$b};
}

subtest 'what is refused' => sub {
	for my $case (
		['provisioner.replicas', 2, qr/has one provisioner/], ['database.engine', 'postgresql', qr/several nodes need PostgreSQL/],
		['database.accessMode', 'ReadWriteMany', qr/needs ReadWriteOnce/], ['database.accessMode', 'ReadWriteOncePod', qr/several pods use the claim/],
		['ingress.host', 'shop.stores.example.org', qr/address of a shop called "shop"/], ['api.autoscaling', {min => 6}, qr/min \(6\) is more than max \(5\)/],
		['stores.baseDomain', '', qr{/stores/baseDomain}], ['ingress.host', '', qr{/ingress/host}], ['stores.max', 0, qr{/stores/max}],
		['stores.https', 'yes', qr{/stores/https}], ['stores.chartValues', {storeName => 'x'}, qr{/stores/chartValues}],
		['image.api', 'a b', qr{/image/api}], ['image.pullPolicy', 'Sometimes', qr{/image/pullPolicy}], ['api.processes', 65, qr{/api/processes}],
		['ingress.trustedProxies', ['10.0.0.0/8; }'], qr{/ingress/trustedProxies}], ['networkPolicy.apiServer.cidrs', [], qr{/networkPolicy/apiServer/cidrs}],
		['metrics.serviceMonitor.enabled', $yes, qr/nothing to monitor without metrics\.enabled/], ['metrics.serviceMonitor.interval', '30', qr{/metrics/serviceMonitor/interval}],
		['stores.storefrontAddress', 'nowhere', qr{/stores/storefrontAddress}], ['database.storage', '2 GB', qr{/database/storage}],
		(map { ["${_}surprise", 1, qr/additional properties 'surprise' not allowed/] } '', map { "$_." } qw(image stores api api.autoscaling
			nginx provisioner database backup ingress ingress.tls ingress.controller metrics metrics.from metrics.serviceMonitor networkPolicy networkPolicy.apiServer api.resources)),
	) {
		my ($path, $value, $why) = @$case;
		for my $line (@ChartTest::LINES) {
			my $r = PlatformChart::render($line, merged(\%PlatformChart::LEAST, nested($path, $value)));
			isnt($r->{code}, 0, "$line refuses $path " . ChartTest::encode($value));
			like($r->{err}, $why, 'and says why');
		}
	}
};

subtest 'the README names values that there are' => sub {
	my $schema = ChartTest::decode(Platform::slurp("$PlatformChart::CHART/values.schema.json"));
	my $node = sub {
		my ($at) = $schema;
		for my $key (split /\./, $_[0]) {
			$at = $schema->{definitions}{$at->{'$ref'} =~ s{.*/}{}r} if $at->{'$ref'};
			$at = ($at->{properties} || {})->{$key} or return 0;
		}
		return 1;
	};
	my %named = map { $_ => 1 } grep { $schema->{properties}{s/\..*//r} } Platform::slurp("$PlatformChart::CHART/README.md") =~ /`(\w+\.[\w.]+)`/g;
	cmp_ok(scalar keys %named, '>=', 10, 'it names some');
	is(join(' ', grep { !$node->($_) } sort keys %named), '', 'and none else');
};

subtest 'one list of rights' => sub {
	my $objects = sub {
		my ($stdin, $file) = @_;
		my $r = ChartTest::kubectl($stdin, 'create', '--dry-run=client', '-o', 'json', '-f', $file);
		return map { $_->{items} ? @{$_->{items}} : $_ } JSON::PP->new->incr_parse($r->{out});
	};
	my @all = $objects->('', "$Platform::TOP/charts/cluster-access.yaml");
	# A release of the name and the namespace that the file has.
	my $same = ChartTest::helm('helm4', ChartTest::encode({}), 'template', 'store-platform', $PlatformChart::CHART,
		'-n', 'store-platform', @{$args{prod}}, '-f', '-');
	my %chart = map { ("$_->{kind} $_->{metadata}{name}" => $_) } $objects->($same->{out}, '-');
	my $compared = 0;
	for my $object (grep { $_->{kind} =~ /^(?:Cluster|Validating)/ } @all) {
		my $name = "$object->{kind} $object->{metadata}{name}";
		my %parts = map { $_ => $object->{$_} } grep { !/^(?:metadata|apiVersion|kind)$/ } keys %$object;
		is_deeply({map { $_ => $chart{$name}{$_} } keys %parts}, \%parts, "$name: the chart has the same");
		$compared++;
	}
	is($compared, 5, 'two roles, a binding, and the policy with its own');
};

subtest 'kube-score' => sub {
	ChartTest::check_score('kube-score-platform.txt', PlatformChart::render('helm4', {}, @{$args{prod}})->{out});
};
ChartTest::went_well(ChartTest::run('', 'shellcheck', '-s', 'bash', glob "$PlatformChart::CHART/files/*.sh"), 'shellcheck');

# The chart's scripts beside a platform that runs.
subtest 'backup.sh and test.sh' => sub {
	my $p = PlatformTest->new;
	$p->{more} = 1;
	my $run = sub {
		my ($shell, $script, %more) = @_;
		local %ENV = ($p->environment, PATH => "$p->{build}/src:$ENV{PATH}", BACKUPS => "$p->{dir}/backups", %more);
		return system("$shell $PlatformChart::CHART/files/$script >>$p->{dir}/script.log 2>&1");
	};
	mkdir "$p->{dir}/backups" or die;
	my $copy = sub { my ($file) = @_; return $run->('sh', 'backup.sh', FILE => $file, KEEP => 3) };
	is($copy->('before-1.db'), 0, 'without a database there is nothing to copy');
	$p->start;
	is($copy->("before-$_.db"), 0, "a copy for revision $_") for 9, 10, 10, 11;
	is(join(' ', sort map { s{.*/}{}r =~ s/-\d{8}T\d{6}\./-TIME./r } glob "$p->{dir}/backups/*"), 'before-10-TIME.db before-10.db before-11.db',
		'the newest are kept, and none is written over');
	isnt($run->('sh', 'restore.sh', RESTORE => 'before-9.db'), 0, 'one that is not there is not restored');
	like(Platform::slurp("$p->{dir}/script.log"), qr/^There is no copy before-9\.db; there are: before-10-\d{8}T\d{6}\.db before-10\.db before-11\.db$/m,
		'and it is said which there are');
	my %front = (SERVICE => '127.0.0.1', PORT => $p->{port}, HOST => 'localhost');
	is($run->('bash', 'test.sh', %front), 0, 'dashboard and API answer');
	$p->stop('api');
	isnt($run->('bash', 'test.sh', %front), 0, 'without the API they do not');
	$p->finish;
};

# A life of the release by each line of helm; its Job of before an upgrade runs each time.
for my $line (@ChartTest::LINES) {
	my $release = "sp-$line-$$";
	my $namespace = PlatformChart::install($line, $release);
	# The simulated node never ends a bare Pod, so that of helm test is only shown to the API server.
	my $test = PlatformChart::helm($line, $release, $namespace, 'template', $PlatformChart::CHART, '--show-only', 'templates/tests/front.yaml', '-f', '-');
	is(ChartTest::admit($namespace, $test->{out})->{err}, '', "$line: the Pod of helm test is admitted");
	for my $step (['upgrade', $PlatformChart::CHART, '--set', 'api.replicas=2', '-f', '-'], ['rollback', 1]) {
		my ($verb, @args) = @$step;
		my $r = $verb eq 'rollback' ? ChartTest::helm($line, '', $verb, $release, @args, '-n', $namespace)
			: PlatformChart::helm($line, $release, $namespace, $verb, @args);
		ChartTest::went_well($r, "$line: $verb");
	}
	my @events = ChartTest::live($namespace, 'events', '--field-selector=reason=Completed');
	is(join(' ', sort map { $_->{involvedObject}{name} } @events), "$release-backup-rollback $release-backup-upgrade", "$line: with a backup before each");
	is((ChartTest::live($namespace, 'deployment', "$release-api"))[0]{spec}{replicas}, 1, "$line: as it was");
	ChartTest::went_well(ChartTest::helm($line, '', 'uninstall', $release, '-n', $namespace), "$line: uninstall");
	is(join(' ', map { $_->{metadata}{name} } ChartTest::live($namespace, 'pvc')), "$release-data", "$line: the claim stays");
}
done_testing();
