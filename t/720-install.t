#!/usr/bin/perl
# The life of the package in a Debian without a running systemd, as piuparts looks at
# it: installed, removed, installed again, purged; each time the files and accounts
# that are there are compared. Promise 7.7; the programs at work: t/725-machine.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Find ();
use Package;
use Test::More;

plan(skip_all => 'once is enough: not with sanitizers') if ($ENV{STORE_BUILD} || '') =~ /asan/;
Package::need_root();
Package::need(qw(dpkg-buildpackage dh mmdebstrap git));

my $deb = Package::built('first')->{deb};
my $root = Package::root();
my ($newer, $keep) = Package::version($deb, '0.2.0');

# apt and dpkg need /proc and /dev of somewhere; both go with the namespace.
sub inside {
	my (@argv) = @_;
	return Package::run('unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c',
		'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && shift && exec chroot "$0" "$@"',
		"$root", "$root", 'env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive',
		'LC_ALL=C.UTF-8', 'HOME=/', @argv);
}

sub apt {
	my (@argv) = @_;
	my $r = inside('apt-get', '-q', '-y', '-o', 'Dpkg::Use-Pty=0', @argv);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($r->{status}, 0, "apt-get @argv") or diag($r->{out});
	return $r->{out};
}

sub install {
	my ($file, @options) = @_;
	system('cp', $file, "$root/new.deb") == 0 or die 'cp';
	my $r = inside('apt-get', '-q', '-y', '-o', 'Dpkg::Use-Pty=0', @options, 'install', '/new.deb');
	unlink "$root/new.deb";
	return $r;
}

# path => mode, owner and where a link leads; without what dpkg, apt and logs keep.
sub files {
	my %found;
	File::Find::find({no_chdir => 1, preprocess => sub {
		grep { !m{^(?:proc|dev|sys)$} || $File::Find::dir ne "$root" } @_ }, wanted => sub {
		my $path = substr $_, length "$root";
		return if $path =~ m{^/(?:var/(?:lib/(?:dpkg|apt|nginx|systemd)|cache|log)|etc/(?:passwd|shadow|group|gshadow)-?$|etc/\.pwd\.lock$|run/|tmp/)};
		my @st = lstat;
		$found{$path} = sprintf '%o %s:%s %s', $st[2], $st[4], $st[5], -l _ ? readlink : '';
	}}, "$root");
	return \%found;
}

sub differences {
	my ($before, $after) = @_;
	return join "\n", (map { "- $_" } grep { !exists $after->{$_} } sort keys %$before),
		(map { "+ $_" } grep { !exists $before->{$_} } sort keys %$after),
		(map { "~ $_: $before->{$_} -> $after->{$_}" } grep { exists $after->{$_} && $after->{$_} ne $before->{$_} } sort keys %$before);
}

sub owner {
	my ($path) = @_;
	return inside('stat', '-c', '%A %U:%G', $path)->{out} =~ s/\n//r;
}

my $before = files();
my @own = ('/etc/store-platform/store-platform.conf' => "BASE_DOMAIN=mine.example\n",
	'/etc/store-platform/nginx-site.conf' => "server { listen 8443; }\n",
	'/var/lib/store-platform/database/store-platform.db' => 'data',
	'/var/lib/store-platform/provisioner/seal.key' => 'key');
my %own = @own;

subtest 'installed' => sub {
	is(install($deb)->{status}, 0, 'it is');
	is(owner('/var/lib/store-platform'), 'drwxr-xr-x root:root', 'data');
	is(owner('/var/lib/store-platform/database'), 'drwxrws--- root:store-platform', 'of both daemons');
	is(owner('/var/lib/store-platform/api'), 'drwx------ store-api:store-api', 'of the pool');
	is(owner('/var/lib/store-platform/provisioner'), 'drwxr-xr-x store-provisioner:store-provisioner', 'of the provisioner');
	is(owner('/var/lib/store-platform/backups'), 'drwx------ root:root', 'of root');
	is(owner('/run/store-platform'), 'drwxr-xr-x root:root', 'sockets');
	for my $user (qw(store-api store-provisioner)) {
		like(inside('getent', 'passwd', $user)->{out}, qr{^$user:[^:]*:[0-9]{1,3}:.*:/usr/sbin/nologin$}, "$user is a system user without a shell");
	}
	for my $program (qw(store-api store-provisioner storectl)) {
		like(inside($program, '--version')->{out}, qr/^$program \d/, "$program runs");
	}
	my $as_api = sub { inside('setpriv', '--reuid=store-api', '--regid=store-api', '--init-groups', @_) };
	is($as_api->('store-api', '-n')->{status}, 0, 'and is content with its configuration');
	isnt($as_api->('touch', "/var/lib/store-platform/$_/x")->{status}, 0, "the pool's user does not write in $_") for qw(. provisioner backups acme);
	is(inside('nginx', '-t', '-q')->{out}, '', 'nginx is as content as before');
	my @new = grep { !exists $before->{$_} } sort keys %{files()};
	unlike("@new", qr{(?:^| )/(?!etc/(?:systemd/system|store-platform)|lib/systemd/system|usr/|var/lib/store-platform|run/store-platform)[a-z]+/}, 'it adds files in its own places only')
		or diag(join "\n", @new);
};

