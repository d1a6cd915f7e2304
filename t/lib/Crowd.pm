# Crowd.pm: the same code in several processes at once.
#
#	my @results = Crowd->start(60, sub { my ($i) = @_; ... })->results;
#
# What the code returns comes back as JSON; a member that dies gives undef.
package Crowd;

use strict;
use warnings;

use JSON::PP ();
use POSIX ();

my $json = JSON::PP->new->allow_nonref;

sub start {
	my ($class, $size, $code) = @_;
	my $self = bless {members => [], owner => $$}, $class;
	for my $i (0 .. $size - 1) {
		pipe my $in, my $out or die "pipe: $!";
		defined(my $pid = fork) or die "fork: $!";
		if ($pid == 0) {
			my $result = eval { $code->($i) };
			print STDERR $@ if $@;
			print $out $json->encode($result);
			close $out;
			POSIX::_exit(0);
		}
		push @{$self->{members}}, {pid => $pid, from => $in};
	}
	return $self;
}

# Waits for all of them; their results in the order of their numbers.
sub results {
	my ($self) = @_;
	local ($/, $?);
	my @results;
	for (splice @{$self->{members}}) {
		my $text = readline $_->{from};
		waitpid $_->{pid}, 0;
		push @results, scalar eval { $json->decode($text) };
	}
	return @results;
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

1;
