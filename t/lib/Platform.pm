# Platform.pm: the whole platform in a fresh folder, for the demo and, with the
# checks of PlatformTest.pm, for each test.
#
#	my $p = Platform->new(conf => {MAX_STORES => 3});
#	$p->start;
#	my $r = $p->post('/api/stores', {name => 'Shop'});    # through nginx
#	$p->wait_status($r->{json}{id}, 'ready');
#
# Programs come from $STORE_BUILD/src (default build/test). When the object
# goes, so do its processes and, unless `keep` is set, its folder.
package Platform;

use strict;
use warnings;

use Cwd qw(abs_path);
use Errno qw(EINTR);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use HTTP::Tiny;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX qw(dup2 :sys_wait_h);
use Time::HiRes qw(time sleep);

our $TOP = abs_path(dirname(__FILE__) . '/../..');
our $TIMEOUT = $ENV{STORE_TEST_TIMEOUT} || 300; # of a wait in vain; no test takes that long
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $clients = 0;

sub new {
	my ($class, %arg) = @_;
	my $dir = File::Temp::tempdir('store-XXXXXX', TMPDIR => 1);
	my $self = bless {
		dir => $dir,
		build => $ENV{STORE_BUILD} ? abs_path($ENV{STORE_BUILD}) : "$TOP/build/test",
		pool => $arg{pool} || 2,
		pids => {},
		secrets => [],
		owner => $$,
	}, $class;
	chmod 0755, $dir;
	mkdir "$dir/$_" or die "$dir/$_: $!" for qw(data run nginx);
	$self->{conf} = {
		DATABASE_PATH => "$dir/data/store-platform.db",
		PROVISIONER_DIR => "$dir/data/provisioner",
		API_DIR => "$dir/data/api",
		WAKE_SOCKET => "$dir/run/wake.sock",
		LOG_LEVEL => 'debug',
		AUTH => 'off',
		BASE_DOMAIN => '127-0-0-1.nip.io',
		STORE_PORT => 80,
		STOREFRONT_CHECK => 'off',
		HELM => helm('helm3'),
		HELM_CHART_PATH => "$TOP/charts/woocommerce-store",
		KUBECONFIG => cluster_file('kubeconfig'),
		%{$arg{conf} || {}},
	};
	return $self;
}

# The helm program of a line ("helm3", "helm4"), as ./dev test exports it.
sub helm {
	my ($line) = @_;
	return $ENV{'STORE_' . uc $line} || '/nonexistent/helm';
}

# A file of the local Kubernetes that ./dev test has brought up.
sub cluster_file {
	my ($name) = @_;
	return ($ENV{STORE_CLUSTER} || '/nonexistent') . "/$name";
}

sub program { my ($self, $name) = @_; return "$self->{build}/src/$name" }

# --- processes -------------------------------------------------------------

sub environment {
	my ($self, %more) = @_;
	return (
		PATH => $ENV{PATH},
		HOME => $self->{dir},
		ASAN_OPTIONS => 'detect_leaks=1:abort_on_error=0',
		UBSAN_OPTIONS => 'print_stacktrace=1',
		%{$self->{preload} || {}}, %{$self->{conf}}, %more);
}

# Starts argv in the background with our environment; output goes to NAME.log.
sub spawn {
	my ($self, $name, $argv, %opt) = @_;
	my %env = $self->environment(%{$opt{env} || {}});
	defined(my $pid = fork) or die "fork: $!";
	if ($pid == 0) {
		# A Ctrl-C at the terminal is for the caller alone, who then ends us in order.
		POSIX::setpgid(0, 0);
		%ENV = %env;
		if ($opt{stdin}) { dup2(fileno $opt{stdin}, 0) }
		else { open STDIN, '<', '/dev/null' }
		open STDOUT, '>>', "$self->{dir}/$name.log" or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
		exec { $argv->[0] } @$argv or POSIX::_exit(127);
	}
	$self->{pids}{$name} = $pid;
	return $pid;
}

# Waits for the end of a process of spawn(); its wait status, undef if it did not end.
sub wait_end {
	my ($self, $name, $seconds) = @_;
	my $pid = $self->{pids}{$name} or return 0;
	my $end = time + ($seconds || $TIMEOUT);
	while (time < $end) {
		my $r = waitpid $pid, WNOHANG;
		if ($r == $pid) {
			delete $self->{pids}{$name};
			return $?;
		}
		sleep 0.02;
	}
	return undef;
}

