#!/usr/bin/perl
# Lists in parts: filters, limits, cursors that stay right while rows come and go, the
# headers that lead on, tags of every GET, and bad parameters.
# also: sanitizers
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);

my $p = ApiTest->new(pool => 3, conf => {MAX_STORES => 100});
$p->start;

# Stores as they would be, made at once: several share a time, so that the id decides.
sub plant {
	my ($from, $to, %other) = @_;
	my $name = $other{name} // "'Shop ' || i";
	my $status = $other{status} // "CASE i % 4 WHEN 0 THEN 'ready' WHEN 1 THEN 'failed' WHEN 2 THEN 'ready' ELSE 'provisioning' END";
	my $slug = $other{slug} // "'shop-' || i";
	my $sql = <<"SQL";
WITH RECURSIVE n (i) AS (SELECT $from UNION ALL SELECT i + 1 FROM n WHERE i < $to)
INSERT INTO stores (id, name, slug, type, plan, status, namespace, store_url, admin_url, admin_user, created_at, updated_at)
SELECT printf('%08x-0000-4000-8000-%012x', (i * 2654435761) % 4294967296, i), $name, $slug, 'woocommerce', 'small', $status,
	'store-x', 'http://x', 'http://x/', 'admin', 1700000000000 + i / 3, 1700000000000 FROM n
SQL
	utf8::encode($sql);
	$p->play($sql);
}

