# Root.pm: a machine of one's own for `storectl setup` and `storectl doctor`: a folder
# that stands for "/", with a package's files, an nginx and a k3s' kubeconfig in it, and
# the platform that runs from the configuration that setup writes.
#
#	Root::own_names();          # once, first: DNS and mounts that nobody else sees
#	my $m = Root->new;
#	my $r = $m->setup('--domain=shops.test');      # {status, out, err}
package Root;

use strict;
use warnings;

use File::Path qw(make_path);
use IO::Socket::INET;
use Platform;
use parent 'PlatformTest';

# What storectl may read of the environment is the configuration alone.
sub environment {
	my ($self, %more) = @_;
	return (PATH => $ENV{PATH}, HOME => $self->{dir},
		ASAN_OPTIONS => 'detect_leaks=1:abort_on_error=0', UBSAN_OPTIONS => 'print_stacktrace=1',
		%{$self->{shell} || {}}, %more);
}

sub new {
	my ($class, %arg) = @_;
	my $self = PlatformTest::new($class);
	my $root = $self->{root} = "$self->{dir}/machine";
	make_path(map { "$root/$_" } qw(etc/store-platform etc/nginx/sites-enabled etc/rancher/k3s run proc
		usr/share/store-platform/nginx var/lib/rancher/k3s/storage));
	symlink "$Platform::TOP/charts", "$root/usr/share/store-platform/charts" or die;
	symlink "$self->{dir}/run", "$root/run/store-platform" or die;
	mkdir "$self->{dir}/data/api", 0700;
	mkdir "$self->{dir}/data/provisioner", 0755;
	Platform::spew("$root/proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 2000000 kB\n");
	Platform::spew("$root/etc/rancher/k3s/k3s.yaml", Platform::slurp(Platform::cluster_file('kubeconfig')), 0600);
	Platform::spew("$root/usr/share/store-platform/nginx/site.conf.in", <<"SITE");
include $Platform::TOP/nginx/messages.conf;
include $Platform::TOP/nginx/zones.conf;
upstream store_api { server unix:$self->{dir}/run/api.sock; }
server { listen 127.0.0.1:\@HTTP_PORT\@; server_name \@HOST\@; return 301 https://\@HOST\@:\@HTTPS_PORT\@\$request_uri; }
server {
    listen 127.0.0.1:\@HTTPS_PORT\@ ssl;
    server_name \@HOST\@;
    ssl_certificate \@CERTIFICATE\@;
    ssl_certificate_key \@KEY\@;
    include $Platform::TOP/nginx/headers.conf;
    include $Platform::TOP/nginx/fastcgi.conf;
    include $Platform::TOP/nginx/api.conf;
    location / { error_page 404 \@gone; }
    location \@gone { return 410; }
}
SITE
	Platform::spew("$root/etc/nginx/nginx.conf",
		"pid $self->{dir}/site.pid;\nerror_log $self->{dir}/nginx/site-error.log;\n"
		. "events { worker_connections 64; }\nhttp { access_log off; include sites-enabled/*; }\n");
	$self->{conf_file} = "$root/etc/store-platform/store-platform.conf";
	Platform::spew($self->{conf_file}, $self->lines($arg{conf} || {}), 0644);
	return $self;
}

# What a test's platform needs, as lines an operator has written.
sub lines {
	my ($self, $more) = @_;
	my %line = ((map { $_ => $self->{conf}{$_} } qw(DATABASE_PATH PROVISIONER_DIR API_DIR WAKE_SOCKET AUTH
		STOREFRONT_CHECK HELM_CHART_PATH HELM)), LOG_LEVEL => 'debug',
		HELM_VALUES_FILE => '', %$more);
	delete @line{grep { !defined $line{$_} } keys %line};
	return "# The operator's own words.\n" . join '', map { "$_ = \"$line{$_}\"\n" } sort keys %line;
}

sub path { my ($self, $path) = @_; return "$self->{root}$path" }
sub text { my ($self, $path) = @_; return Platform::slurp($self->path($path)) }

# nginx with whatever site is enabled; setup reloads it.
sub start_site {
	my ($self) = @_;
	my ($nginx) = grep { -x } '/usr/sbin/nginx', '/usr/bin/nginx';
	$self->spawn('site', [$nginx, '-c', "$self->{root}/etc/nginx/nginx.conf", '-g', 'daemon off; user root;']);
	$self->wait_for('nginx', sub { -s "$self->{dir}/site.pid" });
}

sub setup { my ($self, @args) = @_; return $self->storectl('setup', "--root=$self->{root}", @args) }
sub doctor { my ($self, @args) = @_; return $self->storectl('doctor', "--root=$self->{root}", @args) }

# Every other command reads the file that setup has written.
sub storectl {
	my ($self, @args) = @_;
	return $self->run_program('storectl', $args[0] =~ /^(?:setup|doctor)$/ ? () : ('-c', $self->{conf_file}), @args);
}

# The programs from the file that setup has written.
sub start_programs {
	my ($self) = @_;
	$self->start;
	$self->wait_for('its heartbeat', sub { ($self->sql_one('SELECT count(*) FROM health') // 0) == 2 });
}

# Starts this test again in a mount namespace with a name server of ours in resolv.conf; false
# if that cannot be, for which it takes root.
sub own_names {
	if (!$ENV{STORE_TEST_NAMES}) {
		my $can = $> == 0 && system('unshare -m --propagation private true 2>/dev/null') == 0;
		$ENV{STORE_TEST_NAMES} = $can ? 'own' : 'none';
		exec 'unshare', '-m', '--propagation', 'private', $^X, $0 if $can;
	}
	return $ENV{STORE_TEST_NAMES} eq 'own';
}

# Answers questions below `$domain` with 127.0.0.1 while the file `names` is there, others with "no such name".
sub serve_names {
	my ($self, $domain) = @_;
	# Port 53 of an address of this test alone.
	my $address = sprintf '127.53.%d.%d', 1 + int($$ / 250) % 250, 1 + $$ % 250;
	my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => $address, LocalPort => 53) or die "port 53: $!";
	Platform::spew("$self->{dir}/resolv.conf", "nameserver $address\noptions timeout:1 attempts:1\n");
	system('mount', '--bind', "$self->{dir}/resolv.conf", '/etc/resolv.conf') == 0 or die 'mount';
	my $flag = $self->{names} = "$self->{dir}/names";
	Platform::spew($flag, '');
	defined(my $pid = fork) or die "fork: $!";
	if ($pid == 0) {
		while (defined(my $from = $socket->recv(my $question, 512))) {
			my ($id, $name, $at) = (unpack('n', $question), '', 12);
			while ((my $n = ord substr $question, $at, 1) > 0) {
				$name .= ($name eq '' ? '' : '.') . substr $question, $at + 1, $n;
				$at += $n + 1;
			}
			my $type = unpack 'n', substr $question, $at + 1, 2;
			my $known = -e $flag && $name =~ /(?:^|\.)\Q$domain\E$/;
			my $answer = $known && $type == 1;
			$socket->send(pack('nnnnnn', $id, $known ? 0x8180 : 0x8183, 1, $answer ? 1 : 0, 0, 0)
				. substr($question, 12, $at + 5 - 12)
				. ($answer ? pack('nnnNnC4', 0xc00c, 1, 1, 1, 4, 127, 0, 0, 1) : ''), 0, $from);
		}
		POSIX::_exit(0);
	}
	$self->{pids}{names} = $pid;
}

1;