sub stop {
	my ($self, $name, $signal, $seconds) = @_;
	my $pid = $self->{pids}{$name} or return 0;
	kill $signal || 'TERM', $pid;
	my $status = $self->wait_end($name, $seconds || 60);
	return $status if defined $status;
	kill 'KILL', $pid;
	$self->wait_end($name, 10);
	return undef;
}

sub start_pool {
	my ($self) = @_;
	my $path = "$self->{dir}/run/api.sock";
	unlink $path;
	my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 1024) or die "$path: $!";
	chmod 0666, $path;
	$self->spawn('api', ['multiwatch', '-f', $self->{pool}, '--', $self->program('store-api'),
		$self->{conf_file} ? ('-c', $self->{conf_file}) : ()], stdin => $socket);
	$self->wait_for('the pool', sub { $self->pool_pids == $self->{pool} });
}

# The pids of the pool's processes: multiwatch's children that are store-api already.
sub pool_pids {
	my ($self) = @_;
	my $parent = $self->{pids}{api} or return;
	my $children = slurp("/proc/$parent/task/$parent/children");
	return grep { (readlink("/proc/$_/exe") || '') =~ m{/store-api$} } split ' ', $children;
}

sub free_port {
	my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1)
		or die "no free port: $!";
	return $s->sockport;
}

sub start_nginx {
	my ($self) = @_;
	my %value = (
		PREFIX => "$self->{dir}/nginx",
		PORT => $self->{port} ||= free_port(),
		API_SOCKET => "$self->{dir}/run/api.sock",
		DASHBOARD => "$self->{build}/dashboard",
		NGINX_DIR => "$TOP/nginx",
	);
	my $text = slurp("$TOP/t/nginx.conf.in");
	$text =~ s/\@([A-Z_]+)\@/$value{$1} \/\/ die "placeholder $1"/ge;
	$text =~ s/^.*limits\.conf;\n//m if $self->{no_limits};
	$text =~ s/^(\s*listen .*\n)/$1$self->{server_more}/m if $self->{server_more};
	spew("$self->{dir}/nginx/nginx.conf", $text);
	unlink "$self->{dir}/run/http.sock"; # nginx leaves it behind where it was killed
	my ($nginx) = grep { -x } map { "$_/nginx" } split(/:/, $ENV{PATH}), '/usr/sbin';
	$self->spawn('nginx', [$nginx, '-p', "$self->{dir}/nginx", '-c', "$self->{dir}/nginx/nginx.conf",
		'-e', "$self->{dir}/nginx/nginx-error.log"]);
	$self->wait_for('nginx', sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
	});
	$self->{url} = "http://127.0.0.1:$self->{port}";
}

sub start_provisioner {
	my ($self, %env) = @_;
	my @argv = ($self->program('store-provisioner'), $self->{conf_file} ? ('-c', $self->{conf_file}) : ());
	my $pid = $self->spawn('provisioner', \@argv, env => \%env);
	$self->wait_for('the provisioner', sub {
		waitpid($pid, WNOHANG) == $pid and die "store-provisioner ended: "
			. slurp("$self->{dir}/provisioner.log");
		-S $self->{conf}{WAKE_SOCKET} && -r "$self->{conf}{PROVISIONER_DIR}/seal.pub";
	});
	return $pid;
}

# Everything, in an order in which nothing complains.
sub start {
	my ($self) = @_;
	$self->start_provisioner;
	$self->start_pool;
	$self->start_nginx;
}

# --- requests --------------------------------------------------------------

# One request through nginx: {status, headers, content, json}. Every one comes
# from an address of its own, so that the rate limits (which have their own
# test) do not meet it; from => '127.0.0.1' is a fixed one.
sub request {
	my ($self, $method, $path, %opt) = @_;
	my %headers = %{$opt{headers} || {}};
	my $content = $opt{content};
	if (exists $opt{json}) {
		$content = $json->encode($opt{json});
		$headers{'content-type'} //= 'application/json';
	}
	$clients++;
	my $http = HTTP::Tiny->new(
		timeout => 30,
		local_address => $opt{from} || sprintf('127.%d.%d.%d', 1 + $$ % 250,
			1 + int($clients / 250) % 250, 1 + $clients % 250));
	my $r = $http->request($method, "$self->{url}$path",
		{headers => \%headers, defined $content ? (content => $content) : ()});
	if (($r->{headers}{'content-type'} || '') =~ m{^application/json} && length $r->{content}) {
		$r->{json} = eval { $json->decode($r->{content}) };
	}
	push @{$self->{acknowledged}}, $r->{json}{id}
		if $r->{status} == 201 && $path =~ m{/stores/?$} && ref $r->{json} eq 'HASH';
	return $r;
}

