#!/usr/bin/perl
# The two daemons as two users that share nothing but a group, as in the package:
# whoever makes the database first, both can use it, and nobody else can.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Test::More;

plan(skip_all => 'it takes root to be two users') if $> != 0;

my ($api, $provisioner, $group) = (61001, 61002, 61003); # nobody's numbers

sub as { my ($user, @argv) = @_; return ['setpriv', "--reuid=$user", "--regid=$user", "--groups=$group", '--', @argv] }

for my $first (qw(api provisioner)) {
	subtest "4.10: $first makes the database" => sub {
		my $p = ApiTest->new;
		$p->{more} = 1;
		my $data = "$p->{dir}/data";
		chown 0, $group, $data;
		chmod 02770, $data;
		mkdir "$p->{dir}/own", 0755 or die;
		chown $provisioner, $provisioner, "$p->{dir}/own", "$p->{dir}/run";
		$p->{conf}{PROVISIONER_DIR} = "$p->{dir}/own/provisioner";
		my $socket = IO::Socket::UNIX->new(Local => $p->socket_path, Listen => 8) or die "listen: $!";
		chmod 0666, $p->socket_path;
		my %start = (
			api => sub { $p->spawn('one', as($api, $p->program('store-api')), stdin => $socket) },
			provisioner => sub { $p->spawn('two', as($provisioner, $p->program('store-provisioner'))) },
		);
		my $old = umask 0077;
		$start{$first}->();
		my $path = $p->{conf}{DATABASE_PATH};
		$p->wait_for('the database', sub { -s "$path-wal" });
		$start{$_}->() for grep { $_ ne $first } keys %start;
		umask $old;
		$p->wait_for('the key', sub { -s "$p->{conf}{PROVISIONER_DIR}/seal.pub" });
		$p->start_nginx;
		my $r = $p->wait_for('a store', sub { my $r = $p->post('/api/stores', {name => 'Shared'}); $r->{status} == 201 && $r });
		push @{$p->{secrets}}, $r->{json}{admin_password};
		$p->wait_for('a word of the provisioner', sub { $p->sql_one('SELECT count(*) FROM health') });
		for my $end ('', '-wal', '-shm') {
			my ($mode, $of) = (stat "$path$end")[2, 5];
			is(sprintf('%o %d', $mode & 07777, $of), "660 $group", "mode and group of the database$end");
		}
		kill 'KILL', $p->{pids}{$_} for qw(one two); # and the other one first after a crash
		$p->wait_end($_, 20) for qw(one two);
		unlink "$path-shm";
		$start{$_}->() for grep { $_ ne $first } keys %start;
		is($p->get('/api/stores')->{json}[0]{name}, 'Shared', 'it is read again') if $first eq 'provisioner';
		$start{$first}->();
		is($p->wait_for('an answer', sub { my $r = $p->get('/api/stores'); $r->{status} == 200 && $r })->{json}[0]{name}, 'Shared',
			'both go on after a crash');
		$p->wait_for('its descriptors', sub { PlatformTest::has_open($p->{pids}{two}, "$path-shm") });
		is(system('setpriv', '--reuid=61009', '--regid=61009', '--clear-groups', 'test', '-r', $path) >> 8, 1, 'a third user cannot read it');
		is(system('setpriv', "--reuid=$api", "--regid=$api", "--groups=$group", 'test', '-r', "$p->{conf}{PROVISIONER_DIR}/seal.key") >> 8, 1,
			'and store-api cannot read the secret key');
		$p->finish;
	};
}

subtest 'what root makes in the folder of store-api belongs to that' => sub {
	my $p = ApiTest->new;
	$p->{more} = 1;
	$p->start_provisioner;
	mkdir $p->{conf}{API_DIR}, 0700 or die;
	chown $api, $api, $p->{conf}{API_DIR};
	my $old = umask 0077;
	is($p->storectl('user', 'add', '--admin', '--generate', 'boss')->{status}, 0, 'an account is added');
	umask $old;
	my @files = glob "$p->{conf}{API_DIR}/*";
	ok(scalar @files, 'a lock is made');
	is((stat)[4], $api, "$_ is its own") for @files;
	$p->finish;
};
done_testing();
