#!/usr/bin/perl
# A store's whole life on the dashboard, with the real provisioner, helm and a Kubernetes
# cluster whose nodes are simulated: made, seen becoming ready, deleted, and nothing left.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Browser;
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();
Browser::need();
my $p = PlatformTest->new(pool => 2);
push @{$p->{secrets}}, 'the life shop secret';
$p->start;
Browser::run($p, 'life', values => {password => 'the life shop secret'});
$p->is_gone('life-shop');
$p->finish;