# The database as a newer version left it, and whether the older one may be installed over that.
sub back {
	my ($mark) = @_;
	my $path = "$root/var/lib/store-platform/database/store-platform.db";
	unlink $path;
	my $made = defined $mark ? Package::run('sqlite3', $path, "PRAGMA application_id = 1400139634; PRAGMA user_version = $mark; CREATE TABLE generation (n)") : {status => 0};
	is($made->{status}, 0, 'a database') or diag $made->{out};
	return install($deb, '--allow-downgrades');
}

subtest 'upgraded, and not back' => sub {
	mkdir "$root/etc/nginx/sites-enabled";
	Platform::spew("$root$_", $own{$_}) for keys %own;
	symlink '/etc/store-platform/nginx-site.conf', "$root/etc/nginx/sites-enabled/store-platform" or die $!;
	is(install($newer)->{status}, 0, 'it is upgraded');
	is(Platform::slurp("$root$_"), $own{$_}, "$_ is as it was") for sort keys %own;
	my $installed = sub { inside('dpkg-query', '-W', '-f', '${Status} ${Version}', 'store-platform')->{out} };
	my $refused = sub {
		my ($r, $name) = @_;
		isnt($r->{status}, 0, "a downgrade is refused: $name");
		like($r->{out}, qr/store-platform: 0\.2\.0 is installed, and going back to 0\.1\.0 is refused.*storectl db restore FILE/s, 'with a sentence');
		is($installed->(), 'install ok installed 0.2.0', 'and leaves the package whole');
	};
	$refused->(install($deb, '--allow-downgrades'), 'a database that cannot be read');
	$refused->(back($_), "schema $_") for 99, 99101;
	for my $mark (8009, 8, undef) {
		is(back($mark)->{status}, 0, 'schema ' . ($mark // 'none, since nothing was set up') . ': a downgrade is taken');
		is($installed->(), 'install ok installed 0.1.0', 'and the older version is there');
		is(install($newer)->{status}, 0, 'until the next upgrade');
	}
	Platform::spew("$root$_", $own{$_}) for grep { /\.db$/ } keys %own;
};

subtest 'removed, and installed again' => sub {
	apt('remove', 'store-platform');
	is(Platform::slurp("$root$_"), $own{$_}, "$_ is as it was") for sort keys %own;
	ok(!-l "$root/etc/nginx/sites-enabled/store-platform", 'the site is switched off, whose parts are gone');
	is(inside('nginx', '-t', '-q')->{out}, '', 'so that nginx can be started');
	is(install($deb)->{status}, 0, 'an older one can be installed then');
	is(readlink("$root/etc/nginx/sites-enabled/store-platform"), '/etc/store-platform/nginx-site.conf', 'the site is on again');
	apt('remove', 'store-platform');
	Platform::spew("$root/etc/store-platform/nginx-site.conf", "no configuration\n");
	like(install($deb)->{out}, qr/nginx refuses its site, which is not enabled/, 'a site that nginx refuses stays off');
	is(inside('nginx', '-t', '-q')->{out}, '', 'and harms no other');
};

subtest 'purged' => sub {
	apt('purge', 'store-platform');
	is(Platform::slurp("$root$_"), $own{$_}, "$_ stays where nobody could be asked") for grep { m{^/var} } sort keys %own;
	my $left = differences($before, files());
	is($left, join("\n", map { "+ /var/lib/store-platform$_" } '', map { my $p = $_; $p =~ s{/[^/]+\z}{}; ("/$p", "/$_") } qw(database/store-platform.db provisioner/seal.key)),
		'and nothing else of it');
	is(install($deb)->{status}, 0, 'installed once more');
	inside('sh', '-c', 'echo store-platform store-platform/purge-data boolean true | debconf-set-selections');
	apt('purge', 'store-platform');
	is(differences($before, files()), '', 'a purge whose question was answered with yes leaves nothing');
	is(inside('nginx', '-t', '-q')->{out}, '', 'but a sound web server');
};
done_testing();
