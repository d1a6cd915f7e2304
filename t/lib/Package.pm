# Package.pm: the Debian package of this tree, built once for all tests of a build
# tree, and a Debian of its own to install it in.
#
#	Package::need('dpkg-buildpackage');     # else the test is skipped, with a sentence
#	my $built = Package::built('first');    # {dir, deb, changes, log}
#	my $root = Package::root();             # a folder with a Debian in it; goes with the test
package Package;

use strict;
use warnings;

use Digest::SHA ();
use Fcntl qw(:flock);
use File::Path qw(make_path);
use File::Temp ();
use Platform;
use Test::More ();

my $top = $Platform::TOP;

# Ends the test file at once if this machine lacks something for it.
sub need {
	my (@programs) = @_;
	my $why = -e "$top/.git" ? '' : 'this is no checkout of git, from which the package is exported';
	for my $program (@programs) {
		next if $why || grep { -x "$_/$program" } split(/:/, $ENV{PATH}), '/usr/sbin';
		$why = "$program is missing: ./dev deps";
	}
	Test::More::plan(skip_all => $why) if $why;
}

sub need_root { Test::More::plan(skip_all => 'only root can install a package') if $> != 0 }

# What the package is built from, as one digest.
sub digest {
	open my $list, '-|', 'git', '-C', $top, 'ls-files', '-z', '--cached', '--others', '--exclude-standard' or die "git: $!";
	local $/ = "\0";
	my $sha = Digest::SHA->new(256);
	while (defined(my $file = <$list>)) {
		chomp $file;
		next unless -f "$top/$file";
		$sha->add("$file\0", (-x _ ? 'x' : '-') . "\0")->addfile("$top/$file");
	}
	close $list or die "git ls-files failed";
	return substr $sha->hexdigest, 0, 16;
}

# Several tests want it at the same time: the first one builds.
sub built {
	my ($which) = @_;
	my $dir = ($ENV{STORE_BUILD} || "$top/build/test") . '/package/' . digest() . "-$which";
	make_path($dir);
	open my $lock, '>', "$dir.lock" or die "$dir.lock: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	if (!-e "$dir/complete") {
		system("$top/t/package/build", $which, $dir) == 0 or die "the package cannot be built; see $dir/build.log\n";
		Platform::spew("$dir/complete", '');
	}
	my %built = (dir => $dir, log => "$dir/build.log", map { my ($file) = glob "$dir/*.$_"; ($_ => $file) } qw(deb changes dsc));
	return \%built;
}

# Runs a program to its end: {status, out}, with both outputs in one.
sub run {
	my (@argv) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null' or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
		no warnings 'exec'; # 127 says it
		exec { $argv[0] } @argv or POSIX::_exit(127);
	}
	local $/;
	my $text = <$out>;
	close $out;
	return {status => $? & 127 ? 'signal ' . ($? & 127) : $? >> 8, out => $text // ''};
}

sub root {
	my $made = run("$top/t/package/root");
	die "no Debian to install in: $made->{out}" if $made->{status} ne '0';
	my ($archive) = $made->{out} =~ /^(\/.*\.tar)$/m;
	my $dir = File::Temp->newdir('store-root-XXXXXX', TMPDIR => 1);
	chmod 0755, $dir;
	my $tar = run('tar', '--extract', '--file', $archive, '--directory', "$dir");
	die "tar: $tar->{out}" if $tar->{status} ne '0';
	# The web server of the test's Debian would want port 80 of this machine.
	unlink "$dir/etc/nginx/sites-enabled/default";
	return $dir;
}

# The package again with a higher or lower version, from nothing but another changelog.
sub version {
	my ($deb, $version) = @_;
	my $dir = File::Temp->newdir('store-deb-XXXXXX', TMPDIR => 1);
	my $new = "$dir/store-platform_$version.deb";
	for my $step (['dpkg-deb', '-R', $deb, "$dir/x"], ['sed', '-i', "s/^Version: .*/Version: $version/", "$dir/x/DEBIAN/control"],
		['dpkg-deb', '--root-owner-group', '-Znone', '-b', "$dir/x", $new]) {
		my $r = run(@$step);
		die "@$step: $r->{out}" if $r->{status} ne '0';
	}
	return ($new, $dir);
}

1;
