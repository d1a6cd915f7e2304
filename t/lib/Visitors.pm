# Visitors.pm: clients on the real node that ask a platform in the cluster through its ingress
# until they are told to stop, and never ask twice: whatever is not answered well is written
# down. Half of them keep their connections. Each has several addresses, of which
# each is a client of its own to the platform's rate limits.
#
#	my $visitors = Visitors->start('platform.localhost', $token);
#	my $sum = $visitors->stop;	# {asked, changed, slowest, faults => ['POST /api/tokens: 502', ...]}
package Visitors;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use Time::HiRes qw(sleep time);

my $ingress = '10.250.0.10';
my $network = '10.250.1';
my ($size, $each) = (4, 8);	# visitors, and addresses of one
my $pause = 0.05;		# between two requests of one
my $patience = 15;		# seconds that an answer may take

sub start {
	my ($class, $host, $token) = @_;
	my $self = bless {members => [], owner => $$, net => '--net=/proc/' . RealNode::program('hold') . '/ns/net'}, $class;
	my $last = $size * $each;
	system('nsenter', $self->{net}, 'sh', '-c', "for i in \$(seq $last); do ip addr replace $network.\$i/32 dev lo; done") == 0
		or die "no addresses for visitors\n";
	for my $i (0 .. $size - 1) {
		pipe my $in, my $out or die "pipe: $!";
		defined(my $pid = fork) or die "fork: $!";
		if ($pid == 0) {
			open STDOUT, '>&', $out or die "dup: $!";
			$ENV{VISITOR_TOKEN} = $token;
			exec 'nsenter', $self->{net}, $^X, "-I$Platform::TOP/t/lib", '-MVisitors', '-e', 'Visitors::visit(@ARGV)',
				$host, $i or die "nsenter: $!";
		}
		close $out;
		push @{$self->{members}}, {pid => $pid, from => $in};
	}
	return $self;
}

sub stop {
	my ($self) = @_;
	local ($/, $?);
	my $sum = {asked => 0, changed => 0, slowest => 0, faults => []};
	kill 'TERM', map { $_->{pid} } @{$self->{members}};
	for my $member (splice @{$self->{members}}) {
		my $text = readline $member->{from};
		waitpid $member->{pid}, 0;
		my $one = eval { decode_json($text) } // {faults => ['a visitor died']};
		$sum->{$_} += $one->{$_} // 0 for qw(asked changed);
		$sum->{slowest} = $one->{slowest} if ($one->{slowest} // 0) > $sum->{slowest};
		push @{$sum->{faults}}, @{$one->{faults}};
	}
	return $sum;
}

sub DESTROY {
	my ($self) = @_;
	return if $$ != $self->{owner};
	local ($?, $@);
	for (@{$self->{members}}) {
		kill 'KILL', $_->{pid};
		waitpid $_->{pid}, 0;
	}
}

# --- one visitor -----------------------------------------------------------

# What is left of an answer that has begun, or undef while it is not whole.
sub body {
	my ($data) = @_;
	my ($head, $body) = $data =~ /^(.*?)\r\n\r\n(.*)$/s or return;
	my ($length) = $head =~ /^content-length: *(\d+)/im;
	return length $body >= $length ? substr $body, 0, $length : undef if defined $length;
	return '' if $head =~ m{^HTTP/1\.1 (?:204|304)};
	return $body =~ /(?:^|\r\n)0\r\n\r\n$/ ? $body : undef;
}

# ask(CONNECTIONS, ADDRESS, KEEP, BYTES): the status, or a word for what was there instead, and the body
sub ask {
	my ($connections, $address, $keep, $bytes) = @_;
	my $socket = delete $connections->{$address};
	$socket //= IO::Socket::INET->new(PeerAddr => $ingress, PeerPort => 80, LocalAddr => $address, Timeout => $patience)
		or return "refused ($!)";
	my $data = '';
	syswrite($socket, $bytes) == length $bytes or return "not sent ($!)";
	my $body;
	my $select = IO::Select->new($socket);
	my $end = time + $patience;
	until (defined($body = body($data))) {
		if ($select->can_read($end - time)) {
			sysread($socket, $data, 65536, length $data) or return 'cut off after ' . length($data) . ' bytes';
		} elsif (time >= $end) {	# else it was told to stop, after this answer
			return 'no answer';
		}
	}
	$connections->{$address} = $socket if $keep && $data !~ /^connection: close/im;
	return ($data =~ m{^HTTP/1\.1 (\d+)})[0] // 'no HTTP', $body;
}

sub visit {
	my ($host, $number) = @_;
	my $keep = $number % 2;
	my $stop = 0;
	local $SIG{TERM} = sub { $stop = 1 };
	local $SIG{PIPE} = 'IGNORE';
	my $sum = {asked => 0, changed => 0, slowest => 0, faults => []};
	my (%connections, @made);
	my @reads = ('/', '/api/health', '/api/stores', '/api/ready');
	for (my $turn = 0; !$stop; $turn++) {
		my $address = "$network." . ($number * $each + 1 + $turn % $each);
		my ($method, $path, $want, $content) = ('GET', $reads[$turn % @reads], 200, '');
		if ($turn % 5 == 4) {
			($method, $path, $want, $content) = @made ? ('DELETE', '/api/tokens/' . shift @made, 200, '')
				: ('POST', '/api/tokens', 201, encode_json({name => "Visitor $number $turn", scope => 'viewer'}));
			$sum->{changed}++;
		}
		my $begun = time;
		my ($status, $body) = ask(\%connections, $address, $keep, join "\r\n", "$method $path HTTP/1.1", "Host: $host",
			"Authorization: Bearer $ENV{VISITOR_TOKEN}", $keep ? () : 'Connection: close',
			$method eq 'GET' ? () : ("Idempotency-Key: $number-$turn-$$", 'Content-Type: application/json',
				'Content-Length: ' . length $content), '', $content);
		my $took = time - $begun;
		$sum->{asked}++;
		$sum->{slowest} = $took if $took > $sum->{slowest};
		if ($status ne $want) {
			push @{$sum->{faults}}, sprintf '%.1f: %s %s by %s connection: %s after %.2f s %s', $begun, $method,
				$path, $keep ? 'a kept' : 'a new', $status, $took, $body // '';
		} elsif ($method eq 'POST') {
			push @made, $body =~ /"id":"([^"]+)"/;
		}
		sleep $pause;
	}
	print encode_json($sum);
	return;
}

1;
