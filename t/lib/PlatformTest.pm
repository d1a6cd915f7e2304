# PlatformTest.pm: Platform.pm for a test.
#
#	my $p = PlatformTest->new(...);
#	...
#	$p->finish;		# checks, then done_testing (unless `more` is set)
#
# finish() stops everything and adds to every test: no sanitizer line and no
# [alert] or [crit] in any log, no process left over, no descriptor leaked, no
# registered secret in any file. A test that failed keeps its folder and says
# where it is; STORE_TEST_KEEP=1 keeps it always.
package PlatformTest;

use strict;
use warnings;

use File::Find ();
use POSIX ();
use Test::More;

use parent 'Platform';

sub new {
	my ($class, @args) = @_;
	my $self = Platform::new($class, @args);
	$self->{keep} = 1;
	return $self;
}

# Ends the test file at once if what it needs is not there.
sub need_cluster {
	plan(skip_all => "no local Kubernetes: run this by ./dev test")
		unless -r Platform::cluster_file('kubeconfig');
}

sub start {
	my ($self) = @_;
	$self->SUPER::start;
	# A process that has only just begun has not opened all of its files yet.
	$self->wait_for('the database to be open everywhere', sub {
		!grep { !has_open($_, "$self->{conf}{DATABASE_PATH}-shm") } $self->watched });
	$self->{fds} = {map { $_ => fd_count($_) } $self->watched};
}

# Runs a command of storectl to its end: {status, out, err}.
sub storectl {
	my ($self, @args) = @_;
	my %file = map { $_ => "$self->{dir}/storectl.$_" } qw(out err);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		%ENV = $self->environment;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $file{out} or POSIX::_exit(126);
		open STDERR, '>', $file{err} or POSIX::_exit(126);
		exec { $self->program('storectl') } 'storectl', @args or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	return {status => $status, map { $_ => Platform::slurp($file{$_}) } keys %file};
}

# Nothing of the store is left in the cluster.
sub is_gone {
	my ($self, $slug, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $volumes = $self->kube_json('get', 'pv');
	is($self->kubectl('get', 'namespace', "store-$slug"), undef, $name || "namespace of $slug is gone");
	is(scalar(grep { ($_->{spec}{claimRef}{namespace} || '') eq "store-$slug" } @{$volumes->{items}}),
		0, "volumes of $slug are gone");
}

sub watched { my ($self) = @_; return grep { defined } $self->{pids}{provisioner}, $self->pool_pids }
sub has_open { my ($pid, $path) = @_; return grep { (readlink || '') eq $path } glob "/proc/$pid/fd/*" }
sub fd_count { my ($pid) = @_; my @fds = glob("/proc/$pid/fd/*"); return scalar @fds }

# Processes that carry this test's folder in their environment.
sub leftovers {
	my ($self) = @_;
	my @found;
	for my $proc (glob '/proc/[0-9]*') {
		my ($pid) = $proc =~ /(\d+)$/;
		next if $pid == $$ || (Platform::slurp("$proc/stat") =~ /\) Z /);
		push @found, "$pid: " . Platform::slurp("$proc/cmdline") =~ tr/\0/ /r
			if index(Platform::slurp("$proc/environ"), $self->{dir}) >= 0;
	}
	return @found;
}

sub check_descriptors {
	my ($self) = @_;
	my @leaks;
	for my $pid ($self->watched) {
		next unless $self->{fds} && defined $self->{fds}{$pid};
		my $n;
		# One more: a database file that was opened when it was first needed.
		eval { $self->wait_for('descriptors', sub {
			($n = fd_count($pid)) <= $self->{fds}{$pid} + 1 }, 10); 1 }
			or push @leaks, "$pid: $self->{fds}{$pid} -> $n";
	}
	is("@leaks", '', 'no descriptor leaked');
}

sub check_logs {
	my ($self) = @_;
	my @bad;
	for my $log (glob("$self->{dir}/*.log"), "$self->{dir}/nginx/nginx-error.log") {
		push @bad, grep { /Sanitizer|runtime error:|\[(?:alert|crit|emerg)\]/ } split /\n/, Platform::slurp($log);
	}
	is(join("\n", @bad), '', 'no alert and no sanitizer line in any log');
}

sub check_secrets {
	my ($self) = @_;
	my @hits;
	return unless @{$self->{secrets}};
	File::Find::find({no_chdir => 1, wanted => sub {
		my $path = $_;
		return unless -f $path;
		my $text = Platform::slurp($path);
		push @hits, $path if grep { index($text, $_) >= 0 } @{$self->{secrets}};
	}}, $self->{dir});
	is("@hits", '', 'no password in any file');
}

sub finish {
	my ($self) = @_;
	$self->check_descriptors;
	my $status = $self->stop_all;
	is($status->{provisioner}, 0, 'the provisioner ended well') if exists $status->{provisioner};
	my @left;
	eval { $self->wait_for('processes to end', sub { !(@left = $self->leftovers) }, 10) };
	is(join("\n", @left), '', 'no process is left');
	$self->check_logs;
	$self->check_secrets;
	$self->{finished} = 1;
	done_testing() unless $self->{more};
}

sub DESTROY {
	my ($self) = @_;
	return if $$ != $self->{owner};
	# An object that a named sub refers to goes last, when Test::More is gone already.
	my $late = ${^GLOBAL_PHASE} eq 'DESTRUCT';
	my $passing = $late ? $? == 0 : Test::More->builder->is_passing;
	$self->{keep} = !$self->{finished} || !$passing || $ENV{STORE_TEST_KEEP};
	print STDERR "# the test's files are in $self->{dir}\n" if $self->{keep};
	$self->SUPER::DESTROY;
}

1;
