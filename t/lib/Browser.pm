# Browser.pm: runs a test of t/browser in Debian's Chromium and takes over its results.
#
#	Browser::run($platform, 'stores', values => {...}, commands => {name => sub {...}});
#
# A command is called with what the browser's side sent and returns what it gets back.
# Screenshots stay in shots/ of the build, or in $STORE_TEST_SHOTS.
package Browser;

use strict;
use warnings;

use File::Path qw(make_path);
use IPC::Open2 qw(open2);
use JSON::PP ();
use Platform;
use Test::More;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub program {
	my ($name) = @_;
	my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};
	return $path;
}

# Ends the test file at once if what it needs is not there; ./dev deps brings it.
sub need {
	plan(skip_all => "$_ is missing: run ./dev deps") for grep { !program($_) } qw(node npm chromium);
}

sub modules {
	chomp(my $folder = qx("$Platform::TOP/t/browser/install"));
	die "the packages of t/browser cannot be had\n" if $?;
	return $folder;
}

# The cookie of a login, as the browser's side puts it into its jar.
sub cookie {
	my ($p, $text) = @_;
	my ($name, $value) = split /=/, $text, 2;
	return {name => $name, value => $value, url => "https://127.0.0.1/", secure => JSON::PP::true, httpOnly => JSON::PP::true,
		sameSite => 'Strict'};
}

sub run {
	my ($p, $name, %opt) = @_;
	my $shots = $ENV{STORE_TEST_SHOTS} || "$p->{build}/shots";
	make_path($shots);
	local $ENV{BROWSER_TEST} = $json->encode({name => $name, url => $p->{url}, shots => $shots, modules => modules(),
		chromium => program('chromium'), %{$opt{values} || {}}});
	local $SIG{PIPE} = 'IGNORE';
	my $pid = open2(my $from, my $to, program('node'), "$Platform::TOP/t/browser/$name.mjs");
	my $ended;
	while (defined(my $line = readline $from)) {
		chomp $line;
		if ($line =~ /^ok (.*)/) { pass($1) }
		elsif ($line =~ /^not ok (.*)/) { fail($1) }
		elsif ($line =~ /^do (\S+) (.*)/) { answer($to, $opt{commands}{$1}, $1, $2) }
		elsif ($line eq 'end') { $ended = 1 }
		else { note($line =~ s/^note //r) }
	}
	close $to;
	waitpid $pid, 0;
	ok($ended && $? == 0, "$name.mjs ran to its end");
}

sub answer {
	my ($to, $code, $name, $text) = @_;
	my $r = $code ? eval { $code->($json->decode($text)) } : undef;
	fail("the command $name: " . ($@ || 'there is none')) if $@ || !$code;
	print {$to} $json->encode($r), "\n";
	$to->flush;
}

1;
