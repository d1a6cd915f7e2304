#!/usr/bin/perl
# The chart as it renders: both lines of helm, every values file and plan, each object
# taken by the API server of the local cluster in a namespace with Pod Security
# "restricted", and what must be so in every pod.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChartTest;
use Test::More;

ChartTest::need();

my $namespace = ChartTest::namespace('chart-render', 'demo');
my @files = ('values.yaml', 'values-local.yaml', 'values-prod.yaml');
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my %seen;	# the objects of a combination, by its name

sub combination {
	my ($file, $plan, $hook, $tls) = @_;
	my $name = "$file, $plan, hook " . ($hook ? 'on' : 'off') . ', tls ' . ($tls ? 'on' : 'off');
	my $values = {plan => $plan, wcInit => {hook => $hook}, ingress => {tls => {enabled => $tls}}};
	my @r = map { ChartTest::render($_, $values, '-f', "$ChartTest::CHART/$file") } @ChartTest::LINES;
	is(join('', map { $_->{err} } @r), '', "$name: renders");
	is_deeply([ChartTest::documents($r[0]{out})], [ChartTest::documents($r[1]{out})],
		"$name: the same by both lines");
	my $admitted = ChartTest::admit($namespace, $r[1]{out});
	is($admitted->{err}, '', "$name: admitted without a warning");
	$seen{$name} = $admitted->{objects};
}

