# RealPlatform.pm: the platform of charts/store-platform on the real node, out of its two images,
# with the commands of the chart's README word by word, in a folder that has what they
# name. Its dashboard is asked for by HTTPS through the ingress, as a browser would.
#
#	my $p = RealPlatform->new;		# brings the images onto the node
#	$p->well('helm4', 'helm upgrade');	# the line of the README that begins like this
#	my $r = $p->post('/api/stores', {name => 'Shop'}, as => $token);
package RealPlatform;

use strict;
use warnings;

use ImageTest;
use JSON::PP ();
use RealNode;
use Test::More;

use parent 'Platform';

our $HOST = 'platform.localhost';
our $NAMESPACE = 'platform';
my $json = JSON::PP->new->utf8->canonical;
my $readme = Platform::slurp("$Platform::TOP/charts/store-platform/README.md");

sub new {
	my ($class) = @_;
	my $self = Platform::new($class);
	my $dir = $self->{dir};
	$self->{url} = "https://$HOST:" . (split /:/, RealNode::addresses()->{https})[1];
	symlink "$Platform::TOP/charts", "$dir/charts" or die "charts: $!";
	for my $line ('helm3', 'helm4') {
		mkdir "$dir/$line" or die "$line: $!";
		symlink Platform::helm($line), "$dir/$line/helm" or die "$line: $!";
		symlink Platform::kubectl_path(), "$dir/$line/kubectl" or die "kubectl: $!";
	}
	for my $archive (ImageTest::archives($dir)) {
		RealNode::import_image($archive);
		unlink $archive;
	}
	$self->certificate;
	$self->mine;
	return $self;
}

# As cert-manager would make it, by the node's own authority.
sub certificate {
	my ($self) = @_;
	my ($dir, $node) = ($self->{dir}, $ENV{STORE_NODE});
	Platform::spew("$dir/name", "subjectAltName=DNS:$HOST\n");
	my $said = qx(exec 2>&1; cd $dir && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -subj /CN=platform -out tls.csr &&
		openssl x509 -req -in tls.csr -CA $node/ca.crt -CAkey $node/ca.key -CAserial serial -CAcreateserial -days 2 -extfile name -out tls.crt);
	die "openssl: $said" if $?;
}

# mine.yaml: what is this node's, over values-prod.yaml, with %over laid over it.
sub mine {
	my ($self, %over) = @_;
	my ($port) = RealNode::addresses()->{http} =~ /:(\d+)/;
	my ($api) = Platform::slurp("$ENV{STORE_NODE}/kubeconfig") =~ /:(\d+)$/m;
	Platform::spew("$self->{dir}/mine.yaml", $json->encode(RealNode::merge({
		image => {ImageTest::names(), pullPolicy => 'Never'},
		# The ports of the node are other ones outside of it.
		stores => {baseDomain => 'shops.localhost', port => 0 + $port, https => 'off',
			storefrontAddress => '10.250.0.10:80', chartValues => RealNode::shop_values()},
		database => {storage => '1Gi'},
		ingress => {host => $HOST, trustedProxies => ['10.244.0.0/16'], tls => {issuer => '', secretName => 'platform-tls'}},
		networkPolicy => {apiServer => {ports => [443, 0 + $api]}},
	}, \%over)));
}

# A command in that folder, with that line of helm: {code, out, err}.
sub shell {
	my ($self, $line, $command) = @_;
	my %path = map { $_ => "$self->{dir}/command.$_" } qw(out err);
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		chdir $self->{dir} or POSIX::_exit(126);
		%ENV = (PATH => "$self->{dir}/$line:$ENV{PATH}", HOME => $self->{dir}, KUBECONFIG => "$ENV{STORE_NODE}/kubeconfig");
		open STDIN, '<', '/dev/null' or POSIX::_exit(126);
		open STDOUT, '>', $path{out} or POSIX::_exit(126);
		open STDERR, '>', $path{err} or POSIX::_exit(126);
		exec 'sh', '-ec', $command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return {code => $?, map { $_ => Platform::slurp($path{$_}) } keys %path};
}

# The line of the README's walk for k3s, and of what follows it, that begins like that.
sub line {
	my ($begin) = @_;
	my ($part) = $readme =~ /^## k3s\n(.*)/ms or die 'no walk for k3s';
	my ($line) = $part =~ /^(\Q$begin\E\b.*?)(?:\s+#.*)?$/m or die "the README has no line: $begin";
	return $line;
}

# Runs that line and expects it to go well; what it printed.
sub well {
	my ($self, $line, $begin) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $command = line($begin);
	my $r = $self->shell($line, $command);
	is($r->{code} ? "$r->{code}: $r->{err}" : '', '', "$line: $command");
	return $r->{out};
}

sub request {
	my ($self, $method, $path, %opt) = @_;
	my %headers = (%{$opt{headers} || {}}, ($opt{as} //= $self->{as}) ? (Authorization => "Bearer $opt{as}") : (),
		exists $opt{json} ? ('content-type' => 'application/json') : ());
	my $r = HTTP::Tiny->new(timeout => 30, verify_SSL => 1, SSL_options => {SSL_ca_file => "$ENV{STORE_NODE}/ca.crt"})
		->request($method, "$self->{url}$path", {peer => '127.0.0.1', headers => \%headers,
			exists $opt{json} ? (content => $json->encode($opt{json})) : ()});
	$r->{json} = eval { $json->decode($r->{content}) } if ($r->{headers}{'content-type'} || '') =~ m{^application/json};
	return $r;
}

# Logs in as a page of the dashboard does, and makes a token for what follows.
sub token {
	my ($self, $name, $password, $scope) = @_;
	my $login = $self->post('/api/login', {name => $name, password => $password}, headers => {Origin => $self->{url}});
	my ($cookie) = ($login->{headers}{'set-cookie'} // '') =~ /^([^;]+)/ or die "login: $login->{status} $login->{content}\n";
	my $r = $self->post('/api/tokens', {name => 'Test', scope => $scope}, headers => {Origin => $self->{url}, Cookie => $cookie});
	return $r->{json}{token} // die "token: $r->{status} $r->{content}\n";
}

sub pods {
	my ($self, $component) = @_;
	my $list = RealNode::kubectl('-n', $NAMESPACE, 'get', 'pods', '-o', 'json', $component ? ('-l', "app.kubernetes.io/component=$component") : ());
	return @{JSON::PP::decode_json($list // '{"items": []}')->{items}};
}

# Waits until no pod of before is left: helm does not.
sub settle {
	my ($self) = @_;
	$self->wait_for('pods of before to end', sub { !grep { $_->{metadata}{deletionTimestamp} } $self->pods }, 120);
}

# The folder of its claim on the node.
sub volume { return (glob "$ENV{STORE_NODE}/volumes/*_${NAMESPACE}_sp-data")[0] }

1;