sub page { my ($path, %opt) = @_; my $r = $p->get($path, %opt); $p->check($r, 200, '', $path); return $r }
sub names { my ($r) = @_; return map { $_->{name} } @{$r->{json}} }
sub next_of { my ($r) = @_; return ($r->{headers}{link} // '') =~ /^<([^>]+)>; rel="next"$/ ? $1 : undef }

# Follows the links from path on, calling between with each part; the names in order.
sub walk {
	my ($path, $between) = @_;
	my @all;
	for (my $n = 0; defined $path; $n++) {
		my $r = page($path);
		push @all, names($r);
		$path = next_of($r);
		$between->($n) if $between;
	}
	return @all;
}

plant(1, 120);
my @order = map { $_->[0] } $p->sql('SELECT name FROM stores ORDER BY created_at DESC, id DESC');

subtest 'parts' => sub {
	my $all = page('/api/stores');
	is_deeply([names($all)], \@order, 'without a limit there are all, newest first');
	is($all->{headers}{'x-total-count'}, 120, 'and their number');
	is($all->{headers}{link}, undef, 'and no next part');
	for my $limit (1, 7, 40, 119, 120, 121, 500) {
		my $first = page("/api/stores?limit=$limit");
		is($first->{headers}{'x-total-count'}, 120, "limit $limit: the number of all");
		is_deeply([walk("/api/stores?limit=$limit")], \@order, "limit $limit: all of them, in order");
	}
	my $r = page('/api/v1/stores?limit=50');
	like($r->{headers}{link}, qr{^</api/stores\?limit=50&cursor=[0-9a-f]{48}>; rel="next"$}, 'the link keeps what was asked');
	my ($cursor) = $r->{headers}{link} =~ /cursor=(\w+)/;
	is(scalar names(page("/api/stores?cursor=$cursor")), 70, 'a cursor without a limit: the rest');
};

subtest 'rows come and go' => sub {
	my %gone;
	my @seen = walk('/api/stores?limit=10', sub {
		my ($n) = @_;
		plant(1000 + $n, 1000 + $n);	# newer than all
		my $at = 11 * ($n + 1) + 3;	# one that is still to come
		return if $at >= @order;
		$gone{$order[$at]} = 1;
		$p->play("UPDATE stores SET status = 'deleted', deleted_at = 1 WHERE name IN ('$order[$at]', '$order[10 * $n]')");
	});
	is_deeply(\@seen, [grep { !$gone{$_} } @order], 'nothing is shown twice, and nothing is left out');
	my @now = map { $_->[0] } $p->sql("SELECT name FROM stores WHERE status <> 'deleted' ORDER BY created_at DESC, id DESC");
	is_deeply([walk('/api/stores?limit=10')], \@now, 'and the next time it is as it is then');
};

subtest 'filters' => sub {
	plant(2000, 2000, name => "'Café Müller & Söhne 100%'", slug => "'cafe-muller-sohne-100'", status => "'ready'");
	plant(2001, 2001, name => "'Another_Café'", slug => "'another-cafe'", status => "'failed'");
	my $find = sub { join '|', names(page("/api/stores?$_[0]")) };
	is($find->('q=Caf%C3%A9'), 'Another_Café|Café Müller & Söhne 100%', 'a name');
	is($find->('q=cafe'), 'Another_Café|Café Müller & Söhne 100%', 'without accents');
	is($find->('q=MULLER'), 'Café Müller & Söhne 100%', 'without case');
	is($find->('q=%25'), 'Café Müller & Söhne 100%', 'a sign that a pattern would have');
	is($find->('q=t_h'), '', 'and another');
	is($find->('q=er_c'), 'Another_Café', 'as it is');
	is($find->('q=cafe&status=failed'), 'Another_Café', 'both');
	is($find->("q='%20OR%201=1"), '', 'which is no SQL');
	for my $status (qw(provisioning ready failed deleting)) {
		my $n = $p->sql_one("SELECT count(*) FROM stores WHERE status = '$status'");
		my $r = page("/api/stores?status=$status&limit=5");
		is($r->{headers}{'x-total-count'}, $n, "$status: their number");
		is(scalar(my @all = walk("/api/stores?status=$status&limit=5")), $n, "$status: all of them");
	}
	my $r = page('/api/stores?q=caf%C3%A9&limit=1');
	is($r->{headers}{'x-total-count'}, 2, 'a search has its own number');
	like($r->{headers}{link}, qr{\?q=caf%C3%A9&limit=1&cursor=}, 'and link');
	is(join('|', names(page(next_of($r)))), 'Café Müller & Söhne 100%', 'which leads on');
	is(scalar names(page('/api/stores?q=')), scalar names(page('/api/stores')), 'an empty search is none');
};

subtest 'the audit log in parts' => sub {
	$p->play(join ";\n", map { "INSERT INTO audit_log (action, details, actor, created_at) VALUES ('retry', '{}', 'x', $_)" } 1 .. 130);
	my (@ids, $path);
	for ($path = '/api/stores/audit/log?action=retry'; defined $path;) {
		my $r = page($path);
		push @ids, map { $_->{id} } @{$r->{json}};
		$path = next_of($r);
		$p->play("INSERT INTO audit_log (action, details, actor, created_at) VALUES ('retry', '{}', 'x', 1)");
	}
	is_deeply(\@ids, [reverse 1 .. 130], 'each row once, whatever is added');
};

subtest 'bad parameters' => sub {
	my $good = '0000018bcfe56800' . '0' x 32;
	page("/api/stores?cursor=$good");
	for my $list ('/api/stores', '/api/stores/audit/log') {
		for my $cursor ('', 'x', '-1', '0', $good . '0', substr($good, 1), uc $good, "8" . substr($good, 1), 'x' x 200, '%00', '9223372036854775808') {
			my $r = $p->get("$list?cursor=$cursor");
			$p->check($r, 400, $cursor eq '%00' ? 'bad_request' : 'bad_cursor', "$list: cursor " . substr $cursor, 0, 20);
		}
		for my $limit ('', 0, -1, 501, '1.5', '1e2', '0x10', '%2B1', ' 1', '9223372036854775808', '18446744073709551616', 'x' x 200) {
			$p->check($p->get("$list?limit=$limit"), 400, 'bad_request', "$list: limit " . substr $limit, 0, 20) if $limit !~ / /;
		}
		$p->check($p->get("$list?limit=5&limit=5"), 400, 'bad_request', "$list: limit twice");
		$p->check($p->get("$list?limit=" . '5' x 7000), $list =~ /x/ ? 414 : 400, 'bad_request', "$list: 7 kB");
		$p->check($p->get("$list?" . 'q' x 9000), 414, 'address_too_long', "$list: 9 kB");
	}
	$p->check($p->get("/api/stores?status=$_"), 400, 'bad_request', "status $_") for '', 'deleted', 'Ready', 'ready,failed', 'x';
	$p->check($p->get('/api/stores?q=' . 'x' x 256), 400, 'bad_request', 'a long search');
	$p->check($p->get('/api/stores?q=%0a'), 400, 'bad_request', 'a line break');
};

subtest 'tags, and the same from every process' => sub {
	for my $path ('/api/stores?limit=3', '/api/stores?limit=3&status=ready', '/api/stores?q=shop&limit=9', '/api/stores/audit/log?limit=3') {
		my %seen;
		for my $pid ($p->pool_pids) {
			my $r = $p->only($pid, sub { $p->get($path); $p->get($path) }); # the second one comes from the cache
			$seen{join "\n", map { $_ // '' } @{$r->{headers}}{qw(etag link x-total-count)}, $r->{content}}++;
		}
		is(join(' ', values %seen), 3, "$path: tag, link, number and bytes");
		my $r = page($path);
		my $head = $p->request('HEAD', $path);
		is_deeply([@{$head->{headers}}{qw(etag link x-total-count content-length)}], [@{$r->{headers}}{qw(etag link x-total-count content-length)}],
			"$path: HEAD tells the same");
		$p->check($p->get($path, headers => {'If-None-Match' => $r->{headers}{etag}}), 304, '', "$path: nothing new");
	}
	plant(3000, 3000);
	my %tag = map { $_ => $p->get($_)->{headers}{etag} } my @gets = qw(/api/stores /api/me /api/metrics /api/users /api/tokens
		/api/stores/audit/log /api/health /metrics);
	is(join(' ', grep { ($tag{$_} // '') !~ /^"[\w.-]+"$/ } @gets), '', 'every GET has a tag');
};
$p->finish;
