#!/usr/bin/perl
# storectl import: the database of the platform that this one grew out of, as its code
# makes it. What comes over, what is left out and why, and that the file stays as it is.
# also: sanitizers
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);
my $p = ApiTest->new(conf => {MAX_STORES => 50});
$p->start;
my $file = "$p->{dir}/run/stores.db";

# Runs SQL in a file of theirs; it is in WAL mode there, too.
sub theirs {
	my ($path, $sql) = @_;
	utf8::encode($sql);
	open my $in, '|-', 'sh', '-c', 'exec sqlite3 -bail "$1" >/dev/null', 'sh', $path or die "sqlite3: $!";
	print $in $sql;
	close $in or die 'sqlite3';
}

my $schema = <<'SQL';
PRAGMA journal_mode=WAL;
CREATE TABLE stores (id TEXT PRIMARY KEY, name TEXT NOT NULL, slug TEXT NOT NULL UNIQUE, type TEXT NOT NULL DEFAULT 'woocommerce',
	status TEXT NOT NULL DEFAULT 'provisioning', namespace TEXT, store_url TEXT, admin_url TEXT, error_message TEXT,
	provision_started_at DATETIME, provision_finished_at DATETIME, created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
	updated_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE audit_log (id INTEGER PRIMARY KEY AUTOINCREMENT, store_id TEXT, action TEXT NOT NULL, details TEXT, ip_address TEXT,
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
SQL

sub id { return sprintf '%08d-1111-4111-8111-111111111111', $_[0] }

sub store {
	my ($n, $name, $slug, $status, %other) = @_;
	my $quoted = $name =~ s/'/''/gr;
	my $id = $other{id} // id($n);
	my $created = $other{created} // "2026-02-08 12:00:0$n";
	my $error = $other{error} ? "'$other{error}'" : 'NULL';
	return "INSERT INTO stores VALUES ('$id', '$quoted', '$slug', 'woocommerce', '$status', 'store-$slug', 'http://$slug.old.example', 'http://$slug.old.example/wp-admin',"
		. " $error, '2026-02-08 12:00:01', '2026-02-08 12:02:30', '$created', '2026-02-08 13:00:00');\n";
}

theirs($file, $schema . store(1, 'Café "Eins"', 'cafe-eins', 'ready') . store(2, 'Kaputt', 'kaputt', 'failed', error => 'helm failed')
	. store(3, 'Unterwegs', 'unterwegs', 'provisioning') . store(4, 'Geht gerade', 'geht-gerade', 'deleting') . store(5, 'Weg', 'weg', 'deleted')
	. store(6, 'Schon da', 'schon-da', 'ready') . store(7, 'Krumm', 'Krumm_Slug', 'ready') . store(8, 'Ohne id', 'ohne-id', 'ready', id => 'x')
	. store(9, 'Ohne Zeit', 'ohne-zeit', 'ready', created => 'gestern')
	. join('', map { "INSERT INTO audit_log (store_id, action, details, ip_address, created_at) VALUES ($_);\n" }
		"'" . id(1) . q(', 'create', '{"name":"Café","type":"woocommerce"}', '10.1.2.3', '2026-02-08 12:00:01'),
		"'" . id(1) . q(', 'provision_success', 'no JSON at all', NULL, '2026-02-08 12:02:30'),
		"'" . id(2) . q(', 'provision_failed', '{"error":"helm failed"}', NULL, '2026-02-08 12:02:31'),
		"'" . id(2) . q(', 'a word of theirs', '{}', NULL, '2026-02-08 12:02:32'),
		"'" . id(7) . q(', 'create', '{}', NULL, '2026-02-08 12:02:33'),
		q(NULL, 'create', '{}', NULL, '2026-02-08 12:02:34')));
my $here = $p->create(name => 'Schon da');
my $before = Platform::slurp($file);

subtest 'what comes over' => sub {
	my $r = $p->storectl('import', $file);
	is("$r->{status} $r->{err}", '0 ', 'it is done') or diag($r->{out});
	like($r->{out}, qr/^Imported 5 stores and 3 rows of the audit log; left out 4 stores\.$/m, 'and how much it was');
	for (['Schon da', 'another store here has its address name'], ['Krumm', 'its address name is none'], ['Ohne id', 'its id is no UUID'], ['Ohne Zeit', 'its times cannot be read']) {
		like($r->{out}, qr/^left out: $_->[0]: $_->[1]/m, "left out: $_->[0]");
	}
	my %row = map { $_->{slug} => $_ } @{$p->get('/api/stores')->{json}};
	is(join(' ', sort keys %row), 'cafe-eins geht-gerade kaputt schon-da unterwegs', 'they are listed');
	my $one = $row{'cafe-eins'};
	is("$one->{id} $one->{name} $one->{status} $one->{store_url}", id(1) . ' Café "Eins" ready http://cafe-eins.old.example', 'as they were');
	is("$one->{created_at} $one->{updated_at} $one->{provision_started_at} $one->{provision_finished_at}",
		'2026-02-08T12:00:01.000Z 2026-02-08T13:00:00.000Z 2026-02-08T12:00:01.000Z 2026-02-08T12:02:30.000Z', 'with their times');
	is("$row{kaputt}{status} $row{kaputt}{error_message}", 'failed helm failed', 'one that failed');
	for my $slug ('unterwegs', 'geht-gerade') {
		is("$row{$slug}{status} $row{$slug}{error_code}", 'failed imported', "$slug: nobody works on it here");
		like($row{$slug}{error_message}, qr/on its way when it was imported/, "$slug: which is said");
	}
	is($p->sql_one("SELECT status || deleted_at FROM stores WHERE slug = 'weg'"), 'deleted1770555600000', 'a deleted one is kept as that');
	is($p->sql_one("SELECT count(*) FROM jobs WHERE store_id <> '$here->{id}'"), 0, 'no job was made');
};

subtest 'the audit log' => sub {
	my @rows = @{$p->get('/api/stores/audit/log?store_id=' . id(1))->{json}};
	is(join(' ', map { "$_->{action} $_->{actor} $_->{created_at}" } @rows), 'provision_success import 2026-02-08T12:02:30.000Z create import 2026-02-08T12:00:01.000Z', 'their rows, with their times');
	is_deeply($rows[1]{details}, {name => 'Café', type => 'woocommerce'}, 'details as an object');
	is_deeply($rows[0]{details}, {text => 'no JSON at all'}, 'and as text where they are none');
	is($rows[1]{ip_address}, '10.1.2.3', 'from where');
	is_deeply($p->get('/api/stores/audit/log?action=import')->{json}[0]{details}, {stores => 5, rows => 3, left_out => 4}, 'the import has its own row');
	is($p->storectl('audit', 'verify')->{status}, 0, 'and the chain holds');
};

subtest 'once more' => sub {
	my $r = $p->storectl('import', $file);
	like($r->{out}, qr/^Imported 0 stores and 0 rows of the audit log; left out 9 stores\.$/m, 'nothing comes twice');
	like($r->{out}, qr/^left out: Kaputt: it is here already\.$/m, 'which is said');
	theirs($file, store(10, 'Neu', 'neu', 'ready', created => '2026-02-09 00:00:00'));
	like($p->storectl('import', $file)->{out}, qr/^Imported 1 stores and 0 rows/m, 'what is new comes');
};

subtest 'the file of theirs' => sub {
	theirs("$file.again", $schema);
	is($p->storectl('import', "$file.again")->{status}, 0, 'one without stores');
	my $copy = Platform::slurp("$file.again");
	$p->storectl('import', "$file.again");
	is(Platform::slurp("$file.again") eq $copy ? 1 : 0, 1, 'is not changed');
	is(substr($before, 0, 16), "SQLite format 3\0", 'nor was the first');
};

subtest 'what is refused' => sub {
	my $fails = sub {
		my ($path, $error, $name) = @_;
		my $r = $p->storectl('import', $path);
		is("$r->{status} $r->{out}", '1 ', $name);
		like($r->{err}, qr/\Astorectl: [^\n]*$error[^\n]*\n\z/, "$name: one sentence");
	};
	$fails->("$p->{dir}/none.db", 'cannot read', 'no file');
	Platform::spew("$p->{dir}/run/text.db", 'no database ' x 1000);
	$fails->("$p->{dir}/run/text.db", 'not a database', 'no database');
	theirs("$p->{dir}/run/other.db", 'CREATE TABLE stores (x)');
	$fails->("$p->{dir}/run/other.db", 'has no stores and audit log', 'another one');
	is($p->storectl('import')->{status}, 2, 'no name');
};
# Another platform made these rows, so not every invariant of ours holds for them.
$p->{played} = 1;
$p->finish;
