#!/usr/bin/perl
# The Debian package: built from an export of the tree as a build server does it,
# offline and with the tests of the build; twice, and the same each time; and
# content with lintian. Promise 7.7, its first part.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use Package;
use Test::More;

plan(skip_all => 'once is enough: not with sanitizers') if ($ENV{STORE_BUILD} || '') =~ /asan/;
Package::need(qw(dpkg-buildpackage dh lintian git));

my $first = Package::built('first');
my $log = Platform::slurp($first->{log});

sub sum { my ($file) = @_; return Digest::SHA->new(256)->addfile($file)->hexdigest }

subtest 'it is built' => sub {
	ok(-s $first->{deb}, 'one package');
	my ($total) = $log =~ /^# TOTAL: (\d+)$/m;
	cmp_ok($total // 0, '>', 200, 'its tests ran');
	like($log, qr/^# FAIL:  0$/m, 'and none failed');
	unlike($log, qr/^\S*warning: /m, 'without a warning of the compiler');
	unlike($log, qr/dh_missing: (?:warning|error)/, 'and all of make install is in it');
	my $make = Package::run('dpkg-deb', '-c', $first->{deb});
	my @by_hand = grep { !m{^(?:usr/share/(?:doc|lintian)/|.*/$)} } map { m{ \./(\S+)} ? $1 : () } split /\n/, $make->{out};
	unlike("@by_hand", qr{(?:^| )etc/}, 'no file of it is configuration');
};

subtest 'another build elsewhere makes the same' => sub {
	my $second = Package::built('second');
	is(sum($second->{deb}), sum($first->{deb}), 'the package')
		or diag(Package::run('sh', '-c', 'for i in "$@"; do dpkg-deb -c "$i"; done | sort | uniq -u', 'sh',
			$first->{deb}, $second->{deb})->{out});
	my ($tar1, $tar2) = map { glob "$_->{dir}/*.tar.xz" } $first, $second;
	is(sum($tar2), sum($tar1), 'the source archive');
};

subtest 'lintian' => sub {
	my $r = Package::run('lintian', '--allow-root', '--fail-on', 'error,warning', $first->{changes});
	is("$r->{status} $r->{out}", '0 ', 'has no error and no warning');
	my @names = `cat $FindBin::Bin/../debian/store-platform.lintian-overrides` =~ /^store-platform: (\S+)/mg;
	my $unused = Package::run('lintian', '--allow-root', '--tags', 'unused-override,mismatched-override', $first->{changes});
	is($unused->{out}, '', 'and no override is without a fault');
};

subtest 'hardening' => sub {
	my $dir = File::Temp->newdir;
	is(Package::run('dpkg-deb', '-x', $first->{deb}, "$dir")->{status}, 0, 'unpacked');
	for my $program (glob "$dir/usr/sbin/*") {
		my ($name) = $program =~ m{([^/]+)$};
		my $elf = Package::run('readelf', '-W', '-l', '-d', '-h', $program)->{out};
		like($elf, qr/Type:\s+DYN/, "$name: PIE");
		like($elf, qr/GNU_RELRO/, "$name: RELRO");
		like($elf, qr/BIND_NOW|FLAGS_1.*\bNOW\b/, "$name: bound at start");
		unlike($elf, qr/GNU_STACK.*\bRWE\b/, "$name: no stack that is run");
		unlike($elf, qr/RUNPATH|RPATH/, "$name: no path of libraries");
		unlike(Platform::slurp($program), qr/STORE_CRASH_AT/, "$name: no crash points");
	}
};
done_testing();
