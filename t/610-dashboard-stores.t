#!/usr/bin/perl
# The dashboard's stores in Chromium: made, watched, failed, tried again and deleted by the
# keyboard; hostile texts; filters; an outage of the pool. Nobody works on the stores: what
# the provisioner would write is written by the test. 620 has the real thing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Browser;
use DashboardTest;
use Test::More;

Browser::need();
my $p = DashboardTest->new(pool => 2, conf => {MAX_STORES => 100, MAX_STORES_PER_USER => 100});
$p->start;
my $cookie = $p->first_admin;
Browser::run($p, 'stores',
	values => {cookie => Browser::cookie($p, $cookie), viewer => Browser::cookie($p, $p->add_user($cookie, 'onlooker', 'viewer'))},
	commands => $p->commands(
		secret => sub { push @{$p->{secrets}}, $_[0]{text}; 1 },
		audit => sub {
			my $details = JSON::PP->new->encode($_[0]{details});
			$p->play_text('INSERT INTO audit_log (action, details, actor, created_at) VALUES (' . join(', ',
				map { DashboardTest::quoted($_) } $_[0]{action}, $details, 'boss') . ', ' . DashboardTest::now_ms() . ')');
			1;
		},
		stop_pool => sub { $p->stop('api'); 1 },
		start_pool => sub { $p->start_pool; 1 },
	));
delete $p->{fds}; # the pool is another one by now
$p->finish;