sub get { my ($self, $path, %opt) = @_; return $self->request('GET', $path, %opt) }
sub delete { my ($self, $path, %opt) = @_; return $self->request('DELETE', $path, %opt) }

sub post {
	my ($self, $path, $body, %opt) = @_;
	return $self->request('POST', $path, defined $body ? (json => $body) : (), %opt);
}

# Creates a store and returns its row; dies if that is refused.
sub create {
	my ($self, %body) = @_;
	my $r = $self->post('/api/stores', \%body);
	die "create: $r->{status} $r->{content}" if $r->{status} != 201;
	push @{$self->{secrets}}, grep { defined } $r->{json}{admin_password}, $body{adminPassword};
	return $r->{json};
}

sub store { my ($self, $id) = @_; return $self->get("/api/stores/$id")->{json} }
sub events { my ($self, $id) = @_; return @{$self->get("/api/stores/$id/events")->{json}} }

# Waits until the store has one of the status words ("gone": 404); returns its row.
sub wait_status {
	my ($self, $id, $words, $seconds) = @_;
	my $store;
	$self->wait_for("store to be $words", sub {
		my $r = $self->get("/api/stores/$id");
		$store = $r->{json};
		($r->{status} == 404 ? 'gone' : $store->{status} || '') =~ /^(?:$words)$/;
	}, $seconds, sub { $json->encode($store) });
	return $store;
}

# --- looking ---------------------------------------------------------------

# Rows of a query, each an array; the database is opened read-only.
sub sql {
	my ($self, $query) = @_;
	open my $out, '-|', 'sqlite3', '-readonly', '-cmd', '.timeout 5000', '-separator', "\x1f",
		$self->{conf}{DATABASE_PATH}, $query or die "sqlite3: $!";
	my @rows = map { chomp; [split /\x1f/, $_, -1] } <$out>;
	close $out or die "sqlite3 failed: $query";
	return @rows;
}

# Changes the database behind the programs' back.
sub sql_write {
	my ($self, $script) = @_;
	system('sqlite3', '-cmd', '.timeout 5000', $self->{conf}{DATABASE_PATH},
		"PRAGMA wal_autocheckpoint = 0; $script") == 0 or die "sqlite3 failed: $script";
}

sub sql_one { my ($self, $query) = @_; return (($self->sql($query))[0] || [undef])->[0] }

# kubectl as administrator; its output, undef if it failed.
# Past the platform: to the cluster itself, even where a test gives the platform a way with faults.
sub kubectl {
	my ($self, @args) = @_;
	my $kubeconfig = $ENV{STORE_CLUSTER} ? cluster_file('kubeconfig') : $self->{conf}{KUBECONFIG};
	open my $out, '-|', 'sh', '-c', 'exec "$@" 2>/dev/null', 'sh', kubectl_path(),
		'--kubeconfig', $kubeconfig, @args or die "kubectl: $!";
	local $/;
	my $text = <$out>;
	return close($out) ? $text // '' : undef;
}

sub kubectl_path { return $ENV{STORE_KUBECTL} || 'kubectl' }

sub kube_json { my ($self, @args) = @_; return $json->decode($self->kubectl(@args, '-o', 'json') || 'null') }

# Calls until it is true, then returns that; dies with what was waited for.
sub wait_for {
	my ($self, $what, $true, $seconds, $tell) = @_;
	my $end = time + ($seconds || $TIMEOUT);
	my $pause = 0.01;
	for (;;) {
		my $r = $true->();
		return $r if $r;
		last if time > $end;
		sleep $pause;
		$pause = $pause * 1.3 > 0.25 ? 0.25 : $pause * 1.3;
	}
	die "waited in vain for $what" . ($tell ? ': ' . $tell->() : '') . "\n";
}

sub slurp {
	my ($path) = @_;
	open my $in, '<:raw', $path or return '';
	local $/;
	return scalar(<$in>) // '';
}

sub spew {
	my ($path, $text, $mode) = @_;
	open my $out, '>:raw', $path or die "$path: $!";
	print $out $text;
	close $out or die "$path: $!";
	chmod $mode, $path if defined $mode;
}

# --- the end ---------------------------------------------------------------

# Ends what was started, in an order in which nothing complains; the wait status of each.
sub stop_all {
	my ($self) = @_;
	my %status = map { $_ => $self->stop($_) } grep { $self->{pids}{$_} } qw(nginx api provisioner);
	$self->stop($_) for keys %{$self->{pids}};
	return \%status;
}

sub DESTROY {
	my ($self) = @_;
	return if $$ != $self->{owner};
	local ($?, $@);
	$self->stop_all;
	remove_tree($self->{dir}) unless $self->{keep};
}

1;
