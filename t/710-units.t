#!/usr/bin/perl
# The units as `make install` puts them into a system: systemd understands them, and
# their sandboxes are as tight as promised. Promise 7.1. Whether the programs can
# work in them is seen by t/725-machine.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Package;
use Test::More;

my $analyze = grep { -x "$_/systemd-analyze" } split /:/, $ENV{PATH};
plan(skip_all => 'systemd-analyze is missing: ./dev deps') unless $analyze;

my $build = $ENV{STORE_BUILD} || "$Platform::TOP/build/test";
my $root = File::Temp->newdir;
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
# The units name the programs where this build is told to install them.
my ($prefix) = Platform::slurp("$build/Makefile") =~ /^prefix = (.*)$/m;
my $install = Package::run('make', '-C', $build, 'install', "DESTDIR=$root", 'systemdsystemunitdir=/lib/systemd/system');
is($install->{status}, 0, 'make install') or diag(substr $install->{out}, -2000);

my $units = "$root/lib/systemd/system";
my @files = map { s{.*/}{}r } glob "$units/*";
is("@files", 'store-api.socket store-api.target store-api@.service store-platform-backup.service '
	. 'store-platform-backup.timer store-provisioner.service store-provisioner.socket', 'all units are there');

subtest 'systemd understands them' => sub {
	# What every system has, so that nothing is missing but what we forget.
	for my $unit (qw(sysinit.target basic.target shutdown.target sockets.target timers.target multi-user.target
		network.target time-set.target time-sync.target -.slice system.slice)) {
		Platform::spew("$units/$unit", "[Unit]\nDescription=$unit\n") unless -e "$units/$unit";
	}
	for my $unit (map { s/\@\./\@1./r } @files) {
		my $r = Package::run('systemd-analyze', 'verify', '--man=no', "--root=$root", $unit);
		is("$r->{status} $r->{out}", '0 ', $unit);
	}
	my $broken = Platform::slurp("$units/store-provisioner.service") =~ s/^KillMode=mixed/KilMode=mixed/mr;
	Platform::spew("$units/broken.service", $broken);
	like(Package::run('systemd-analyze', 'verify', '--man=no', "--root=$root", 'broken.service')->{out},
		qr/KilMode/, 'a word that it does not know would be seen');
	unlink "$units/broken.service";
};

# In tenths, as systemd-analyze takes them.
my %most = ('store-api@1.service' => 5, 'store-provisioner.service' => 12, 'store-platform-backup.service' => 15);

subtest '7.1: exposure, in tenths' => sub {
	my $dir = File::Temp->newdir;
	for my $unit (sort keys %most) {
		my $text = Platform::slurp("$units/" . $unit =~ s/\@1/\@/r);
		Platform::spew("$dir/$unit", $text);
		my $r = Package::run('systemd-analyze', 'security', '--offline=yes', '--no-pager', "--threshold=$most{$unit}", "$dir/$unit");
		my ($level) = $r->{out} =~ /Overall exposure level for \S+: (\S+)/;
		is($r->{status}, 0, "$unit: " . ($level // '?') . " of $most{$unit}") or diag($r->{out});
		Platform::spew("$dir/$unit", $text =~ s/^(?:ProtectSystem|PrivateUsers|NoNewPrivileges|SystemCallFilter|PrivateDevices)=.*\n//mgr);
		isnt(Package::run('systemd-analyze', 'security', '--offline=yes', "--threshold=$most{$unit}", "$dir/$unit")->{status},
			0, "$unit: without some of its protection it would be seen");
	}
};

subtest 'what the programs and the units both say' => sub {
	my $help = Package::run("$build/src/store-provisioner", '--help')->{out};
	my %default = $help =~ /^  ([A-Z_]+)=(.*)$/gm;
	my $text = join '', map { Platform::slurp("$units/$_") } @files;
	like($text, qr/^ListenDatagram=\Q$default{WAKE_SOCKET}\E$/m, 'the socket that wakes');
	my ($folder) = $default{DATABASE_PATH} =~ m{(.*)/};
	my $tmpfiles = Platform::slurp("$root$prefix/lib/tmpfiles.d/store-platform.conf");
	for my $path ($folder, @default{qw(PROVISIONER_DIR API_DIR)}) {
		like($text, qr/^ReadWritePaths=(?:.* )?\Q$path\E(?: |$)/m, "$path may be written");
		like($tmpfiles, qr/^d \Q$path\E /m, 'and is made');
	}
	my ($grace) = Platform::slurp("$Platform::TOP/src/provisioner/claim.c") =~ /KILL_AFTER_MS = (\d+)/;
	my ($stop) = Platform::slurp("$units/store-provisioner.service") =~ /^TimeoutStopSec=(\d+)$/m;
	cmp_ok($stop * 1000, '>', $grace * 1.5, 'a stop is given longer than a worker takes');
	like(Platform::slurp("$Platform::TOP/nginx/site.conf.in"), qr{unix:/run/store-platform/api\.sock;}, 'nginx asks');
	like($text, qr{^ListenStream=/run/store-platform/api\.sock$}m, 'where the pool listens');
};
done_testing();
