# PlatformTest.pm: Platform.pm for a test.
#
#	my $p = PlatformTest->new(...);
#	...
#	$p->finish;		# checks, then done_testing (unless `more` is set)
#
# finish() stops everything and adds to every test: no sanitizer line and no
# [alert] or [crit] in any log, no process left over, no descriptor leaked, no
# registered secret in any file, and what Invariants.pm has (of the cluster unless
# `unsettled` is set). A test that failed keeps its folder and says
# where it is; STORE_TEST_KEEP=1 keeps it always.
package PlatformTest;

use strict;
use warnings;

use File::Find ();
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

use Invariants;
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
	$self->await_databases;
	$self->{fds} = {map { $_ => fd_count($_) } $self->watched};
}

# A process that has only just begun has not opened all of its files yet.
sub await_databases {
	my ($self) = @_;
	$self->wait_for('the database to be open everywhere', sub {
		!grep { !has_open($_, "$self->{conf}{DATABASE_PATH}-shm") } $self->watched });
}

# Runs a program to its end: {status, out, err}. One that goes on is ended after a while.
sub run_program {
	my ($self, $name, @args) = @_;
	my %file = map { $_ => "$self->{dir}/$name.$_" } qw(out err);
	# What store-api has to have as descriptor 0.
	my $socket = IO::Socket::UNIX->new(Local => "$self->{dir}/run/$name$$.sock", Listen => 1) or die "listen: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		%ENV = $self->environment;
		POSIX::dup2(fileno $socket, 0);
		open STDOUT, '>', $file{out} or POSIX::_exit(126);
		open STDERR, '>', $file{err} or POSIX::_exit(126);
		exec { $self->program($name) } $name, @args or POSIX::_exit(127);
	}
	unlink "$self->{dir}/run/$name$$.sock";
	$self->{pids}{"run $name"} = $pid;
	my $end = $self->wait_end("run $name", 60);
	$end = $self->stop("run $name", 'KILL') unless defined $end;
	my $status = $end & 127 ? 'signal ' . ($end & 127) : $end >> 8;
	return {status => $status, map { $_ => Platform::slurp($file{$_}) } keys %file};
}

sub storectl { my ($self, @args) = @_; return $self->run_program('storectl', @args) }

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
	is(join("\n", Invariants::of_rows($self)), '', 'the invariants hold');
	is(join("\n", Invariants::of_cluster($self)), '', 'rows and cluster agree')
		if $self->{conf}{KUBECONFIG} ne '/nonexistent/kubeconfig' && -r Platform::cluster_file('kubeconfig') && !$self->{unsettled};
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
