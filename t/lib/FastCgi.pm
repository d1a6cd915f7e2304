# FastCgi.pm: the FastCGI protocol from both sides, so that a test can stand in
# for nginx in front of a pool process, or for the pool behind nginx.
#
#	my $r = FastCgi::ask("$dir/run/api.sock", {REQUEST_METHOD => 'GET', ...}, $body);
#	my $params = FastCgi::take($listener);	# of one request, which is answered 200
#	my $params = FastCgi::take($listener, $bytes);	# or so
package FastCgi;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use Time::HiRes qw(time);

use constant {BEGIN_REQUEST => 1, END_REQUEST => 3, PARAMS => 4, INPUT => 5, OUTPUT => 6};

sub record {
	my ($type, $content) = @_;
	return pack('CCnnCC', 1, $type, 1, length $content, 0, 0) . $content;
}

# With the wish to keep the connection, as nginx/fastcgi.conf has it.
sub begin { return record(BEGIN_REQUEST, pack('nCx5', 1, 1)) }

sub pairs {
	my ($params) = @_;
	my $text = '';
	for my $key (sort keys %$params) {
		$text .= join '', map { length() < 128 ? pack('C', length) : pack('N', length() | 1 << 31) }
			$key, $params->{$key};
		$text .= $key . $params->{$key};
	}
	return $text;
}

# A whole request. The body is sent as it is, whatever CONTENT_LENGTH says.
sub request {
	my ($params, $body) = @_;
	# A record has 65,535 bytes at most.
	return begin() . join('', map { record(PARAMS, $_) } unpack '(a65000)*', pairs($params)) . record(PARAMS, '')
		. (length $body ? record(INPUT, $body) : '') . record(INPUT, '');
}

sub connect_to {
	my ($path) = @_;
	return IO::Socket::UNIX->new(Peer => $path) || die "$path: $!";
}

# All that the other side sends until it closes, in at most so many seconds.
sub drain {
	my ($socket, $seconds) = @_;
	my ($data, $end) = ('', time + $seconds);
	while ((my $left = $end - time) > 0) {
		last unless IO::Select->new($socket)->can_read($left);
		last unless sysread $socket, $data, 65536, length $data;
	}
	return $data;
}

# One request straight to the pool: {status, headers, content, json}; status 0: no answer.
sub ask {
	my ($path, $params, $body) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $socket = connect_to($path);
	syswrite $socket, request($params, $body // '');
	my ($data, $text) = (drain($socket, 30), '');
	while (length $data >= 8) {
		my (undef, $type, undef, $length, $padding) = unpack 'CCnnC', $data;
		$text .= substr $data, 8, $length if $type == OUTPUT;
		$data = substr $data, 8 + $length + $padding;
	}
	my ($head, $content) = split /\r\n\r\n/, $text, 2;
	my %headers = map { /^([^:]+): (.*)$/ ? (lc $1 => $2) : () } split /\r\n/, $head // '';
	my ($status) = ($headers{status} || '') =~ /^(\d+)/;
	return {status => $status || 0, headers => \%headers, content => $content // '',
		json => scalar eval { JSON::PP->new->utf8->decode($content) }};
}

sub read_exactly {
	my ($socket, $length) = @_;
	my $data = '';
	while (length $data < $length) {
		sysread $socket, $data, $length - length $data, length $data or die "the peer has gone\n";
	}
	return $data;
}

# What a web server tells of one request; it gets these bytes, or an empty answer.
sub take {
	my ($listener, $answer) = @_;
	$answer //= record(OUTPUT, "Status: 200 OK\r\nX-Request-Id: played\r\n\r\n")
		. record(OUTPUT, '') . record(END_REQUEST, pack('NCx3', 0, 0));
	IO::Select->new($listener)->can_read(10) or die "nobody asks\n";
	my $socket = $listener->accept or die "accept: $!";
	my ($text, $type, $length, $padding) = ('', 0);
	do {
		(undef, $type, undef, $length, $padding) = unpack 'CCnnC', read_exactly($socket, 8);
		my $content = substr read_exactly($socket, $length + $padding), 0, $length;
		$text .= $content if $type == PARAMS;
	} until $type == INPUT && $length == 0;
	syswrite $socket, $answer;
	my %params;
	while (length $text) {
		my @lengths;
		for (1, 2) {
			my $long = ord($text) > 127;
			push @lengths, $long ? unpack('N', $text) & 0x7fffffff : ord $text;
			$text = substr $text, $long ? 4 : 1;
		}
		my $key = substr $text, 0, $lengths[0];
		$params{$key} = substr $text, $lengths[0], $lengths[1];
		$text = substr $text, $lengths[0] + $lengths[1];
	}
	return \%params;
}

1;
