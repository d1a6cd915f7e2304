#!/usr/bin/perl
# The demo as a user meets it: --once makes and removes a store with both helm
# lines and says so, what is wrong is told in a sentence, and Ctrl-C leaves
# neither a process nor a folder behind. The cluster is the one of the run; the
# demo's own local one is what ./dev demo is for.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use POSIX ();
use PlatformTest;
use Test::More;
use Time::HiRes qw(sleep);

PlatformTest::need_cluster();

# The demo's folders are made below this one, so that one that is left is seen.
my $tmp = File::Temp::tempdir(CLEANUP => 1);
my %env = (KUBECONFIG => Platform::cluster_file('kubeconfig'), STOREFRONT_CHECK => 'off', TMPDIR => $tmp);

# Starts the demo in a process group of its own, as a terminal would.
sub start_demo {
	my ($log, $env, @args) = @_;
	defined(my $pid = fork) or die "fork: $!";
	if ($pid == 0) {
		POSIX::setpgid(0, 0);
		@ENV{keys %$env} = values %$env;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
		exec $^X, "$Platform::TOP/t/demo", @args or POSIX::_exit(127);
	}
	return $pid;
}

sub left_behind {
	opendir my $dir, $tmp or die;
	my @folders = grep { !/^\.\.?$/ } readdir $dir;
	my @processes = grep { index(Platform::slurp("$_/environ"), $tmp) >= 0 && $_ ne "/proc/$$" } glob '/proc/[0-9]*';
	return "@folders @processes" =~ s/^ $//r;
}

for my $line (3, 4) {
	subtest "once, helm $line" => sub {
		my $log = File::Temp->new;
		waitpid start_demo("$log", {%env, HELM => Platform::helm("helm$line")}, '--once'), 0;
		is($?, 0, 'it exits with 0') or diag(Platform::slurp("$log"));
		my $text = Platform::slurp("$log");
		like($text, qr/^Cluster: the one of KUBECONFIG/m, 'it says which cluster it took');
		like($text, qr/demo-shop\s+$_\s+\d+\.\d s/, "it told the step $_")
			for qw(namespace secrets release database wordpress woocommerce storefront volumes);
		like($text, qr/^Gone: namespace, release record and volumes\.$/m, 'it proved that nothing is left');
		like($text, qr/^Times: ready \d+\.\d s, deleted \d+\.\d s\.$/m, 'it printed the times');
		is(left_behind(), '', 'and left nothing behind');
	};
}

subtest 'a helm that is not there' => sub {
	my $log = File::Temp->new;
	waitpid start_demo("$log", {%env, HELM => '/nonexistent/helm'}, '--once'), 0;
	is($? >> 8, 1, 'it exits with 1');
	like(Platform::slurp("$log"), qr/helm cannot be run/, 'and says why');
	is(left_behind(), '', 'and left nothing behind');
};

subtest 'Ctrl-C' => sub {
	my $log = File::Temp->new;
	my $pid = start_demo("$log", {%env, HELM => Platform::helm('helm3')});
	my $deadline = time + 60;
	sleep 0.1 until Platform::slurp("$log") =~ /^Try:/m || time > $deadline;
	like(Platform::slurp("$log"), qr/^Dashboard  http:\/\/127\.0\.0\.1:\d+\/$/m, 'it prints its address');
	is(() = Platform::slurp("$log") =~ /^  curl /mg, 3, 'and three lines to try');
	kill 'INT', -$pid;
	waitpid $pid, 0;
	is($?, 0, 'it ends well');
	is(left_behind(), '', 'and left nothing behind');
};
done_testing();
