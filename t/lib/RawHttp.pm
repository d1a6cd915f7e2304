# RawHttp.pm: requests byte by byte, for what a proper HTTP client will not send.
#
#	my $s = RawHttp::send_bytes($p, "GET /api/health HTTP/1.1\r\n...", '127.9.9.9');
#	my $r = RawHttp::answer($s);	# as of Platform::request; status 0: none came
#	my $r = RawHttp::get($p, '/a%2fb', 'Host: evil.example');
package RawHttp;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

my $json = JSON::PP->new->utf8->allow_nonref;
my $peers = 0;

# Opens a connection from the address (default: one of its own) and sends the bytes.
sub send_bytes {
	my ($p, $bytes, $from) = @_;
	$peers++;
	$from ||= sprintf '127.%d.%d.%d', 251 + int($peers / 62500) % 4, 1 + int($peers / 250) % 250,
		1 + $peers % 250;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $p->{port},
		LocalAddr => $from) or die "connect from $from: $!";
	local $SIG{PIPE} = 'IGNORE';
	for (my $at = 0; $at < length $bytes;) {
		$at += syswrite($socket, $bytes, length($bytes) - $at, $at) // last;
	}
	return $socket;
}

# The answer on a connection; it need not be closed after it.
sub answer {
	my ($socket, $seconds) = @_;
	my ($data, $end) = ('', time + ($seconds || 30));
	my $r = {status => 0, headers => {}, content => ''};
	while (!whole(\$data, $r)) {
		my $left = $end - time;
		last if $left <= 0 || !IO::Select->new($socket)->can_read($left);
		last unless sysread $socket, $data, 65536, length $data;
	}
	if (($r->{headers}{'content-type'} || '') =~ m{^application/json}) {
		$r->{json} = eval { $json->decode($r->{content}) };
	}
	return $r;
}

# Takes status, headers and as much of the body as is there; true when that is all.
sub whole {
	my ($data, $r) = @_;
	$$data =~ s{^HTTP/1\.1 100 .*?\r\n\r\n}{}s;
	my ($head, $body) = $$data =~ /^(.*?)\r\n\r\n(.*)$/s or return 0;
	my ($line, @lines) = split /\r\n/, $head;
	($r->{status}) = $line =~ m{^HTTP/1\.[01] (\d{3})\b};
	$r->{headers} = {map { /^([^:]+): (.*)$/ ? (lc $1 => $2) : () } @lines};
	$r->{content} = $body;
	my $length = $r->{headers}{'content-length'};
	return defined $length && length $body >= $length;
}

# A GET of any target; headers replace the usual Host.
sub get {
	my ($p, $target, @headers) = @_;
	push @headers, 'Host: 127.0.0.1' unless @headers;
	return answer(send_bytes($p, join("\r\n", "GET $target HTTP/1.1", @headers, 'Connection: close', '', '')));
}

1;
