# probe.pl: what somebody could do who has taken over a service: run by
# t/725-machine.t with the very settings of its unit. Prints "what: yes" or "what: why not".
use strict;
use warnings;
use Config;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket ();

my $api = shift;
$| = 1;

sub whether { my ($what, $done) = @_; printf "%s: %s\n", $what, $done ? 'yes' : "$!" || 'no' }

sub try_read { my ($path) = @_; open my $in, '<', $path or return; return defined read $in, my $byte, 1 }

sub try_write {
	my ($path) = @_;
	open my $out, '>', $path or return;
	close $out;
	return unlink $path;
}

sub try_run {
	my ($path) = @_;
	pipe my $in, my $out or return;
	my $pid = fork // return;
	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		no warnings 'exec';
		exec { $path } $path, 'version' or syswrite $out, $! + 0;
		exit 1;
	}
	close $out;
	my $why = <$in>;
	waitpid $pid, 0;
	$! = $why || 0;
	return !defined $why;
}

# A datagram, whose sender is told at once when a filter drops it.
sub try_send {
	my ($to) = @_;
	my $socket = IO::Socket::INET->new(Proto => 'udp', PeerAddr => $to) or return;
	return defined send $socket, 'x', 0;
}

whether('connect to the cluster', IO::Socket::INET->new(PeerAddr => $api, Timeout => 3));
whether('send to another machine', try_send('192.0.2.1:9'));
whether("read $_", try_read($_))
	for '/etc/store-platform/kubeconfig', '/etc/store-platform/store-platform.conf', '/etc/shadow',
		'/var/lib/store-platform/api/api.key', '/var/lib/store-platform/provisioner/seal.key',
		'/var/lib/store-platform/provisioner/seal.pub', '/var/lib/store-platform/backups';
whether('read the credentials', try_read(($ENV{CREDENTIALS_DIRECTORY} || '/run/credentials/store-provisioner.service') . '/kubeconfig'));
whether("write in $_", try_write("$_/probe"))
	for '/etc', '/usr/sbin', '/run/store-platform', '/var/lib/store-platform',
		map { "/var/lib/store-platform/$_" } qw(database api provisioner backups acme);
whether("run $_", try_run($_)) for qw(/usr/bin/true /usr/bin/su /usr/local/bin/helm /usr/sbin/store-worker);
whether('ring the provisioner', IO::Socket::UNIX->new(Type => Socket::SOCK_DGRAM, Peer => '/run/store-platform/wake.sock'));
# unshare(CLONE_NEWUSER) and ptrace(PTRACE_ATTACH), by number where the machine is an amd64.
if ($Config{archname} =~ /^x86_64/) {
	whether('make a namespace', syscall(272, 0x10000000) == 0);
	whether('trace process 1', syscall(101, 16, 1, 0, 0) == 0);
}
my @others = grep { my @st = stat; @st && $st[4] != $> && $st[4] != 65534 } glob '/proc/[0-9]*';
$! = 0;
whether('see processes of others', scalar @others);
