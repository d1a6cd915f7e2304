# Faults.pm: programs of a platform whose calls of libc fail on demand, by
# LD_PRELOAD of t/fault/fault.c (fault.h has the rules).
#
#	my $faults = Faults->new($platform);        # before its programs start
#	$faults->set('write ENOSPC 0 0 store-platform.db');
#	$faults->clear;
package Faults;

use strict;
use warnings;

use Platform;

sub new {
	my ($class, $platform) = @_;
	my $self = bless {file => "$platform->{dir}/faults"}, $class;
	$self->{library} = "$platform->{build}/t/fault.so";
	$platform->{preload} = {LD_PRELOAD => $self->{library}, STORE_FAULTS => $self->{file}};
	return $self;
}

# Why there are none here; undef if there are.
sub missing {
	my ($platform) = @_;
	return 'the sanitizers have calls of their own' if $platform->{build} =~ /asan/;
	return undef if -e "$platform->{build}/t/fault.so"
		|| system("make -s -C '$platform->{build}' t/fault.so >&2") == 0;
	return 'the library of faults cannot be built';
}

sub set {
	my ($self, @rules) = @_;
	Platform::spew("$self->{file}.new", join '', map { "$_\n" } @rules);
	rename "$self->{file}.new", $self->{file} or die "$self->{file}: $!";
}

sub clear { my ($self) = @_; unlink $self->{file} }

1;