# "1536Mi" in bytes, "500m" in thousandths of a core.
sub memory {
	my ($n, $unit) = $_[0] =~ /^([0-9.]+)(Ki|Mi|Gi|)$/ or die "memory $_[0]";
	return $n * {'' => 1, Ki => 1024, Mi => 1024 ** 2, Gi => 1024 ** 3}->{$unit};
}
sub cpu { my ($n) = @_; return $n =~ s/m$// ? $n : $n * 1000 }

# What a pod counts in a quota: its containers together, or its largest init container.
sub counted {
	my ($pod, $side, $what, $value) = @_;
	my $sum = 0;
	$sum += $value->($_->{resources}{$side}{$what}) for @{$pod->{spec}{containers}};
	for my $c (@{$pod->{spec}{initContainers} || []}) {
		my $n = $value->($c->{resources}{$side}{$what});
		$sum = $n if $n > $sum;
	}
	return $sum;
}

# All pods that can run at once, and a solver with the LimitRange's defaults.
sub check_quota {
	my ($name, @objects) = @_;
	my ($quota) = map { $_->{spec}{hard} } grep { $_->{kind} eq 'ResourceQuota' } @objects;
	my ($limit) = map { $_->{spec}{limits}[0] } grep { $_->{kind} eq 'LimitRange' } @objects;
	my @pods = grep { defined } map { ChartTest::pod_of($_) } @objects;
	push @pods, {spec => {containers => [{resources =>
		{limits => $limit->{default}, requests => $limit->{defaultRequest}}}]}};
	is(scalar @pods, 6, "$name: six pods can run at once");
	cmp_ok(scalar @pods, '<=', $quota->{pods}, "$name: as many as the quota has");
	for my $side ('limits', 'requests') {
		for (['memory', \&memory], ['cpu', \&cpu]) {
			my ($what, $value) = @$_;
			my $sum = 0;
			$sum += counted($_, $side, $what, $value) for @pods;
			cmp_ok($sum, '<=', $value->($quota->{"$side.$what"}), "$name: $side of $what fit");
		}
	}
}

sub check_pods {
	my ($name, @objects) = @_;
	for my $pod (grep { defined } map { ChartTest::pod_of($_) } @objects) {
		my $spec = $pod->{spec};
		my $s = $spec->{securityContext};
		my $what = "$name: $pod->{metadata}{labels}{'app.kubernetes.io/component'}";
		ok($s->{runAsNonRoot} && $s->{runAsUser} && $s->{runAsUser} == $s->{runAsGroup}
			&& $s->{fsGroup} == $s->{runAsUser}, "$what: is not root, and owns its files");
		is($s->{seccompProfile}{type}, 'RuntimeDefault', "$what: seccomp");
		ok(defined $spec->{automountServiceAccountToken} && !$spec->{automountServiceAccountToken}
			&& $spec->{serviceAccountName} eq 'demo-store', "$what: no token of the API");
		ok(defined $spec->{enableServiceLinks} && !$spec->{enableServiceLinks}, "$what: no service links");
		is(join(', ', map { my $c = $_; map { "$c->{name}: $_" } ChartTest::faults($c, qr{^[a-z.]+/[a-z/]+:[^:]*\d+\.\d+[^:]*$}) } ChartTest::containers($pod)),
			'', "$what: every container");
		is(join(' ', map { $_->{name} } grep { $_->{emptyDir} && !$_->{emptyDir}{sizeLimit} }
			@{$spec->{volumes}}), '', "$what: every emptyDir has a limit");
		is(join(' ', grep { $_ ne '288' } map { $_->{secret}{defaultMode} }
			grep { $_->{secret} } @{$spec->{volumes}}), '', "$what: secrets are read by their group only");
	}
}

# Enforced on pods alone: each template is tried as a pod, and what the check is worth
# shows by a pod that lacks one thing.
sub check_enforced {
	my ($name, @objects) = @_;
	my @pods = grep { defined } map { ChartTest::pod_of($_) } @objects;
	my $list = {apiVersion => 'v1', kind => 'List', items => \@pods};
	is(ChartTest::admit($namespace, ChartTest::encode($list))->{err}, '', "$name: every pod is admitted");
	delete $pods[0]{spec}{containers}[0]{securityContext}{allowPrivilegeEscalation};
	like(ChartTest::admit($namespace, ChartTest::encode($pods[0]))->{err},
		qr/violates PodSecurity "restricted/, 'a pod that lacks one setting is not');
}

sub check_labels {
	my ($name, @objects) = @_;
	is(join(' ', map { "$_->{kind}/$_->{metadata}{name}" } grep {
		($_->{metadata}{labels}{'app.kubernetes.io/part-of'} || '') ne 'store-platform' } @objects),
		'', "$name: every object is labelled as the platform's");
	is(scalar(grep { $_->{kind} eq 'Secret' } @objects), 0, "$name: no Secret");
}

for my $line (@ChartTest::LINES) {
	for my $file (@files) {
		my $r = ChartTest::helm($line, ChartTest::encode(\%ChartTest::LEAST), 'lint', '--strict',
			$ChartTest::CHART, '-f', "$ChartTest::CHART/$file", '-f', '-');
		ok($r->{code} == 0, "$line lint, $file") or diag($r->{out});
	}
}
for my $file (@files) {
	for my $plan ('small', 'medium', 'large') {
		combination($file, $plan, $_ & 1 ? $yes : $no, $_ & 2 ? $yes : $no) for 0 .. 3;
	}
}
for my $plan ('small', 'medium', 'large') {
	my $name = "values-prod.yaml, $plan, hook off, tls on";
	check_quota($plan, @{$seen{$name}});
	check_pods($plan, @{$seen{$name}});
}
check_labels($_, @{$seen{$_}}) for sort keys %seen;
check_enforced('hook on', @{$seen{'values.yaml, small, hook on, tls off'}});
subtest 'kube-score' => sub {
	ChartTest::check_score('kube-score.txt', ChartTest::render('helm4', {}, '-f', "$ChartTest::CHART/values-prod.yaml")->{out});
};

my @scripts = glob "$ChartTest::CHART/files/*/*.sh";
cmp_ok(scalar @scripts, '>=', 7, 'the chart has its scripts');
ChartTest::went_well(ChartTest::run('', 'shellcheck', @scripts), 'shellcheck');
SKIP: {
	my ($php) = grep { -x } map { "$_/php" } split /:/, $ENV{PATH};
	skip 'no php', 1 unless $php;
	for my $script (glob "$ChartTest::CHART/files/*/*.php") {
		ChartTest::went_well(ChartTest::run('', $php, '-l', $script), "php -l $script");
	}
}
done_testing();
