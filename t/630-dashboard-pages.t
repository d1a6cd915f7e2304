#!/usr/bin/perl
# Every page of the dashboard in both themes, wide and 360 px narrow: axe finds nothing
# serious, nothing is too wide, and a picture is taken of each.
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Browser;
use DashboardTest;
use Test::More;

Browser::need();
my $p = DashboardTest->new(pool => 2, conf => {MAX_STORES => 50});
$p->{no_limits} = 1; # it opens more pages in a minute than a person may
$p->start;
my $cookie = $p->first_admin;
$p->add_user($cookie, 'anna', 'operator');
$p->add_token($cookie, 'boss', 'viewer');
my $day = 86_400;
my ($moving, $failed, $ready) = $p->plant(
	{name => 'Blue Door Books', slug => 'blue-door-books', status => 'provisioning', steps => 3, owner => 'boss'},
	{name => 'Old Town Tea', status => 'failed', plan => 'large', owner => 'anna', age => 3 * $day},
	{name => 'Garden Tools & Co', owner => 'boss', age => 9 * $day, lacks => "The shop's WordPress is scaled to nothing."},
	{name => 'Kaffeerösterei Nord', status => 'provisioning', owner => 'anna', age => 300},
	{name => 'Velo Werkstatt', status => 'deleting', owner => 'boss', age => 40 * $day},
	{name => 'A very long name of a shop that sells everything there is', plan => 'medium', age => 11 * $day},
	map { {name => "Corner Shop No. $_", age => 14 * $day + $_ * 7200} } 1 .. 12);
Browser::run($p, 'pages', values => {cookie => Browser::cookie($p, $cookie), pages => {
	stores => '/', store => "/stores/$moving", failed => "/stores/$failed", ready => "/stores/$ready",
	activity => '/activity', overview => '/overview', account => '/account'}});
$p->finish;
