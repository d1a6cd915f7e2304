# ChartTest.pm: what the tests of charts/woocommerce-store share: the helm of both
# lines, kubectl, and namespaces that end with the test.
#
#	ChartTest::need();
#	my $ns = ChartTest::namespace('chart-check', 'demo');
#	my $r = ChartTest::render('helm4', {storeName => 'demo', ...}, '-f', $file);
#	my $list = ChartTest::admit($ns, $r->{out});
#
# run() and everything that uses it returns {code, out, err}; out and err are bytes.
package ChartTest;

use strict;
use warnings;

use File::Temp ();
use JSON::PP ();
use PlatformTest;
use Test::More;

our $CHART = "$Platform::TOP/charts/woocommerce-store";
our @LINES = ('helm3', 'helm4');
our %LEAST = (storeName => 'demo', storeDomain => 'demo.example.org');
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $scratch = File::Temp->newdir('store-XXXXXX', TMPDIR => 1);
my $owner = $$;
my @namespaces;

# Ends the test file at once if what it needs is not there.
sub need {
	PlatformTest::need_cluster();
	for my $line (@LINES) {
		plan(skip_all => "no $line: run this by ./dev test") unless -x Platform::helm($line);
	}
}

# A program with that text on its standard input.
sub run {
	my ($stdin, @argv) = @_;
	Platform::spew("$scratch/in", $stdin);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		%ENV = (PATH => $ENV{PATH}, HOME => "$scratch",
			KUBECONFIG => Platform::cluster_file('kubeconfig'));
		open STDIN, '<', "$scratch/in" or POSIX::_exit(126);
		open STDOUT, '>', "$scratch/out" or POSIX::_exit(126);
		open STDERR, '>', "$scratch/err" or POSIX::_exit(126);
		exec { $argv[0] } @argv or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return {code => $?, out => Platform::slurp("$scratch/out"), err => Platform::slurp("$scratch/err")};
}

sub helm { my ($line, $stdin, @args) = @_; return run($stdin, Platform::helm($line), @args) }
sub kubectl { my ($stdin, @args) = @_; return run($stdin, Platform::kubectl_path(), @args) }
sub encode { return $json->encode($_[0]) }
sub decode { return $json->decode($_[0]) }

# `helm template` with these values beside storeName and storeDomain; undef takes a key away.
sub render {
	my ($line, $values, @args) = @_;
	my %all = (%LEAST, %$values);
	delete @all{grep { exists $values->{$_} && !defined $values->{$_} } keys %LEAST};
	return helm($line, encode(\%all), 'template', 'wc-demo', $CHART, '-n', 'store-demo', @args, '-f', '-');
}

