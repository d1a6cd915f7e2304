#!/usr/bin/perl
# A store from POST to ready to gone, by nginx, the pool, the provisioner, the
# real helm of both lines and a real API server.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(decode_base64);
use POSIX ();
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my @steps = qw(namespace secrets release database wordpress woocommerce storefront);
my $hostile = q{a,b={c}"d'e\\f$(g)`h`;--i};

# Looks without pause at what every process of the platform has in its arguments and its
# environment; the function it returns ends that, and returns all that was seen.
sub watch_processes {
	my ($p) = @_;
	my $file = "$p->{dir}.seen";
	defined(my $pid = fork) or die "fork: $!";
	if ($pid == 0) {
		my ($on, %seen) = (1);
		$SIG{TERM} = sub { $on = 0 };
		while ($on) {
			for my $proc (glob '/proc/[0-9]*') {
				my $environ = Platform::slurp("$proc/environ");
				$seen{Platform::slurp("$proc/cmdline") . "\n$environ"} = 1 if index($environ, $p->{dir}) >= 0;
			}
		}
		Platform::spew($file, join "\n", keys %seen);
		POSIX::_exit(0);
	}
	return sub {
		kill 'TERM', $pid;
		waitpid $pid, 0;
		my $text = Platform::slurp($file);
		unlink $file;
		return $text;
	};
}

sub secret {
	my ($p, $slug, $name) = @_;
	my $data = $p->kube_json('-n', "store-$slug", 'get', 'secret', "$slug-$name")->{data};
	return {map { $_ => decode_base64($data->{$_}) } keys %$data};
}

sub check_ready {
	my ($p, $store, $slug) = @_;
	my $ns = $p->kube_json('get', 'namespace', "store-$slug");
	my @done = map { $_->{step} } grep { $_->{state} eq 'done' } $p->events($store->{id});
	my $release = $p->kube_json('-n', "store-$slug", 'get', 'secret', '-l', 'owner=helm');
	my $row = $p->store($store->{id});

	is("@done", "@steps", '2.9: each step ended once, in order');
	ok(!(grep { $_->{state} eq 'done' && !defined $_->{duration_ms} } $p->events($store->{id})),
		'each has its duration');
	is($row->{progress}{percent}, 100, 'the progress is 100 percent');
	is($row->{job}{state}, 'done', 'the job is done');
	is($row->{job}{attempt}, 1, 'at the first attempt');
	is($ns->{metadata}{labels}{'store-platform.io/store-id'}, $store->{id}, 'the namespace carries the id');
	is($ns->{metadata}{labels}{'pod-security.kubernetes.io/enforce'}, 'restricted', 'and is restricted');
	is(scalar @{$release->{items}}, 1, 'there is one release record');
	is($release->{items}[0]{metadata}{labels}{status}, 'deployed', 'it is deployed');
	cmp_ok(length decode_base64($release->{items}[0]{data}{release}), '<', 256 * 1024,
		'2.8: it is below 256 KiB');
	is($p->sql_one("SELECT count(*) FROM stores WHERE sealed_password IS NOT NULL"), 0,
		'the sealed password is wiped');
}

sub check_audit {
	my ($p, $id, @want) = @_;
	my @log = grep { ($_->{store_id} || '') eq $id } @{$p->get('/api/stores/audit/log')->{json}};
	is(join(' ', reverse map { $_->{action} } @log), "@want", "the audit has @want");
}

for my $line ('helm3', 'helm4') {
	my $p = PlatformTest->new(conf => {HELM => Platform::helm($line)});
	$p->{more} = 1;
	$p->start;
	$p->wait_for('ready', sub { $p->get('/api/ready')->{status} == 200 });

	my $seen = watch_processes($p);
	my $mine = $p->create(name => "Laden $line", adminUser => 'boss', adminPassword => $hostile);
	my $slug = "laden-$line";
	is($mine->{slug}, $slug, "$line: the slug is made of the name");
	ok(!defined $mine->{admin_password}, 'a password that was given is not shown');
	my $made = $p->create(name => "Zweiter $line", plan => 'medium');
	like($made->{admin_password}, qr/^[A-Za-z0-9]{16,}$/, 'a generated password is shown');
	$p->wait_status($_->{id}, 'ready') for $mine, $made;
	check_ready($p, $mine, $slug);

	my $wp = secret($p, $slug, 'wp-secret');
	is($wp->{'admin-password'}, $hostile, '2.7: a hostile password arrives as it is');
	is($wp->{'admin-user'}, 'boss', 'and the user');
	is(secret($p, "zweiter-$line", 'wp-secret')->{'admin-password'}, $made->{admin_password},
		'the generated one arrives');
	my $db = secret($p, $slug, 'db-secret');
	isnt($db->{password}, $db->{'root-password'}, "the database's passwords differ");
	push @{$p->{secrets}}, $db->{password}, $db->{'root-password'};
	my $text = $seen->();
	like($text, qr/upgrade\0--install/, '2.6: helm was seen at work');
	is(scalar(grep { index($text, $_) >= 0 } @{$p->{secrets}}), 0, '2.6: no password in any argument or environment');
	my $values = $p->sql_one("SELECT release_values FROM stores WHERE id = '$mine->{id}'");
	unlike($values, qr/assword/, '2.6: no password among the values');

	is($p->post("/api/stores/$mine->{id}/retry", undef)->{status}, 409, 'a ready store is not retried');
	for my $try (1, 2) {
		is($p->delete("/api/stores/$mine->{id}")->{status}, 200, "delete $try is accepted");
	}
	$p->delete("/api/stores/$made->{id}");
	$p->wait_status($_->{id}, 'gone') for $mine, $made;
	$p->is_gone($_) for $slug, "zweiter-$line";
	check_audit($p, $mine->{id}, qw(create provision_success delete_start delete_success));
	is($p->sql_one("SELECT count(*) FROM jobs WHERE store_id = '$mine->{id}'"), 2,
		'there were two jobs');

	my $again = $p->create(name => "LADEN  $line!");
	is($again->{slug}, $slug, 'the name is free again');
	$p->wait_status($again->{id}, 'ready');
	$p->delete("/api/stores/$again->{id}");
	$p->wait_status($again->{id}, 'gone');
	$p->finish;
}
done_testing();
