#!/usr/bin/perl
# The tests that the package brings along, debian/tests, run by autopkgtest with the
# package installed in a Debian of its own: as it is installed, and its life as far as
# it goes without a cluster.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Package;
use Test::More;

plan(skip_all => 'once is enough: not with sanitizers') if ($ENV{STORE_BUILD} || '') =~ /asan/;
Package::need_root();
Package::need(qw(dpkg-buildpackage dh mmdebstrap autopkgtest git));

my $built = Package::built('first');
my $root = Package::root();
# Everything that the tests depend on is there: nothing has to be fetched.
Platform::spew("$root/etc/apt/sources.list", '');

my $r = Package::run('unshare', '--mount', 'sh', '-c',
	'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec "$@"', "$root",
	'autopkgtest', '--no-built-binaries', $built->{deb}, $built->{dsc}, '--', 'chroot', "$root");
my @tests = Platform::slurp("$FindBin::Bin/../debian/tests/control") =~ /^Tests: (.*)$/mg;
is($r->{status}, 0, 'autopkgtest is content') or diag($r->{out});
like($r->{out}, qr/^$_ +PASS$/m, "$_ passes") for @tests;
like($r->{out}, qr/== well.*== well/s, 'both to their ends');
done_testing();
