# FakeHelm.pm: a helm that misbehaves in named ways, around the real one.
#
#	my $helm = FakeHelm->new($platform, 'helm3');   # sets HELM of the platform
#	$helm->mode('hang');
#	$helm->calls                                     # "verb" of each run but `version`
#	$helm->runs('wc-shop')                           # the same, of that release alone
#
# Modes: real; fail-after (does all, exits 1); killed (each time, by a signal);
# nothing (exits 0, did nothing);
# refuse (exits 1, did nothing); hang; stubborn (ignores TERM, hangs); flood (a
# gigabyte of output, exits 1); deaf (closes its input at once, exits 0); orphan
# (leaves a child behind that holds the pipes); die (the real one gets KILL as
# soon as its release record is pending, once; real after that); lie (the same,
# but exits 0); marked (the real one, a moment later, while a lock of its release
# is held: ->collisions counts who found it held already).
package FakeHelm;

use strict;
use warnings;

use Platform;

sub new {
	my ($class, $platform, $line) = @_;
	my $self = bless {dir => "$platform->{dir}/fakehelm"}, $class;
	my $real = Platform::helm($line);
	my $kubectl = Platform::kubectl_path();
	mkdir $self->{dir} or die "$self->{dir}: $!";
	Platform::spew("$self->{dir}/version", $line eq 'helm4' ? 'v4.3.1' : 'v3.22.0');
	Platform::spew("$self->{dir}/helm", <<"SH", 0755);
#!/bin/sh
export PATH=/usr/bin:/bin
if [ "\$1" = version ]; then exec cat $self->{dir}/version; fi
mode=\$(cat $self->{dir}/mode)
# Whoever waits for the call may end it at once.
test "\$mode" != stubborn || trap '' TERM
echo "\$1" >>$self->{dir}/calls
echo "\$*" >>$self->{dir}/runs
case \$mode in
real) exec $real "\$@" ;;
fail-after) $real "\$@"; exit 1 ;;
killed) kill -9 \$\$ ;;
nothing) cat >/dev/null; exit 0 ;;
refuse) cat >/dev/null; echo "Error: it does not please me" >&2; exit 1 ;;
hang) exec sleep 1000 ;;
stubborn) while :; do sleep 1; done ;;
flood) head -c 1000000000 /dev/zero | tr '\\0' 'x' >&2; exit 1 ;;
deaf) exec <&-; exit 0 ;;
orphan) sleep 1000 & exit 1 ;;
marked)
	for release do case \$release in wc-*) break ;; esac; done
	exec 9>>$self->{dir}/busy-\$release
	flock -n 9 || echo \$release >>$self->{dir}/collisions
	sleep 0.3
	exec $real "\$@" ;;
die|lie)
	echo real >$self->{dir}/mode
	cat >$self->{dir}/values
	$real "\$@" <$self->{dir}/values &
	pid=\$!
	for release do case \$release in wc-*) break ;; esac; done
	# It stands still while it is looked at, so that no busy machine lets it get away.
	until $kubectl get secret -A -l owner=helm,name=\$release,status=pending-install -o name | grep -q .; do
		kill -CONT \$pid; sleep 0.03; kill -STOP \$pid || break
	done
	kill -9 \$pid
	test \$mode = lie; exit ;;
esac
SH
	$platform->{conf}{HELM} = "$self->{dir}/helm";
	$self->mode('real');
	return $self;
}

sub mode {
	my ($self, $mode) = @_;
	Platform::spew("$self->{dir}/mode.new", "$mode\n");
	rename "$self->{dir}/mode.new", "$self->{dir}/mode" or die "mode: $!";
}

sub collisions { my ($self) = @_; return split /\n/, Platform::slurp("$self->{dir}/collisions") }
sub version { my ($self, $text) = @_; Platform::spew("$self->{dir}/version", $text) }
sub calls { my ($self) = @_; return split /\n/, Platform::slurp("$self->{dir}/calls") }
sub runs {
	my ($self, $release) = @_;
	return map { (split ' ')[0] } grep { / \Q$release\E(?: |$)/ } split /\n/, Platform::slurp("$self->{dir}/runs");
}
sub forget { my ($self) = @_; unlink "$self->{dir}/calls", "$self->{dir}/runs" }
sub path { my ($self) = @_; return "$self->{dir}/helm" }

1;
