#!/usr/bin/perl
# The dashboard's accounts in Chromium, through nginx: the first account by its token, users,
# tokens, a session that ends in the middle of a dialog, and signing out everywhere.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Browser;
use DashboardTest;
use Test::More;

Browser::need();
my $p = DashboardTest->new(pool => 2);
$p->{no_limits} = 1; # this browser logs in more often in a few seconds than a person may
$p->start;
push @{$p->{secrets}}, $AccountTest::PASSWORD;
Browser::run($p, 'accounts',
	values => {password => $AccountTest::PASSWORD, token => ($p->setup_tokens)[-1]},
	commands => $p->commands(
		secret => sub { push @{$p->{secrets}}, $_[0]{text}; 1 },
		expire => sub { $p->play('UPDATE sessions SET seen_at = 1'); 1 },
	));
$p->finish;
