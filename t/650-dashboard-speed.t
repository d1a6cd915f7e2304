#!/usr/bin/perl
# The dashboard's figures in Chromium: 50 stores are painted within 500 ms without cache, a
# poll without change costs less than 5 ms of script, nothing jumps, and 500 stores are no
# burden. What was measured is printed; the least times count, since what else runs on the
# machine only adds to them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Browser;
use DashboardTest;
use Test::More;

Browser::need();
my $p = DashboardTest->new(pool => 2, conf => {MAX_STORES => 1000});
$p->start;
my $cookie = $p->first_admin;
Browser::run($p, 'speed', values => {cookie => Browser::cookie($p, $cookie)}, commands => $p->commands);
$p->finish;
