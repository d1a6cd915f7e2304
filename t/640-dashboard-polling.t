#!/usr/bin/perl
# How the dashboard keeps itself fresh, in Chromium: a change is there within 2.5 s, one of
# several tabs asks for all, a hidden one never, at rest rarely, offline more and more rarely.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Browser;
use DashboardTest;
use Test::More;

Browser::need();
my $p = DashboardTest->new(pool => 2, conf => {MAX_STORES => 50});
$p->start;
my $cookie = $p->first_admin;
Browser::run($p, 'polling', values => {cookie => Browser::cookie($p, $cookie)}, commands => $p->commands(
	quiet => sub { $p->settle($_->[0], 'ready') for $p->sql("SELECT id FROM stores WHERE status = 'provisioning'"); 1 },
));
$p->finish;
