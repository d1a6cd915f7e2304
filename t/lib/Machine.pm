# Machine.pm: a machine of its own with systemd as its first process (systemd-nspawn,
# in the network of this one), to install the package in.
#
#	Machine::need();
#	my $m = Machine->new;        # a Debian with nginx and what the package depends on
#	$m->boot;                    # skips the test where that cannot be
#	$m->run('systemctl', ...);   # {status, out}
#
# When the object goes, so do the machine and its folder.
package Machine;

use strict;
use warnings;

use Package;
use Platform;
use POSIX qw(WNOHANG);
use Test::More ();

my $count = 0;

sub need {
	Package::need_root();
	Package::need(qw(dpkg-buildpackage dh systemd-nspawn mmdebstrap git));
}

sub new {
	my ($class) = @_;
	my $root = Package::root();
	return bless {root => $root, dir => "$root", log => "$root.log", owner => $$}, $class;
}

sub leader {
	my ($self) = @_;
	return (split ' ', Platform::slurp("/proc/$self->{pid}/task/$self->{pid}/children"))[0];
}

sub boot {
	my ($self) = @_;
	my $name = "store-$$-" . ++$count;
	defined($self->{pid} = fork) or die "fork: $!";
	if ($self->{pid} == 0) {
		$ENV{SYSTEMD_NSPAWN_UNIFIED_HIERARCHY} = 1;
		open STDIN, '<', '/dev/null' or POSIX::_exit(126);
		open STDOUT, '>>', $self->{log} or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
		exec 'systemd-nspawn', '--quiet', "--directory=$self->{dir}", "--machine=$name", '--register=no',
			'--keep-unit', '--link-journal=no', '--console=pipe', '--boot', 'systemd.show_status=0'
			or POSIX::_exit(127);
	}
	my $up = eval { Platform->wait_for('the machine to be up', sub {
		die "ended\n" if waitpid($self->{pid}, WNOHANG) == $self->{pid};
		$self->leader && $self->run('systemctl', 'is-system-running')->{out} =~ /^(?:running|degraded)$/;
	}, 60); 1 };
	return if $up;
	my ($last) = Platform::slurp($self->{log}) =~ /([^\n]+)\n*\z/;
	$self->stop;
	Test::More::plan(skip_all => "systemd cannot run in a container here: $last") if $count == 1;
	die "the machine does not come up again: $last\n";
}

# A program inside, with the environment of a fresh login.
sub run {
	my ($self, @argv) = @_;
	return Package::run('nsenter', '-t', $self->leader, qw(-m -u -i -n -p -C -r -w), 'env', '-i',
		'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/', 'LC_ALL=C.UTF-8',
		'DEBIAN_FRONTEND=noninteractive', 'SYSTEMD_PAGER=', 'SYSTEMD_COLORS=0', @argv);
}

# The same, which has to succeed; what it says.
sub must {
	my ($self, @argv) = @_;
	my $r = $self->run(@argv);
	die "@argv: $r->{status} $r->{out}" if $r->{status} ne '0';
	return $r->{out};
}

sub property { my ($self, $unit, $name) = @_; return $self->must('systemctl', 'show', '-P', $name, $unit) =~ s/\n\z//r }

# apt-get install of a package file of this machine; {status, out}.
sub install {
	my ($self, $deb, @options) = @_;
	my ($name) = $deb =~ m{([^/]+)\z};
	Package::run('cp', $deb, "$self->{dir}/$name")->{status} eq '0' or die "cp $deb";
	my $r = $self->run('apt-get', '-q', '-y', '-o', 'Dpkg::Use-Pty=0', @options, 'install', "/$name");
	unlink "$self->{dir}/$name";
	return $r;
}

sub write { my ($self, $path, $text, $mode) = @_; Platform::spew("$self->{dir}$path", $text, $mode // 0644) }
sub read { my ($self, $path) = @_; return Platform::slurp("$self->{dir}$path") }

sub stop {
	my ($self) = @_;
	my $pid = $self->{pid} or return;
	# The first makes an end in order, the second an end.
	for my $signal (qw(TERM TERM KILL)) {
		kill $signal, $pid;
		last if eval { Platform->wait_for('the machine to be down', sub { waitpid($pid, WNOHANG) != 0 }, 45); 1 };
	}
	delete $self->{pid};
}

sub DESTROY {
	my ($self) = @_;
	return if $$ != $self->{owner};
	local ($?, $@);
	$self->stop;
	unlink $self->{log};
}

1;
