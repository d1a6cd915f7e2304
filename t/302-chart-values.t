#!/usr/bin/perl
# The chart's values: what the closed schema takes and refuses, with which words; that
# text of users arrives in the cluster as it was written; that values.yaml, the schema and
# the README speak of the same keys.
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChartTest;
use Encode qw(decode_utf8);
use MIME::Base64 qw(decode_base64);
use Test::More;

binmode $_, ':utf8' for Test::More->builder->output, Test::More->builder->failure_output;
ChartTest::need();

my $namespace = ChartTest::namespace('chart-values', 'demo');
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $schema = ChartTest::decode(Platform::slurp("$ChartTest::CHART/values.schema.json"));
my %all_passwords = (secrets => {create => $yes}, mariadb => {rootPassword => 'a', password => 'b'},
	wordpress => {adminPassword => 'c', adminEmail => 'd@example.org'});

# {'a.b' => 1, 'a.c' => 2} as {a => {b => 1, c => 2}}
sub nested {
	my ($flat) = @_;
	my %tree;
	for my $path (keys %$flat) {
		my @keys = split /\./, $path;
		my $last = pop @keys;
		my $at = \%tree;
		$at = $at->{$_} ||= {} for @keys;
		$at->{$last} = $flat->{$path};
	}
	return \%tree;
}

sub refused {
	my ($flat, $part) = @_;
	my $told = ChartTest::encode($flat);
	for my $line (@ChartTest::LINES) {
		my $r = ChartTest::render($line, nested($flat));
		isnt($r->{code}, 0, "$line refuses $told");
		like($r->{err}, ref $part ? $part : qr/\Q$part\E/, "$line says why");
	}
}

sub taken {
	my ($flat, $part) = @_;
	my $told = ChartTest::encode($flat);
	for my $line (@ChartTest::LINES) {
		my $r = ChartTest::render($line, nested($flat));
		ChartTest::went_well($r, "$line takes " . substr $told, 0, 100);
		like($r->{out}, qr/\Q$part\E/, "$line renders $part") if defined $part;
	}
}

# The schema's node behind a reference.
sub resolved {
	my ($node) = @_;
	return $node->{'$ref'} ? $schema->{definitions}{$node->{'$ref'} =~ s{.*/}{}r} : $node;
}

# Every path of the schema, with its node; resources and the like end it.
sub paths {
	my ($node, $prefix, $into) = @_;
	my $p = resolved($node)->{properties} || {};
	for my $key (keys %$p) {
		my $path = $prefix eq '' ? $key : "$prefix.$key";
		$into->{$path} = resolved($p->{$key});
		paths($p->{$key}, $path, $into);
	}
	return $into;
}

my $paths = paths($schema, '', {});
my $digest = '@sha256:' . 'a1' x 32;

refused({storeName => undef, storeDomain => undef}, "missing properties 'storeName', 'storeDomain'");
refused({storeDomain => undef}, "missing property 'storeDomain'");
refused({storeName => $_}, "at '/storeName'")
	for 'a', 'Upper', 'with space', '-ab', 'ab-', 'a_b', 'a' x 51, '';
