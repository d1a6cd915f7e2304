#!/usr/bin/perl
# What a user gets of the tree: `make install` puts everything where the
# programs look for it, the manual pages are sound and agree with the programs,
# and `make distcheck` is content with a tree that cannot be written.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Find ();
use File::Temp ();
use Platform;
use Test::More;

my $top = $Platform::TOP;
my $build = $ENV{STORE_BUILD} || "$top/build/test";
my $root = File::Temp::tempdir(CLEANUP => 1);

sub output { my (@argv) = @_; open my $in, '-|', @argv or die; local $/; my $t = <$in>; close $in; return $t // '' }

sub files {
	my (@dirs) = @_;
	my @found;
	File::Find::find({no_chdir => 1, wanted => sub { push @found, s{^\Q$top\E/}{}r if -f } }, map { "$top/$_" } @dirs);
	return sort @found;
}

sub run_quietly {
	my ($log, @argv) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		# make's own variables of an outer make would lead this one astray.
		delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
		open STDOUT, '>', $log or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
		exec { $argv[0] } @argv or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return $?;
}

subtest 'every file is named in Makefile.am' => sub {
	my $text = Platform::slurp("$top/Makefile.am");
	# A test program's source follows from its name; six folders go whole.
	my @forgotten = grep { index($text, s{^(t/(?:unit/test_|load/)\w+)\.c$}{$1}r) < 0 && !m{^t/(?:browser|cluster|fixtures|images|lib|package)/} }
		files(qw(charts nginx static src t)); # debian/ goes whole too
	is("@forgotten", '', 'none is forgotten');
};

subtest 'make install' => sub {
	is(run_quietly("$root/log", 'make', '-C', $build, 'install', "DESTDIR=$root/to", 'prefix=/usr'), 0, 'it works')
		or diag(Platform::slurp("$root/log"));
	ok(-x "$root/to/usr/sbin/$_", "$_ is there") for qw(store-api store-provisioner store-worker storectl);
	my ($chart) = output("$build/src/store-provisioner", '--help') =~ /HELM_CHART_PATH=(\S+)/;
	ok(-f "$root/to$chart/Chart.yaml", 'the chart is where its key says');
	ok(-f "$root/to$chart/.helmignore", 'whole');
	ok(-f "$root/to/usr/share/store-platform/$_", "$_ is there") for qw(nginx/api.conf dashboard/index.html dashboard/app.js dashboard/app.css dashboard/charts.js);
	ok(-f "$root/to/usr/share/man/man$_", "manual page $_ is there")
		for qw(8/store-api.8 8/store-provisioner.8 8/storectl.8 5/store-platform.conf.5);
};

subtest 'manual pages' => sub {
	for my $page (grep { /\.[58]$/ } files('src')) {
		is(output('mandoc', '-Tlint', '-Wwarning', "$top/$page"), '', "$page is sound");
	}
	my $help = output("$build/src/store-provisioner", '--help');
	my %keys = $help =~ /^  ([A-Z_]+)=(.*)$/gm;
	my %page = Platform::slurp("$top/src/io/store-platform.conf.5") =~ /^\.It Ev ([A-Z_]+) Ns = Ns (.*)$/gm;
	$_ = '' for grep { $_ eq 'Pq empty' } values %page;
	is_deeply(\%page, \%keys, 'store-platform.conf(5) has the keys and defaults of the programs');
};

subtest 'make distcheck' => sub {
	plan(skip_all => 'once is enough: not with sanitizers') if $build =~ /asan/;
	is(run_quietly("$root/log", 'make', '-C', $build, '-j2', 'distcheck',
		'AM_DISTCHECK_CONFIGURE_FLAGS=--enable-werror'), 0, 'it is content')
		or diag(substr Platform::slurp("$root/log"), -4000);
};
done_testing();
