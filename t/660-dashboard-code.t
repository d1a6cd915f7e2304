#!/usr/bin/perl
# The dashboard's sources and what is made of them: linted and formatted, nothing that would
# run a text, no secret kept, words that agree with the platform's, and small enough.
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Browser;
use Compress::Zlib ();
use File::Find ();
use JSON::PP ();
use Test::More;

Browser::need();
my $top = $Platform::TOP;
my $dashboard = ($ENV{STORE_BUILD} || "$top/build/test") . '/dashboard';
my @files;
File::Find::find({no_chdir => 1, wanted => sub { push @files, $_ if -f }}, "$top/static/src");

subtest 'lint and format' => sub {
	my $biome = Browser::modules() . '/node_modules/.bin/biome';
	for my $what (['lint', '--error-on-warnings'], ['format']) {
		my $text = qx(cd "$top/static" && "$biome" @$what . 2>&1);
		is($?, 0, "@$what is content") or diag($text);
	}
};

subtest 'the sources' => sub {
	for my $path (@files) {
		my $text = Platform::slurp($path);
		my $name = $path =~ s{^\Q$top/static/}{}r;
		my $lines = () = $text =~ /\n/g;
		cmp_ok($lines, '<=', 300, "$name is small");
		like($text, qr{^(?://|/\*) \w+\.\w+: }, "$name says what it is for");
		unlike($text, qr/dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|javascript:/,
			"$name makes no code of a text");
		unlike($text, qr/https?:\/\/(?!\^)[a-z]/, "$name fetches nothing from elsewhere");
		unlike($text, qr/sessionStorage|document\.cookie|indexedDB/, "$name keeps nothing");
		unlike($text, qr/localStorage\.setItem\((?!"theme")/, "$name keeps no more than the theme") if $text =~ /localStorage/;
		unlike($text, qr/\bfetch\(/, "$name asks through api.js") unless $name =~ /\b(?:api|boot)\.js$/;
	}
	my $page = Platform::slurp("$top/static/index.html");
	unlike($page, qr/<style|<script(?! src)|\son\w+=|\sstyle=/, 'the page has nothing inline');
};

subtest 'size' => sub {
	my %size = map { $_ => [-s "$dashboard/$_", length Compress::Zlib::memGzip(Platform::slurp("$dashboard/$_"))] }
		qw(app.js app.css charts.js);
	note(sprintf '%-10s %7d bytes, %6d with gzip', $_, @{$size{$_}}) for sort keys %size;
	cmp_ok($size{'app.js'}[0], '<', 260_000, 'the bundle is below 260 kB');
	cmp_ok($size{'app.js'}[1] + $size{'app.css'}[1], '<', 85_000, 'and with its styles below 85 kB compressed');
	unlike(Platform::slurp("$dashboard/app.js"), qr/registerables|chartjs/i, 'charts are in a file of their own');
};

sub words {
	my ($expression) = @_;
	my $script = "import * as format from '$top/static/src/format.js'; import * as words from '$top/static/src/words.js';"
		. "process.stdout.write(JSON.stringify($expression))";
	utf8::encode($script);
	open my $out, '-|', 'node', '--input-type=module', '--no-warnings', '-e', $script or die "node: $!";
	local $/;
	return JSON::PP->new->utf8->allow_nonref->decode(<$out>);
}

subtest 'words' => sub {
	my $audit = Platform::slurp("$top/src/model/audit.c");
	my @actions = $audit =~ /\[AUDIT_\w+\] = "(\w+)"/g;
	is_deeply([sort @{words('words.ACTION_WORDS')}], [sort @actions], 'every action has a sentence');
	my $steps = words('words.STEPS');
	my $progress = Platform::slurp("$top/src/model/progress.c");
	for my $kind (qw(provision delete)) {
		my ($table) = $progress =~ /${kind}_steps\[\w+\] = \{(.*?)\n\};/s;
		is_deeply([map { $_->[0] } @{$steps->{$kind}}], [$table =~ /\{"(\w+)",/g], "steps of $kind");
	}
	my $values = Platform::slurp("$top/charts/woocommerce-store/values.yaml");
	my %quota = $values =~ /^  (\w+):\n(?:\s+#.*\n)*    quota: (\{.*\})/mg;
	for my $plan (@{words('words.PLANS')}) {
		is($quota{$plan->{name}}, qq({maxPods: $plan->{pods}, maxMemory: $plan->{memory}, maxCpu: "$plan->{cpu}"}), "the plan $plan->{name}");
	}
	is(scalar keys %quota, 3, 'all of them');
};

my $p = ApiTest->new(pool => 1, conf => {MAX_STORES => 100});
$p->{more} = 1;
$p->start;

subtest 'what nginx serves' => sub {
	my $page = Platform::slurp("$top/static/index.html");
	is($p->get($_)->{content}, $page, "$_ is a page") for '/', '/activity', '/overview/', '/account?x=1', "/stores/$ApiTest::NO_ID";
	is($p->get($_)->{status}, 404, "$_ is none") for '/nope', '/stores/', '/stores/x', '/activity/x', '/src/main.jsx';
	for my $path ('/app.js', '/app.css', '/charts.js') {
		my $r = $p->get($path, headers => {'Accept-Encoding' => 'gzip'});
		is("$r->{status} $r->{headers}{'content-encoding'} $r->{headers}{'cache-control'}", '200 gzip no-cache', "$path is compressed, and asked for again");
		my ($policy) = $r->{headers}{'content-security-policy'} // '';
		unlike($policy, qr/unsafe|\*|https?:/, 'under a policy without holes');
	}
	my $r = $p->get('/api/stores', headers => {'Accept-Encoding' => 'gzip'});
	is($r->{headers}{'content-encoding'}, undef, 'answers of the API are not compressed');
};

subtest 'addresses are foretold as the server makes them' => sub {
	my @names = ('My Shop', '  Trim  me  ', 'Müller & Söhne', 'Straße ẞ', 'Ærø Œuvre Þing', 'Łódź Żółć', 'Đà Nẵng ǅ', 'naïve—café…',
		'a.b_c/d', '日本 shop 2', 'İstanbul ıspanak', 'e' . "\x{301}" . 'clair decomposed', 'Ħal Ŧest', '½ price ²', 'x' x 49 . ' yz', '--- dashes ---');
	my $foretold = words('[' . join(',', map { 'format.slugOf(' . JSON::PP->new->allow_nonref->encode($_) . ')' } @names) . ']');
	for my $i (0 .. $#names) {
		my $r = $p->post('/api/stores', {name => $names[$i], adminPassword => 'not of interest'});
		is($foretold->[$i], $r->{json}{slug} // "refused: $r->{content}", "of name $i");
	}
};

$p->finish;
done_testing();
