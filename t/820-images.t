#!/usr/bin/perl
# The platform's images, built from their Containerfiles on a base of Debian packages:
# what they say of themselves and what is in them; and a store's life through their
# containers, which run as nobody in particular, without a right, on a root that cannot
# be written. Needs root and the local cluster of ./dev test. ./dev test --arch does the same
# with those for another architecture, by emulation.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Find ();
use HTTP::Tiny;
use ImageTest;
use Test::More;

plan(skip_all => 'once is enough: not with sanitizers') if ($ENV{STORE_BUILD} || '') =~ /asan/;
ImageTest::need();
ImageTest::build();
END { ImageTest::remove() }

my %user = (api => '10001:10001', nginx => '101:101');
my ($version) = Platform::slurp("$Platform::TOP/configure.ac") =~ /^AC_INIT\(\[store-platform\], \[([\d.]+)\]\)/m;
my $arch = ImageTest::built_for();
my $p = ImageTest->new;

subtest 'what the images say' => sub {
	for my $image (sort keys %user) {
		my $config = ImageTest::config($image);
		is($config->{User}, $user{$image}, "$image: its user is a number, and not root's");
		is(ImageTest::architecture($image), $arch, "$image: it is for $arch");
		my %label = map { s/^org\.opencontainers\.image\.//r => $config->{Labels}{$_} } grep { /^org\.opencontainers/ } keys %{$config->{Labels}};
		is($label{version}, $version, "$image: the version is that of configure.ac");
		is($label{licenses}, 'Apache-2.0', "$image: the licence");
		ok(length($label{$_} // ''), "$image: $_") for qw(title description url);
		is_deeply([keys %{$config->{ExposedPorts}}], [$image eq 'api' ? '9000/tcp' : '8080/tcp'], "$image: its port");
	}
};

# Every file below a folder, without following links.
sub all_files {
	my ($folder) = @_;
	my @found;
	File::Find::find({no_chdir => 1, wanted => sub { push @found, $_ if lstat && -f _ }}, $folder);
	return @found;
}

# The number that a program has of its machine, if the file is one.
sub machine_of {
	my ($file) = @_;
	open my $in, '<:raw', $file or die "$file: $!";
	read $in, my $head, 20;
	return ($head // '') =~ /^\x7fELF/ ? unpack('v', substr $head, 18) : ();
}

subtest 'what is in the images' => sub {
	my %number = (amd64 => 62, arm64 => 183);
	for my $image (sort keys %user) {
		my $root = ImageTest::files($image);
		my @files = all_files($root);
		cmp_ok(scalar @files, '>', 500, "$image: it has files");
		my %machine = map { $_ => machine_of($_) } grep { machine_of($_) } @files;
		cmp_ok(scalar keys %machine, '>', 100, "$image: it has programs and libraries");
		is(join(' ', grep { $machine{$_} != $number{$arch} } sort keys %machine), '', "$image: each of them is for $arch");
		is(join(' ', grep { (lstat $_)[2] & 06000 } @files), '', "$image: none changes the user who runs it");
		is(join(' ', grep { m{^/(?:usr/(?:local/)?)?s?bin/(?:gcc|cc|make|node|esbuild|curl|wget)$} } map { substr $_, length $root } @files),
			'', "$image: no tool of the build, and none that loads from the network");
		is(join(' ', grep { m{/var/(?:lib/apt/lists|cache/apt)/} } @files), '', "$image: nothing that apt has loaded");
		cmp_ok(scalar(() = Platform::slurp("$root/var/lib/dpkg/status") =~ /^Package: /mg), '>', 50, "$image: the list of its packages");
	}
	my ($api, $nginx) = map { ImageTest::files($_) } qw(api nginx);
	ok(-x "$api/usr/sbin/$_", "$_ is there") for qw(store-api store-provisioner store-worker storectl);
	ok(-f "$api/usr/share/store-platform/charts/woocommerce-store/Chart.yaml", 'so is the chart');
	is(Platform::slurp("$nginx/usr/share/store-platform/dashboard/$_"), Platform::slurp("$p->{build}/dashboard/$_"), "the dashboard's $_ is this tree's")
		for qw(index.html app.js app.css);
	is(Platform::slurp("$nginx/usr/share/store-platform/nginx/$_"), Platform::slurp("$Platform::TOP/nginx/$_"), "so is nginx/$_")
		for qw(api.conf fastcgi.conf limits.conf);
	my $helm = $p->run_container('api', ['helm', 'version', '--short']);
	like($helm->{out}, qr/^v3\.\d+\.\d+/, 'helm runs');
	is($p->run_container('api', [$_, '--version'])->{status}, 0, "and $_") for qw(store-api store-provisioner storectl);
};

subtest 'helm by its checksum' => sub {
	my %sum = Platform::slurp("$Platform::TOP/src/Containerfile") =~ /^ARG HELM_SHA256_(AMD64|ARM64)=([0-9a-f]{64})$/mg;
	is(scalar keys %{{reverse %sum}}, 2, 'each architecture has one of its own');
	my $other = $arch eq 'amd64' ? 'arm64' : 'amd64';
	# A builder that does not say TARGETARCH is one, too.
	for my $case (['', qr/helm\.tar\.gz: FAILED$/m, 'an archive with another checksum'],
		['riscv64', qr/^There is no checksum of helm for riscv64\.$/m, 'an architecture without one'],
		[$other, qr/^The image is for $other, but its base for $arch\.$/m, 'the base of another architecture']) {
		my $r = ImageTest::build_with_helm('another helm', '--build-arg', "TARGETARCH=$case->[0]");
		isnt($r->{status}, 0, "$case->[2] makes no image");
		like($r->{out}, $case->[1], 'and a sentence says so');
	}
};

subtest 'values that are no values' => sub {
	for my $case ([API_HOST => 'a;return 200'], [API_HOST => "a\nb"], [API_HOST => '$(id)'], [API_HOST => '-a'], [API_HOST => 'a|e id'],
		[API_PORT => '9000;'], [API_PORT => '0'], [LISTEN => '8080 ssl'], [LISTEN => '80:80:80'],
		[METRICS_LISTEN => '9100;'], [METRICS_LISTEN => "9100\n9101"], [METRICS_LISTEN => ':9100'], [METRICS_LISTEN => '8080'], [PUBLIC_SCHEME => 'ftp'],
		[PUBLIC_SCHEME => 'http; }'], [TRUSTED_PROXIES => '10.0.0.0/8; }'], [TRUSTED_PROXIES => "10.0.0.0/8\n}"]) {
		my $r = $p->run_container('nginx', [], @$case);
		is($r->{status}, 2, "nginx: $case->[0] is checked: $case->[1]");
		like($r->{out}, qr/^store-platform-nginx: $case->[0] must be [^\n]+\.$/, 'and a sentence says so');
	}
	for my $case ([LISTEN => 'x'], [LISTEN => '-u'], [LISTEN => '1.2.3.4:99999'], [API_PROCESSES => '0'], [API_PROCESSES => '4; id'], [API_PROCESSES => '65']) {
		my $r = $p->run_container('api', [], @$case);
		is($r->{status}, 2, "api: $case->[0] is checked: $case->[1]");
		like($r->{out}, qr/^store-platform: $case->[0] must be [^\n]+\.$/, 'and a sentence says so');
	}
};

subtest 'a life of a store in containers' => sub {
	$p->start;
	$p->wait_for('the platform to be ready', sub { $p->get('/api/ready')->{status} == 200 }, 60,
		sub { $p->get('/api/ready')->{content} });
	like($p->get('/')->{content}, qr/<title>/, 'the dashboard is there');
	like($p->get('/app.js')->{headers}{'content-type'}, qr{^text/javascript}, 'with its script');
	my $store = $p->create(name => "Image $$");
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'a store becomes ready');
	is($p->kubectl('get', 'namespace', $store->{namespace}, '-o', 'name'), "namespace/$store->{namespace}\n", 'it is in the cluster');
	is($p->delete("/api/stores/$store->{id}")->{status}, 200, 'it is deleted');
	$p->wait_status($store->{id}, 'gone');
	$p->is_gone($store->{slug});
};

# Every client of this machine stands for an ingress that ends TLS.
subtest 'behind an ingress' => sub {
	my $port = Platform::free_port();
	$p->start_pool('api-login', $port, AUTH => 'on');
	my $own = $p->start_nginx('nginx-ingress', API_PORT => $port, PUBLIC_SCHEME => 'https', TRUSTED_PROXIES => '127.0.0.0/8 ::1');
	my $ask = sub { my ($origin) = @_; return HTTP::Tiny->new->post("http://$own/api/login",
		{headers => {Origin => $origin, 'content-type' => 'application/json'}, content => '{"name": "nobody", "password": "long enough"}'})->{status} };
	is($ask->("http://$own"), 403, 'PUBLIC_SCHEME is what Origin is compared with');
	is($ask->("https://$own"), 401, 'and the right one is let in, as far as the password');
	my $from = sub { my ($to) = @_; return HTTP::Tiny->new->get("$to/api/stores", {headers => {'X-Forwarded-For' => '203.0.113.5'}})->{status} };
	is($from->($p->{url}), 200, 'X-Forwarded-For is believed of nobody');
	my $trusting = $p->start_nginx('nginx-trusting', TRUSTED_PROXIES => '127.0.0.0/8');
	is($from->("http://$trusting"), 403, 'but of a proxy that is trusted: such a client is not this machine, which AUTH=off serves');
};

subtest 'figures on a port of their own' => sub {
	my $at = 'http://127.0.0.1:' . (my $port = Platform::free_port());
	# For who is not the machine itself this front gives none.
	my $front = $p->start_nginx('nginx-metrics', METRICS_LISTEN => "127.0.0.1:$port", TRUSTED_PROXIES => '127.0.0.0/8');
	my %far = (headers => {'X-Forwarded-For' => '203.0.113.5'});
	my $r = HTTP::Tiny->new->get("$at/metrics", \%far);
	is($r->{status}, 200, 'whoever reaches that port is answered');
	like($r->{headers}{'content-type'}, qr{^text/plain}, 'as text');
	like($r->{content}, qr/^store_platform_http_requests_total\{/m, 'with figures');
	is(HTTP::Tiny->new->get("http://$front/metrics", \%far)->{status}, 403, 'which the front keeps to itself');
	is(HTTP::Tiny->new->get("$at$_", \%far)->{status}, 404, "nothing else is there: $_") for '/', '/api/stores', '/metrics/', '/api/metrics', '/app.js';
	is(HTTP::Tiny->new->post("$at/metrics", {content => 'x'})->{status}, 403, 'and nothing is to be sent');
};

subtest 'with no right' => sub {
	my %ids = (api => '10001', provisioner => '10001 10002', nginx => '101');
	for my $name (sort keys %ids) {
		my @pids = $p->processes($name);
		cmp_ok(scalar @pids, '>=', $name eq 'provisioner' ? 1 : 2, "$name: it runs");
		for my $pid (@pids) {
			my %is = Platform::slurp("/proc/$pid/status") =~ /^(\w+):\s*(.*)$/mg;
			is(join(' ', sort { $a <=> $b } keys %{{map { $_ => 1 } split ' ', "$is{Uid} $is{Gid}"}}), $ids{$name}, "$name, process $pid: its user");
			is(join(' ', grep { $is{$_} !~ /^0+$/ } qw(CapEff CapPrm CapBnd CapInh CapAmb)), '', 'no capability');
		}
		my $write = $p->runc('exec', $p->id($name), 'sh', '-c', 'echo x >/usr/share/x');
		like($write->{out}, qr/Read-only file system/, "$name: its root cannot be written");
	}
	is($p->runc('exec', $p->id('provisioner'), 'cat', '/proc/1/comm')->{out}, "tini\n", 'what a killed worker leaves has a parent that waits for it');
	my $read = $p->runc('exec', $p->id('api'), 'cat', '/var/lib/store-platform/provisioner/seal.key');
	like($read->{out}, qr/Permission denied/, 'the API cannot read the key of the provisioner');
	is(join(' ', map { sprintf '%s %o', s{^.*/}{}r, (stat $_)[2] & 07777 } grep { (stat $_)[2] & 07 } glob "$p->{dir}/data/database/*"), '',
		'nobody else may read the database');
};
$p->finish;