refused({storeName => 2024}, "at '/storeName': got number, want string");
refused({storeDomain => $_}, "at '/storeDomain'") for 'localhost', 'A.example.org', 'a..b', 'a.b/c', 'a b.c';
refused({plan => 'huge'}, "at '/plan': value must be one of 'small', 'medium', 'large'");
refused({storePort => $_}, "at '/storePort'") for '80', 0, 65536, 80.5;
refused({storeId => 'x'}, "at '/storeId'");
refused({storeTitle => 'x' x 201}, "at '/storeTitle': maxLength: got 201, want 200");
refused({'mariadb.storage' => $_}, "at '/mariadb/storage'") for '2 GB', '2gb', '-1Gi', '', 2;
refused({'resourceQuota.maxMemory' => '3 Gi'}, "at '/resourceQuota/maxMemory'");
refused({'limitRange.defaultCpu' => $_}, "at '/limitRange/defaultCpu'") for '0.5 m', -1, 0;
refused({'mariadb.image' => $_}, "at '/mariadb/image'") for '', 'a b', 'x:1@sha256:short';
refused({'mariadb.runAsUser' => 0}, "at '/mariadb/runAsUser'");
refused({'wordpress.php.memoryLimit' => '256 MB'}, "at '/wordpress/php/memoryLimit'");
refused({'cron.schedule' => $_}, "at '/cron/schedule'") for 'every minute', '* * * *', '@often';
refused({'ingress.tls.enabled' => 'yes'}, "at '/ingress/tls/enabled': got string, want boolean");
refused({'ingress.tls.issuerKind' => 'Nobody'}, "at '/ingress/tls/issuerKind'");
refused({'ingress.annotations' => {a => 1}}, "at '/ingress/annotations/a'");
refused({'networkPolicy.denyCidrs' => ['10.0.0.0']}, "at '/networkPolicy/denyCidrs/0'");
refused({'smtp.port' => 'smtp'}, "at '/smtp/port': got string, want integer");
refused({'smtp.from' => 'nobody'}, "at '/smtp/from'");
refused({'woocommerce.currency' => 'Dollar'}, "at '/woocommerce/currency'");
refused({'mariadb.resources' => {limits => {disk => '1Gi'}}}, "additional properties 'disk' not allowed");
refused({'smtp.enabled' => $yes}, 'smtp.host is needed with smtp.enabled');
refused({'smtp.enabled' => $yes, 'smtp.host' => 'mail.example.org', 'smtp.user' => 'me'},
	'smtp.secretName is needed with smtp.user');
refused({mariadb => undef}, "missing property 'mariadb'");
refused({'ingress.annotations' => undef}, "at '/ingress': missing property 'annotations'");
# Closed at every level.
for my $path ('', grep { ref $paths->{$_}{additionalProperties} eq ref $no } sort keys %$paths) {
	next if $path =~ /^plans\.(?:medium|large)/;
	my $at = $path eq '' ? 'surprise' : "$path.surprise";
	my $r = ChartTest::render('helm4', nested({$at => 1}));
	like($r->{err}, qr/additional properties 'surprise' not allowed/, "no unknown key $at");
}
ok(!grep({ $_->{properties} && ref $_->{additionalProperties} ne ref $no } values %$paths, $schema),
	'every object of the schema is closed');

taken({storeName => '2024', storeDomain => '2024.example.org'}, 'store: "2024"');
taken({storeName => 'a' x 50, storePort => 8080}, 'http://demo.example.org:8080');
taken({'mariadb.image' => "registry.local:5000/mariadb:11$digest"}, "registry.local:5000/mariadb:11$digest");
taken({'limitRange.defaultCpu' => 0.5, 'mariadb.storage' => '1.5Gi'}, 'storage: 1.5Gi');
taken({'cron.schedule' => '@hourly'}, 'schedule: "@hourly"');
taken({'cron.enabled' => $no}, 'STORE_CRON: "visitors"');
taken({'ingress.tls' => {enabled => $yes, issuer => 'le', issuerKind => 'Issuer'}}, 'cert-manager.io/issuer: le');
taken({'smtp' => {enabled => $yes, host => 'mail.example.org', user => 'me', secretName => 'relay'}},
	'SMTP_PASSWORD_FILE');
taken({imagePullSecrets => [{name => 'pull'}]}, 'imagePullSecrets: [{"name":"pull"}]');
taken({'ingress.controller.podLabels' => {'app.kubernetes.io/name' => undef, app => 'mine'}}, 'app: mine');

# Passwords only where they were asked for.
for my $password ('mariadb.rootPassword', 'mariadb.password', 'wordpress.adminPassword') {
	refused({$password => 'secret-canary'}, 'A password among the values ends up in the release record');
	my ($section, $key) = split /\./, $password;
	my %but_one = map { $_ => {%{$all_passwords{$_}}} } keys %all_passwords;
	delete $but_one{$section}{$key};
	my $r = ChartTest::render('helm4', \%but_one);
	like($r->{err}, qr/secrets\.create is true, so the value of/, "$password is needed with secrets.create");
}
refused({'mariadb.password' => 123456}, "at '/mariadb/password': got number, want string");

