# ApiProxy.pm: stands between the platform and the real API server, and plays
# the faults that a real one will not play on demand.
#
#	my $proxy = ApiProxy->start($dir);            # its kubeconfig: $proxy->kubeconfig
#	$proxy->rules({match => '^GET /version', status => 503, times => 2});
#	$proxy->requests                              # "time METHOD path" of each so far
#
# A rule's match is a regular expression over "METHOD path". The first rule that
# fits and was not used `times` times (default: without end) answers instead of
# the server: with `status`, `headers`, `body`; with action "close" (nothing is
# said), "hang" (nothing is said, for 60 s), "truncate" (the server's answer is
# cut in its middle) or "after" (the server does it, but its answer is lost).
package ApiProxy;

use strict;
use warnings;

use IO::Select;
use IO::Socket::SSL;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Time::HiRes qw(time);

use Platform;

my $json = JSON::PP->new->utf8->canonical;

sub start {
	my ($class, $dir) = @_;
	my $self = bless {dir => $dir, owner => $$}, $class;
	mkdir $dir or die "$dir: $!" unless -d $dir;
	$self->{upstream} = upstream();
	$self->rules;
	Platform::spew("$dir/requests.log", '');
	$self->run;
	$self->write_kubeconfig;
	return $self;
}

# Begins to serve, after a kill() on the same port as before.
sub run {
	my ($self) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port} || 0, Listen => 64,
		ReuseAddr => 1) or die "proxy: $!";
	$self->{port} = $listener->sockport;
	defined($self->{pid} = fork) or die "fork: $!";
	if ($self->{pid} == 0) {
		eval { $self->serve($listener) };
		POSIX::_exit(1);
	}
}

# kill -9: nobody listens any more until run().
sub kill {
	my ($self) = @_;
	local ($?, $@);
	CORE::kill('KILL', $self->{pid});
	waitpid delete $self->{pid}, 0;
}

# Host and port of the real server, from the administrator's kubeconfig.
sub upstream {
	my ($server) = Platform::slurp(Platform::cluster_file('kubeconfig')) =~ m{server: https://(\S+)};
	return $server;
}

sub kubeconfig { my ($self) = @_; return "$self->{dir}/kubeconfig" }

sub write_kubeconfig {
	my ($self, %opt) = @_;
	my $ca = encode_base64(Platform::slurp($opt{ca} || Platform::cluster_file('ca.crt')), '');
	my $path = $opt{path} || $self->kubeconfig;
	Platform::spew($path, <<"YAML", 0600);
apiVersion: v1
kind: Config
current-context: proxy
contexts: [{name: proxy, context: {cluster: proxy, user: proxy}}]
clusters: [{name: proxy, cluster: {server: "https://127.0.0.1:$self->{port}", certificate-authority-data: $ca}}]
users: [{name: proxy, user: {token: not-looked-at}}]
YAML
	return $path;
}

sub rules {
	my ($self, @rules) = @_;
	my $n = ++$self->{generation};
	$_->{id} = "$n-" . $_->{match} =~ tr/A-Za-z0-9/_/cr for @rules;
	Platform::spew("$self->{dir}/rules.new", $json->encode(\@rules));
	rename "$self->{dir}/rules.new", "$self->{dir}/rules" or die "rules: $!";
}

sub requests {
	my ($self) = @_;
	return split /\n/, Platform::slurp("$self->{dir}/requests.log");
}

sub serve {
	my ($self, $listener) = @_;
	$SIG{CHLD} = 'IGNORE';
	$SIG{TERM} = sub { POSIX::_exit(0) };
	while (1) {
		my $client = $listener->accept or next;
		my $pid = fork;
		if (defined $pid && $pid == 0) {
			$SIG{ALRM} = 'DEFAULT';
			alarm 120;
			close $listener;
			eval { $self->answer($client) };
			POSIX::_exit(0);
		}
		close $client;
	}
}

# One request, one answer, one connection: "Connection: close" both ways.
sub answer {
	my ($self, $socket) = @_;
	my $client = IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
		SSL_cert_file => Platform::cluster_file('server.crt'),
		SSL_key_file => Platform::cluster_file('server.key')) or return;
	my ($head, $body) = read_request($client) or return;
	my ($line) = $head =~ /^(.*?) HTTP/ or return;
	$self->note($line);
	my $rule = $self->find_rule($line) || {};
	my $action = $rule->{action} || '';
	return if $action eq 'close';
	if ($action eq 'hang') { sleep 60; return }
	if ($rule->{status}) {
		my $text = $rule->{body} // $json->encode({kind => 'Status', apiVersion => 'v1', status => 'Failure',
			code => $rule->{status}, message => "played by the test", reason => 'Test'});
		my %headers = ('Content-Type' => 'application/json', 'Content-Length' => length $text,
			Connection => 'close', %{$rule->{headers} || {}});
		print $client "HTTP/1.1 $rule->{status} Played\r\n",
			(map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n", $text;
		close $client;
		return;
	}
	my $reply = $self->forward($head, $body);
	return if $action eq 'after';
	$reply = substr $reply, 0, int(length($reply) * 0.7) if $action eq 'truncate';
	print $client $reply;
	close $client;
}

sub read_request {
	my ($client) = @_;
	my $data = '';
	while ($data !~ /\r\n\r\n/) {
		sysread($client, my $chunk, 65536) or return;
		$data .= $chunk;
	}
	my ($head, $body) = split /\r\n\r\n/, $data, 2;
	my ($length) = $head =~ /^content-length:\s*(\d+)/im;
	while (length $body < ($length || 0)) {
		sysread($client, my $chunk, 65536) or return;
		$body .= $chunk;
	}
	return ($head, $body);
}

sub forward {
	my ($self, $head, $body) = @_;
	my $server = IO::Socket::SSL->new(PeerAddr => $self->{upstream},
		SSL_ca_file => Platform::cluster_file('ca.crt'),
		SSL_cert_file => Platform::cluster_file('admin.crt'),
		SSL_key_file => Platform::cluster_file('admin.key')) or return '';
	# A chunked body was not seen from curl or helm; both tell a length.
	$head =~ s/^(?:authorization|connection|accept-encoding):.*\r?\n?//gim;
	$head =~ s/\s+$//;
	print $server "$head\r\nConnection: close\r\n\r\n$body";
	my $reply = '';
	while (sysread $server, my $chunk, 65536) { $reply .= $chunk }
	$reply =~ s/\r\n\r\n/\r\nConnection: close\r\n\r\n/;
	return $reply;
}

sub find_rule {
	my ($self, $line) = @_;
	my $rules = $json->decode(Platform::slurp("$self->{dir}/rules"));
	for my $rule (@$rules) {
		next unless $line =~ /$rule->{match}/;
		return $rule unless defined $rule->{times};
		for my $n (1 .. $rule->{times}) {
			# The file is the counter: O_EXCL lets one connection have the n-th use.
			return $rule if sysopen my $mark, "$self->{dir}/use-$rule->{id}-$n",
				POSIX::O_CREAT() | POSIX::O_EXCL() | POSIX::O_WRONLY();
		}
	}
	return undef;
}

sub note {
	my ($self, $line) = @_;
	open my $log, '>>', "$self->{dir}/requests.log" or return;
	syswrite $log, sprintf("%.3f %s\n", time, $line);
}

sub DESTROY {
	my ($self) = @_;
	return if $$ != $self->{owner} || !$self->{pid};
	local ($?, $@);
	CORE::kill('TERM', $self->{pid});
	waitpid $self->{pid}, 0;
}

1;