# The documents of a rendering as a set: order and white space at an end mean nothing.
sub documents {
	my ($text) = @_;
	return sort map { s/\s+\z//r } grep { /^kind:/m } split /^---\n/m, $text;
}

# Fails the test with what the program said; true if all went well.
sub went_well {
	my ($r, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($r->{code} ? "$r->{code}: $r->{err}" : '', '', $name);
}

# A restricted namespace that also warns. For dry runs it has the shop's ServiceAccount:
# a Pod without its account is refused before anything of it is looked at.
sub namespace {
	my ($name, $shop) = @_;
	my $namespace = "$name-$$";
	my $mode = 'pod-security.kubernetes.io';
	my @items = {apiVersion => 'v1', kind => 'Namespace', metadata => {name => $namespace,
		labels => {"$mode/enforce" => 'restricted', "$mode/warn" => 'restricted'}}};
	push @items, {apiVersion => 'v1', kind => 'ServiceAccount',
		metadata => {name => "$shop-store", namespace => $namespace}} if defined $shop;
	my $r = kubectl(encode({apiVersion => 'v1', kind => 'List', items => \@items}), 'apply', '-f', '-');
	die "namespace $namespace: $r->{err}" if $r->{code};
	push @namespaces, $namespace;
	return $namespace;
}

# What the API server would make of these objects: {err, objects}; a warning is an error.
sub admit {
	my ($namespace, $text) = @_;
	my $r = kubectl($text, 'apply', '-n', $namespace, '--dry-run=server', '-o', 'json', '-f', '-');
	my $list = $r->{code} ? {} : decode($r->{out});
	return {err => $r->{err}, objects => $list->{items} || [$list]};
}

# The objects of a rendering, by the API server; dies if it takes one only with a word.
sub objects {
	my ($namespace, $text) = @_;
	my $r = admit($namespace, $text);
	die "not admitted: $r->{err}" if $r->{err} ne '';
	return @{$r->{objects}};
}

# The live objects of these names, or that a selector finds.
sub live {
	my ($namespace, @args) = @_;
	my $r = kubectl('', '-n', $namespace, 'get', '--ignore-not-found', @args, '-o', 'json');
	die "kubectl get @args: $r->{err}" if $r->{code};
	my $found = $r->{out} eq '' ? {items => []} : decode($r->{out});
	return $found->{items} ? @{$found->{items}} : $found;
}

# The template of an object's pods, as a Pod; undef if it has none.
sub pod_of {
	my ($object) = @_;
	my $kind = $object->{kind};
	return $object if $kind eq 'Pod';
	my $spec = $kind eq 'CronJob' ? $object->{spec}{jobTemplate}{spec} : $object->{spec};
	my $template = $spec->{template} or return undef;
	return {apiVersion => 'v1', kind => 'Pod', spec => $template->{spec},
		metadata => {name => lc "$kind-trial", labels => $template->{metadata}{labels}}};
}

sub containers {
	my ($pod) = @_;
	return (@{$pod->{spec}{initContainers} || []}, @{$pod->{spec}{containers}});
}

# A shop of the first chart as an administrator makes it, with its claims bound; its namespace.
sub seed_shop {
	my ($p, $slug) = @_;
	my $ns = "store-$slug";
	went_well(kubectl('', 'create', 'namespace', $ns), 'a namespace of the first chart');
	went_well(helm('helm3', encode({storeName => $slug, storeDomain => "$slug.$p->{conf}{BASE_DOMAIN}"}),
		'upgrade', '--install', "wc-$slug", "$Platform::TOP/t/fixtures/seed-chart", '-n', $ns, '-f', '-'), 'with its shop');
	went_well(kubectl('', '-n', $ns, 'wait', 'pvc', '--all', '--for=jsonpath={.status.phase}=Bound',
		'--timeout=120s'), 'and its claims');
	return $ns;
}

# What is wrong with a container; nothing if all is well.
sub faults {
	my ($c, $image) = @_;
	my $s = $c->{securityContext} || {};
	my %good = (
		'no escalation' => defined $s->{allowPrivilegeEscalation} && !$s->{allowPrivilegeEscalation},
		'read-only root' => $s->{readOnlyRootFilesystem},
		'no capability' => "@{$s->{capabilities}{drop} || []}" eq 'ALL' && !$s->{capabilities}{add},
		'pinned image' => scalar($c->{image} =~ $image),
		'passwords as files' => !grep({ $_->{valueFrom} } @{$c->{env} || []})
			&& !grep({ $_->{secretRef} } @{$c->{envFrom} || []}),
		map {
			my ($side, $what) = split /\./;
			("resources $_" => defined $c->{resources}{$side}{$what})
		} qw(limits.memory limits.cpu requests.memory requests.cpu),
	);
	return grep { !$good{$_} } sort keys %good;
}

# kube-score's objections without those that a file in t/ gives a reason for.
sub check_score {
	my ($reasons, $text) = @_;
	my $program = $ENV{STORE_KUBE_SCORE} || '/nonexistent';
	return plan(skip_all => 'no kube-score: run this by ./dev test') unless -x $program;
	my @known = map { [split /\s*\|\s*/] } grep { /^[^#]/ } split /\n/,
		Platform::slurp("$Platform::TOP/t/$reasons");
	my $r = run($text, $program, 'score', '--kubernetes-version', 'v1.36', '-o', 'json',
		'--enable-optional-test', 'container-seccomp-profile', '-');
	my (%used, @open);
	for my $object (@{decode($r->{out})}) {
		my $name = $object->{object_meta}{name};
		for my $check (grep { !$_->{skipped} && $_->{grade} < 10 } @{$object->{checks}}) {
			my ($line) = grep { $_->[0] eq $check->{check}{id} && $name =~ /^$_->[1]$/ } @known;
			$used{$line} = 1 if $line;
			push @open, "$name: $check->{check}{id}: " . join('; ', map { $_->{summary} }
				@{$check->{comments} || []}) unless $line;
		}
	}
	is(join("\n", @open), '', 'no objection without a reason');
	is(join("\n", map { $_->[0] } grep { !$used{$_} } @known), '', 'no reason without an objection');
}

END {
	if ($$ == $owner && @namespaces) {
		local $?;
		kubectl('', 'delete', 'namespace', '--wait=false', @namespaces);
	}
}

1;