# As written, through helm and through the API server.
my @hostile = (q{a,b={c}"d'e\\f$(g)`h`;--i}, '$(WORDPRESS_DB_HOST) $HOME ${X} %s', '{{ .Values.secrets }}',
	"two\nlines\n", " - leading: 'yaml'\t#x ", "<b>&amp;</b> \x{feff}\x{200f}\x{fffd}",
	"\x{1F6D2}" x 60, '~', '0123', 'true', "\x01\x1b[31m");
for my $text (@hostile) {
	my $told = ChartTest::encode([$text]) =~ s/[^ -~]/?/gr;
	my %values = (%all_passwords, storeTitle => $text);
	$values{$_->[0]} = {%{$values{$_->[0]}}, $_->[1] => $text}
		for ['mariadb', 'rootPassword'], ['mariadb', 'password'], ['wordpress', 'adminPassword'];
	for my $line (@ChartTest::LINES) {
		my @docs = ChartTest::documents(ChartTest::render($line, \%values)->{out});
		my %got = map { $_->{metadata}{name} => $_->{data} } ChartTest::objects($namespace,
			join "\n---\n", grep { /name: demo-(?:init-settings|(?:db|wp)-secret)$/m } @docs);
		is($got{'demo-init-settings'}{STORE_TITLE}, $text, "$line: the title $told");
		is(join('|', map { decode_utf8(decode_base64($_)) } @{$got{'demo-db-secret'}}{'root-password', 'password'},
			$got{'demo-wp-secret'}{'admin-password'}), "$text|$text|$text", "$line: the passwords");
	}
}
my @bare = ChartTest::documents(ChartTest::render('helm4', {storeTitle => ''})->{out});
ok(grep({ /STORE_TITLE: "demo"/ } @bare), 'a shop without a title is called by its name');

# Each key has a sentence right above it; the plans are alike, so the first one's do.
sub without_sentence {
	my (@stack, @bare, %met);
	my $above = '';
	for my $line (split /\n/, Platform::slurp("$ChartTest::CHART/values.yaml")) {
		if (my ($indent, $key, $value) = $line =~ /^( *)([A-Za-z]\w*):(.*)/) {
			$#stack = length($indent) / 2 - 1;
			push @stack, $key;
			my $path = join '.', @stack;
			$met{$path} = 1;
			my $leaf = $value ne '' || $key eq 'resources';
			push @bare, $path if $paths->{$path} && $leaf && $above !~ /^ *# [A-Za-z].*[.;]$|^ *# .* \w+$/
				&& $path !~ /^plans\.(?:medium|large)\.|\.(?:requests|limits)$/;
		}
		$met{$1} = 1 if $line =~ /^# (\w+): .*\(required\)\.$/;
		$above = $line;
	}
	return (\@bare, \%met);
}

my ($bare, $met) = without_sentence();
is("@$bare", '', 'each key of values.yaml has a sentence above it');
is(join(' ', grep { !$met->{$_} && $_ !~ /\.(?:requests|limits)|^resourceQuota\.|\.quota\.|\.podLabels$/ }
	sort keys %$paths), '', 'values.yaml has every key of the schema');

# Names of values in the README: with a dot and a known beginning, or before a "=".
my $readme = Platform::slurp("$ChartTest::CHART/README.md");
my %named = map { $_ => 1 } grep { $paths->{s/\..*//r} || /=/ }
	map { s/[=\\].*//r } map { split /[ ,]+/ } $readme =~ /`([^`\n]+)`/g;
$named{$_} = 1 for map { map { s/=.*//r } split /,/ } $readme =~ /--set (\S+)/g;
cmp_ok(scalar keys %named, '>=', 15, 'the README names values');
is(join(' ', grep { !$paths->{$_} } sort keys %named), '', 'and none that does not exist');

done_testing();
