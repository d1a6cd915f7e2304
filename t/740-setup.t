#!/usr/bin/perl
# `storectl setup` on a machine of its own: from a package's files, a kubeconfig and an
# nginx to a platform that makes a shop; again and again without a change that was not
# asked for; with each wrong input a sentence, and all as it was.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Account;
use Digest::SHA qw(sha256_hex);
use File::Find ();
use JSON::PP ();
use Root;
use Test::More;

PlatformTest::need_cluster();

my $m = Root->new(conf => {STORE_PORT => 80});
my ($http, $https) = (Platform::free_port(), Platform::free_port());
my @ports = ("--http-port=$http", "--https-port=$https");
$m->{more} = 1;

sub mode { my ($path) = @_; return sprintf '%o', (stat $m->path($path))[2] & 07777 }

# Every file below /etc of that machine: what it is, and when it was written.
sub state_of_etc {
	my %seen;
	File::Find::find({no_chdir => 1, wanted => sub {
		my @st = lstat;
		$seen{$_} = -l _ ? readlink : -f _ ? "$st[1] $st[9] " . sha256_hex(Platform::slurp($_)) : '';
	}}, $m->path('/etc'));
	return \%seen;
}

# It is refused with one sentence, and nothing is changed.
sub refused {
	my ($name, $status, $error, @args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = state_of_etc();
	my $r = $m->setup(@args);
	is($r->{status}, $status, "$name: status $status");
	like($r->{err}, qr/\Astorectl: [^\n]*$error[^\n]*\n\z/, "$name: with a sentence");
	is_deeply(state_of_etc(), $before, "$name: nothing was changed");
}

my @wrong = (
	['no domain', 2, 'Say it with --domain'],
	['a domain that is none', 2, 'no lower-case DNS name', '--domain=Shops_'],
	['a host that is none', 2, 'no lower-case DNS name', '--domain=shops.test', '--host=-x'],
	['a port that is none', 2, 'from 1 to 65535', '--domain=shops.test', '--http-port=0'],
	['two equal ports', 2, 'must differ', '--domain=shops.test', '--http-port=99', '--https-port=99'],
	['a certificate without its key', 2, 'go together', '--domain=shops.test', '--certificate=/etc/passwd'],
	['a certificate that is not there', 1, 'cannot read /nonexistent', '--domain=shops.test', '--certificate=/nonexistent', '--key=/nonexistent'],
	['a path that would be more than one', 2, 'plain signs', '--domain=shops.test', '--certificate=/x;y', '--key=/x'],
	['a bad name of an admin', 2, "a user's name has", '--domain=shops.test', '--admin=Ad min'],
	['a kubeconfig that is not there', 1, 'Looking at the cluster: .*cannot read /nonexistent', '--domain=shops.test', '--kubeconfig=/nonexistent'],
	['an option that is none', 2, 'has no option --domains', '--domains=x'],
	['an argument', 2, 'takes no argument', 'now'],
);

subtest 'wrong inputs before anything is there' => sub {
	refused(@$_) for @wrong;
	rename $m->path('/etc/rancher/k3s/k3s.yaml'), "$m->{dir}/away" or die;
	refused('no k3s', 1, 'no k3s on this machine.*--kubeconfig', '--domain=shops.test');
	rename "$m->{dir}/away", $m->path('/etc/rancher/k3s/k3s.yaml') or die;
	refused('a mail address without cert-manager', 1, 'no cert-manager, which takes --email', '--domain=shops.test', '--email=me@shops.test');
	my $text = $m->text('/etc/rancher/k3s/k3s.yaml') =~ s/127\.0\.0\.1:\d+/127.0.0.1:1/r;
	Platform::spew("$m->{dir}/dead", $text, 0600);
	refused('a cluster that does not answer', 1, 'cannot be reached', '--domain=shops.test', "--kubeconfig=$m->{dir}/dead");
};

my $first;
subtest 'the first run' => sub {
	$first = $m->setup('--domain=shops.test', @ports);
	like($first->{out}, qr/^Kubernetes v1\.\d+\.\d+\S* answers, by \S+k3s\.yaml\.$/m, 'it finds the k3s');
	is($first->{err}, '', 'nothing on standard error');
	is($first->{status}, 1, 'what cannot be well yet, the programs, is told by the status');
	like($first->{out}, qr{^The dashboard: https://shops\.test:$https/$}m, 'the address is printed');
	like($first->{out}, qr/^ok    rights: The platform's account has all \d+\.$/m, 'the account has its rights');
	is(mode('/etc/store-platform/kubeconfig'), '600', 'its credential is for root alone');
	is(mode('/etc/store-platform/tls.key'), '600', 'so is the key');
	is(mode('/etc/store-platform/store-platform.conf'), '644', 'the configuration is for all programs');
	is(readlink $m->path('/etc/nginx/sites-enabled/store-platform'), $m->path('/etc/store-platform/nginx-site.conf'), 'the site is enabled');
	like($m->text('/etc/store-platform/nginx-site.conf'), qr/listen 127\.0\.0\.1:$https ssl;/, 'with the ports');
	my $certificate = $m->path('/etc/store-platform/tls.crt');
	my $san = `openssl x509 -noout -ext subjectAltName -in $certificate`;
	like($san, qr/DNS:shops\.test$/m, 'the certificate is for the host');
	my $conf = $m->text('/etc/store-platform/store-platform.conf');
	like($conf, qr/\A# The operator's own words\.\n.*^AUTH = "off"$/ms, "the operator's lines stay");
	like($conf, qr/^STORE_PORT = "80"$/m, 'what he had chosen too');
	like($conf, qr{^KUBECONFIG=\Q$m->{root}\E/etc/store-platform/kubeconfig$}m, 'the credential is named');
	like($conf, qr/^BASE_DOMAIN=shops\.test$/m, 'and the domain');
	my $token = Account::token($m);
	push @{$m->{secrets}}, $token if length $token;
	ok(index($first->{out}, $token) < 0 && index($conf, $token) < 0, 'the token is in nothing but the credential');
	is(scalar(glob $m->path('/etc/store-platform/*.new')), undef, 'nothing half is left');
};
@{$m->{secrets}} = ();	# it stays in its file

subtest 'the first shop' => sub {
	$m->{conf}{KUBECONFIG} = $m->path('/etc/store-platform/kubeconfig');
	$m->start_programs;
	my $r = $m->setup('--admin=boss', '--generate');
	like($r->{out}, qr/^There is a new admin: boss\nIts password, which is shown only now: \w{20}$/m, 'the first admin is made');
	$r = $m->setup('--admin=boss', '--generate');
	like($r->{out}, qr/^There is an account already/m, 'once');
	my $store = $m->create(name => 'First');
	is($m->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'a shop becomes ready with what setup has written');
	is($store->{store_url}, 'http://first.shops.test', 'below the domain');
	$m->delete("/api/stores/$store->{id}");
	$m->wait_status($store->{id}, 'gone');
};

subtest 'again' => sub {
	my $before = state_of_etc();
	my $r = $m->setup();
	is($r->{err}, '', 'without a word about the domain');
	is_deeply(state_of_etc(), $before, 'nothing is changed');
	refused(@$_) for grep { $_->[0] ne 'no domain' } @wrong;
	$r = $m->setup('--host=panel.shops.test');
	my $after = state_of_etc();
	my @changed = grep { ($before->{$_} // '') ne ($after->{$_} // '') } sort keys %$after;
	is(join(' ', map { s{.*/}{}r } @changed), 'nginx-site.conf tls.crt tls.key', 'another host: its site and certificate');
	like($m->text('/etc/store-platform/nginx-site.conf'), qr/server_name panel\.shops\.test;\n.*tls\.crt/s, 'the host is in the site');
	like($m->text('/etc/store-platform/nginx-site.conf'), qr/listen 127\.0\.0\.1:$https ssl/, 'the ports stay');
	unlink $m->path('/etc/store-platform/kubeconfig') or die;
	$m->setup();
	is(mode('/etc/store-platform/kubeconfig'), '600', 'what was lost is made again');
	$m->setup('--domain=other.test');
	like($m->text('/etc/store-platform/store-platform.conf'), qr/^BASE_DOMAIN=other\.test$/m, 'another domain');
	my @lines = $m->text('/etc/store-platform/store-platform.conf') =~ /^(BASE_DOMAIN)/mg;
	is("@lines", 'BASE_DOMAIN', 'in the same line');
};

subtest 'a certificate of the operator' => sub {
	my $cert = $m->path('/etc/store-platform/tls.crt');
	my @own = map { "$m->{dir}/own.$_" } qw(crt key);
	system('cp', $m->path("/etc/store-platform/tls.$_"), "$m->{dir}/own.$_") for qw(crt key);
	my $before = Platform::slurp($cert);
	is($m->setup("--certificate=$own[0]", "--key=$own[1]", '--host=third.shops.test')->{err}, '', 'is taken');
	like($m->text('/etc/store-platform/nginx-site.conf'), qr/ssl_certificate \Q$own[0]\E;/, 'it is in the site');
	is(Platform::slurp($cert), $before, 'and none is made');
};

subtest 'nginx does not take it' => sub {
	my $template = $m->path('/usr/share/store-platform/nginx/site.conf.in');
	my $good = Platform::slurp($template);
	Platform::spew($template, "$good\nnonsense_of_a_site on;\n");
	my $before = $m->text('/etc/store-platform/nginx-site.conf');
	my $r = $m->setup('--host=fourth.shops.test');
	is($r->{status}, 1, 'it fails');
	like($r->{err}, qr/\Astorectl: nginx: nginx does not take the site, so it was taken back: nginx failed: [^\n]*nonsense_of_a_site[^\n]*\n\z/, 'with nginx\' own words');
	is($m->text('/etc/store-platform/nginx-site.conf'), $before, 'the site is as it was');
	unlink $m->path('/etc/nginx/sites-enabled/store-platform'), $m->path('/etc/store-platform/nginx-site.conf');
	$m->setup('--host=fourth.shops.test', @ports);
	ok(!-e $m->path('/etc/nginx/sites-enabled/store-platform') && !-e $m->path('/etc/store-platform/nginx-site.conf'),
		'one that was not there is not there');
	Platform::spew($template, $good);
	Platform::spew($m->path('/etc/nginx/sites-enabled/store-platform'), "# somebody's\n");
	like($m->setup('--host=fourth.shops.test', @ports)->{err}, qr/is there and is not ours; move it away/, 'a site of that name is left alone');
	is($m->text('/etc/nginx/sites-enabled/store-platform'), "# somebody's\n", 'as it was');
	unlink $m->path('/etc/nginx/sites-enabled/store-platform');
	is($m->setup('--host=fourth.shops.test', @ports)->{err}, '', 'and all is well again');
};

subtest 'helm' => sub {
	my $conf = $m->text('/etc/store-platform/store-platform.conf');
	my $old = "$m->{dir}/old-helm";
	Platform::spew($old, "#!/bin/sh\necho v3.12.0\n", 0755);
	refused('an old one', 1, 'The configuration: helm v3\.12\.0 is too old', "--helm=$old");
	refused('none', 1, 'helm cannot be run', '--helm=/nonexistent/helm');
	refused('one without a whole path', 2, 'absolute path', '--helm=helm');
	$m->setup('--helm=' . Platform::helm('helm4'));
	like($m->text('/etc/store-platform/store-platform.conf'), qr/^HELM = "?[^\n]*helm-v4|^HELM=\S*helm-v4/m, 'another one is taken');
};

subtest 'a credential that is no administrator\'s' => sub {
	my $r = $m->setup("--kubeconfig=" . $m->path('/etc/store-platform/kubeconfig'));
	is($r->{status}, 1, 'is refused');
	like($r->{err}, qr/lacks a right in the cluster/, 'with the right that is missing');
};

subtest 'a k3s as it is installed' => sub {
	my $n = Root->new(conf => {HELM_VALUES_FILE => undef});
	my ($name, $k3s) = ("setup-$$", "$n->{dir}/k3s.json");
	Platform::spew($k3s, JSON::PP::encode_json({apiVersion => 'v1', kind => 'List', items => [
		{apiVersion => 'storage.k8s.io/v1', kind => 'StorageClass', metadata => {name => 'local-path'}, provisioner => 'rancher.io/local-path'},
		{apiVersion => 'v1', kind => 'Namespace', metadata => {name => $name}},
		{apiVersion => 'v1', kind => 'Service', metadata => {name => 'traefik', namespace => $name},
			spec => {type => 'LoadBalancer', ports => [{port => 80, name => 'web'}, {port => 443, name => 'websecure'}]}}]}));
	$n->kubectl('apply', '-f', $k3s);
	my $r = $n->setup('--domain=k3s.test');
	$n->kubectl('delete', '--wait=false', '-f', $k3s);
	my $conf = Platform::slurp($n->{conf_file});
	like($conf, qr{^HELM_VALUES_FILE=\Q$n->{root}\E/usr/share/store-platform/charts/woocommerce-store/values-prod\.yaml$}m, 'its values are taken');
	my ($port) = $conf =~ /^STORE_PORT=(80|443)$/m;
	like($conf, qr/^STOREFRONT_ADDRESS=127\.0\.0\.1:$port$/m, 'and its traefik, which has the port of the shops');
	like($n->text('/etc/store-platform/nginx-site.conf'), qr/listen 127\.0\.0\.1:8443 ssl;/, 'so the dashboard has another');
	like($r->{out}, qr{^The dashboard: https://k3s\.test:8443/$}m, 'which is in its address');
	like($r->{out}, qr/^ok    storage class: The cluster has "local-path"\.$/m, 'doctor looks for what the values ask for');
	$n->{more} = $n->{unsettled} = 1;
	$n->finish;
};

subtest 'questions at a terminal' => sub {
	plan(skip_all => 'there is no program script') unless -x '/usr/bin/script';
	my $n = Root->new(conf => {STORE_PORT => 80});
	my $log = "$n->{dir}/terminal";
	my $command = "$n->{build}/src/storectl setup --root=$n->{root} @ports --generate";
	open my $in, '|-', 'sh', '-c', 'exec "$@" >/dev/null', 'sh', 'env', '-i', "PATH=$ENV{PATH}", "HOME=$n->{dir}",
		'script', '-qec', $command, $log or die;
	print $in "Asked.Test\nasked.test\npanel.asked.test\n";
	close $in;
	like(Platform::slurp($log), qr/"Asked\.Test" is no lower-case DNS name\.\r?\nDomain of the shops/, 'what is no name is asked for again');
	like(Platform::slurp($log), qr/Domain of the shops; each gets a name below it: .*Name of the dashboard \[asked\.test\]: /s, 'are asked');
	like($n->text('/etc/store-platform/store-platform.conf'), qr/^BASE_DOMAIN=asked\.test$/m, 'the first answer counts');
	like($n->text('/etc/store-platform/nginx-site.conf'), qr/server_name panel\.asked\.test;/, 'and the second');
	$n->{more} = $n->{unsettled} = 1;
	$n->finish;
	my $said = Root->new(conf => {STORE_PORT => 80});
	open my $out, '-|', 'sh', '-c', 'exec "$@" </dev/null', 'sh', 'env', '-i', "PATH=$ENV{PATH}", "HOME=$said->{dir}",
		'script', '-qec', "$said->{build}/src/storectl setup --root=$said->{root} @ports --domain=said.test", "$said->{dir}/terminal" or die;
	my $text = join '', <$out>;
	close $out;
	unlike($text, qr/Name of the dashboard/, 'who has named the domain is not asked for the host');
	like($said->text('/etc/store-platform/nginx-site.conf'), qr/server_name said\.test;/, 'which is the domain');
	$said->{more} = $said->{unsettled} = 1;
	$said->finish;
};
$m->finish;
done_testing();
