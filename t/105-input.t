#!/usr/bin/perl
# Bad and hostile input through nginx: names, passwords, bodies, types, sizes,
# addresses, host names, headers. Each is refused with the right word, or means
# exactly what it says; none of it breaks a line of a log or a header.
# also: sanitizers
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiTest;
use FastCgi;
use IO::Socket::UNIX;
use RawHttp;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);

my $p = ApiTest->new(conf => {MAX_STORES => 60});
$p->{more} = 1;
$p->start;

sub post_text {
	my ($content, %headers) = @_;
	return $p->request('POST', '/api/stores', content => $content,
		headers => {'content-type' => 'application/json', %headers});
}

# --- names ---------------------------------------------------------------------

my @names = (
	# given, slug, and the name as it is kept where that differs
	['  Café Müller ', 'cafe-muller', 'Café Müller'],
	['Straße & Søn', 'strasse-son'],
	["Zoe\x{308} fold", 'zoe-fold'],
	["a\x{1f389}b", 'a-b'],
	['日本 Laden 2', 'laden-2'],
	['-lead-', 'lead'],
	['--help', 'help'],
	['kube-system', 'kube-system'],
	['default', 'default'],
	['123', '123'],
	['2nd Hand', '2nd-hand'],
	['0' x 60, '0' x 50],
	['abcdefghi ' x 5 . 'abcdefghij', 'abcdefghi-' x 4 . 'abcdefghi', 'abcdefghi ' x 5 . 'abcdefghij'],
	["\x{e9}" x 60, 'e' x 50],
	['../../etc/passwd', 'etc-passwd'],
	['$(reboot) `id`', 'reboot-id'],
	[q{O'Brien "x" <b>&amp;}, 'o-brien-x-b-amp'],
	['; DROP TABLE stores; --', 'drop-table-stores'],
	['{{ .Values.x }}', 'values-x'],
	['name: x', 'name-x'],
	['ab', 'ab'],
	['%s%n%x', 's-n-x'],
);

subtest 'names that are taken' => sub {
	for (@names) {
		my ($given, $slug, $kept) = @$_;
		my $r = $p->post('/api/stores', {name => $given});
		$p->check($r, 201, '', $given);
		is("$r->{json}{name}|$r->{json}{slug}|$r->{json}{namespace}",
			($kept // $given) . "|$slug|store-$slug", "$given: as it is, with its slug");
		push @{$p->{secrets}}, $r->{json}{admin_password};
		is($p->store($r->{json}{id})->{name}, $kept // $given, "$given: kept");
	}
};

subtest 'names that are refused' => sub {
	for my $name ('', 'a', ' a ', '   ', 'x' x 61, "\x{1f389}" x 61, 'x' x 5000, '!!!', 'a!!', '-', "\x{1f389}\x{1f38a}",
		'日本語', "a\nb c", "a\r\nb c", "a\tb c", "a\x{1b}[31mb", "a\x{7f}b", "ab\x{85}c", "ab\x{2028}c",
		'API', ' www ', 'admin', undef, 5, -1.5, JSON::PP::true, [], ['Shop'], {}, {a => 1}) {
		my $r = $p->post('/api/stores', {name => $name});
		my $shown = defined $name ? ref $name || substr $name =~ s/[^ -~]/?/gr, 0, 20 : 'null';
		$p->check($r, 400, 'validation_failed', $shown);
		is(ApiTest::faulty_fields($r), 'name', "$shown: the field is named");
	}
	$p->check(post_text('{"name":"a\u0000bc"}'), 400, 'bad_json', 'NUL');
};

subtest 'another spelling of a name that is there' => sub {
	for my $name ('Café Müller', 'CAFE  MÜLLER', 'cafe-muller', '»Cafe Muller«!', "Cafe\x{301} Mu\x{308}ller", 'x' x 0 . 'AB') {
		$p->check($p->post('/api/stores', {name => $name}), 409, 'duplicate_name', $name);
	}
};

# --- the other fields ------------------------------------------------------------

my @fields = (
	# fields beside a good name, the fields that are faulty
	[{type => 'woocommerce', engine => 'woocommerce'}, ''],
	[{type => 'Woocommerce'}, 'type'],
	[{type => undef}, 'type'],
	[{engine => ''}, 'engine'],
	[{engine => 1}, 'engine'],
	[{type => 'woocommerce', engine => 'medusa'}, 'engine'],
	[{plan => 'small'}, ''],
	[{plan => 'huge'}, 'plan'],
	[{plan => 'small '}, 'plan'],
	[{plan => JSON::PP::false}, 'plan'],
	[{adminUser => 'abc'}, ''],
	[{adminUser => 'A_b-9' x 6}, ''],
	[{adminUser => 'ab'}, 'adminUser'],
	[{adminUser => 'x' x 31}, 'adminUser'],
	[{adminUser => 'a b c'}, 'adminUser'],
	[{adminUser => "abc\n"}, 'adminUser'],
	[{adminUser => 'café'}, 'adminUser'],
	[{adminUser => '$(id)'}, 'adminUser'],
	[{adminUser => ['admin']}, 'adminUser'],
	[{adminPassword => q{Zq"x',\\y$(id)`z`{a=b}#%&;--K1core}}, ''],
	[{adminPassword => "\x{fc}\x{1f389}" x 3 . 'K2core'}, ''],
	[{adminPassword => 'K3core' . 'x' x 58}, ''],
	[{adminPassword => undef}, ''],
	[{adminPassword => '12345'}, 'adminPassword'],
	[{adminPassword => 'x' x 65}, 'adminPassword'],
	[{adminPassword => "K4core\nline"}, 'adminPassword'],
	[{adminPassword => "K5core\x{1b}"}, 'adminPassword'],
	[{adminPassword => ' K6core'}, 'adminPassword'],
	[{adminPassword => 'K7core '}, 'adminPassword'],
	[{adminPassword => 123456}, 'adminPassword'],
	[{adminPassword => {}}, 'adminPassword'],
	[{extra => 1}, 'extra'],
	[{Name => 'x', name2 => 'x', '' => 1}, ' Name name2'],
	[{"a\r\nX-Evil: 1" => 1}, 'a  X-Evil: 1'],
	[{plan => 1, adminUser => 'a', adminPassword => 'b', type => 'x', more => 0},
		'adminPassword adminUser more plan type'],
);
push @{$p->{secrets}}, map { "K${_}core" } 1 .. 7;

subtest 'the other fields' => sub {
	my $n = 0;
	for (@fields) {
		my ($fields, $faulty) = @$_;
		my $name = join ', ', map { s/[^ -~]/?/gr } sort keys %$fields;
		my $r = $p->post('/api/stores', {name => 'Field ' . ++$n, %$fields});
		$p->check($r, $faulty eq '' ? 201 : 400, $faulty eq '' ? '' : 'validation_failed', "$n $name");
		is(ApiTest::faulty_fields($r), $faulty, "$n $name: the faulty fields");
		unlike($r->{content}, qr/K\dcore/, "$n $name: a password is not repeated");
		push @{$p->{secrets}}, $r->{json}{admin_password} if defined $r->{json}{admin_password};
	}
	for my $key (qw(type engine)) {
		$p->check($p->post('/api/stores', {name => 'Medusa', $key => 'medusa'}), 400, 'engine_unavailable', $key);
	}
};

# --- bodies ----------------------------------------------------------------------

my $deep = sub { '{"name":' . '[' x $_[0] . ']' x $_[0] . '}' };
my @bodies = (
	['nothing', '', 'bad_json'],
	['blanks', "  \n", 'bad_json'],
	['half an object', '{"name":"Shop"', 'bad_json'],
	['half a string', '{"name":"Sho', 'bad_json'],
	['half an escape', '{"name":"a\\', 'bad_json'],
	['text after it', '{"name":"Shop"} x', 'bad_json'],
	['two of them', '{"name":"Shop"}{"name":"Shop"}', 'bad_json'],
	['a comma too many', '{"name":"Shop",}', 'bad_json'],
	['single quotes', "{'name':'Shop'}", 'bad_json'],
	['a comment', '/* */{"name":"Shop"}', 'bad_json'],
	['a mark of byte order', "\xef\xbb\xbf" . '{"name":"Shop"}', 'bad_json'],
	['a key twice', '{"name":"Shop","name":"Shop"}', 'bad_json'],
	['a key twice by escape', '{"name":"Shop","n\u0061me":"Shop"}', 'bad_json'],
	['a key twice inside', '{"name":{"a":1,"a":2}}', 'bad_json'],
	['a raw NUL', qq({"name":"Sh\0op"}), 'bad_json'],
	['a raw NUL after it', qq({"name":"Shop"}\0{), 'bad_json'],
	['a raw line break', qq({"name":"Sh\nop"}), 'bad_json'],
	['NaN', '{"name":NaN}', 'bad_json'],
	['Infinity', '{"name":-Infinity}', 'bad_json'],
	['a leading zero', '{"name":01}', 'bad_json'],
	['bad UTF-8', qq({"name":"Sh\xffop"}), 'bad_json'],
	['overlong UTF-8', qq({"name":"Sh\xc0\xafop"}), 'bad_json'],
	['a surrogate in UTF-8', qq({"name":"Sh\xed\xa0\x80op"}), 'bad_json'],
	['UTF-16', "{\0\"\0", 'bad_json'],
	['deep nesting', $deep->(100), 'bad_json'],
	['very deep nesting', $deep->(30_000), 'bad_json'],
	['nesting within bounds', $deep->(20), 'validation_failed'],
	['a list', '[{"name":"Shop"}]', 'bad_request'],
	['a text', '"Shop"', 'bad_request'],
	['a number', '5', 'bad_request'],
	['null', 'null', 'bad_request'],
	['a huge number', '{"name":1' . '0' x 400 . '}', 'validation_failed'],
	['an empty object', '{}', 'validation_failed'],
	['__proto__', '{"__proto__":{"name":"Shop"}}', 'validation_failed'],
	['a form', 'name=Shop', 'bad_json'],
);

subtest 'bodies' => sub {
	$p->check(post_text($_->[1]), 400, $_->[2], $_->[0]) for @bodies;
	my $many = post_text('{' . join(',', map { qq("k$_":1) } 1 .. 4000) . '}');
	$p->check($many, 400, 'validation_failed', '4000 keys');
	cmp_ok(length $many->{content}, '<', 8192, 'are not all listed');
	my $lone = post_text('{"name":"Sh\ud800op"}');
	ok(($lone->{status} == 400 || $lone->{json}{name} eq "Sh\x{fffd}op"), 'half a pair is no character');
};

subtest 'types of content' => sub {
	my $n = 0;
	for (['application/json', 201], ['Application/JSON', 201], ['application/json; charset=utf-8', 201],
		['application/json;charset=UTF-8', 201], ['', 415], ['text/plain', 415], ['application/jsonp', 415],
		['application/x-www-form-urlencoded', 415], ['multipart/form-data; boundary=x', 415],
		['application/json, text/plain', 415], ['text/plain; application/json', 415],
		['x' x 300, 400]) {
		my ($type, $status) = @$_;
		my $r = post_text('{"name":"Type ' . ++$n . '"}', 'content-type' => $type);
		my %code = (201 => '', 415 => 'unsupported_media_type', 400 => 'bad_request');
		$p->check($r, $status, $code{$status}, $type =~ s/x{100,}/long/r || 'none');
	}
	my $id = $p->create(name => 'Bodyless')->{id};
	for (['GET', '/api/stores'], ['GET', '/metrics'], ['DELETE', "/api/stores/$id"],
		['POST', "/api/stores/$id/retry"], ['OPTIONS', '/api/stores']) {
		my ($method, $path) = @$_;
		my $r = $p->request($method, $path, content => '{}', headers => {'content-type' => 'application/json'});
		$p->check($r, $method eq 'OPTIONS' ? 204 : 400, $method eq 'OPTIONS' ? '' : 'bad_request', "$method $path with a body");
	}
	is($p->store($id)->{status}, 'provisioning', 'and nothing was done');
};

subtest 'promise 5.3: sizes' => sub {
	my $max = 64 * 1024;
	my $padded = sub { my $text = '{"plan":"small"}'; return $text . ' ' x ($_[0] - length $text) };
	for (['one less', $max - 1, 400, 'validation_failed'], ['the limit', $max, 400, 'validation_failed'],
		['one more', $max + 1, 413, 'body_too_large']) {
		my ($name, $size, $status, $code) = @$_;
		my $r = post_text($padded->($size));
		$p->check($r, $status, $code, "$name, whole");
		is($r->{headers}{'x-request-id'} =~ /-/ ? 'store-api' : 'nginx', $size > $max ? 'nginx' : 'store-api',
			"$name: who says so");
		my @parts = unpack '(a9000)*', $padded->($size);
		$p->check($p->request('POST', '/api/stores', content => sub { shift @parts },
			headers => {'content-type' => 'application/json'}), $status, $code, "$name, in chunks");
	}
	my $huge = RawHttp::answer(RawHttp::send_bytes($p, "POST /api/stores HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		. "Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"));
	$p->check($huge, 413, 'body_too_large', 'a length of 100 GB is refused before a byte of it');
	# What nginx would stop is stopped behind it as well.
	my %param = (REQUEST_METHOD => 'POST', DOCUMENT_URI => '/api/stores', REMOTE_ADDR => '127.0.0.1',
		CONTENT_TYPE => 'application/json');
	for (['', 'bad_json'], ['-1', 'bad_request'], ['x', 'bad_request'], ['1e3', 'bad_request'],
		['9223372036854775807', 'body_too_large'], ['9223372036854775808', 'bad_request'],
		['18446744073709551617', 'bad_request'], [$max + 1, 'body_too_large'], [3, 'bad_request'],
		[1, 'bad_json'], [2, 'validation_failed']) {
		my ($length, $code) = @$_;
		my $r = FastCgi::ask($p->socket_path, {%param, CONTENT_LENGTH => $length}, '{}');
		is($r->{json}{code}, $code, "two bytes said to be '$length'");
	}
	for my $missing (qw(REQUEST_METHOD DOCUMENT_URI)) {
		my %less = %param;
		delete $less{$missing};
		is(FastCgi::ask($p->socket_path, \%less)->{json}{code}, 'bad_request', "no $missing");
	}
};

# --- addresses -------------------------------------------------------------------

my $health = '/api/health';
my @targets = (
	# a target, and the one that it is the same as (else: the status)
	['/api%2fhealth', $health], ['/api/health%2f', $health], ['//api//health', $health], ['/api/./health', $health],
	['/api/%2e/health', $health], ['/api/x/../health', $health], ['/api/x/%2e%2e/health', $health],
	['/%61pi/healt%68', $health], ['/api/health/.', $health], ['/api/health//', $health], ['/api/health#x', $health],
	['/api/v1/../health', $health], ['/x/../api/health', $health], ['/api/stores/audit%2flog', '/api/stores/audit/log'],
	['/api/stores/%61udit/log', '/api/stores/audit/log'], ['/api/../metrics', '/metrics'], ['/api/%2e%2e/metrics', '/metrics'],
	['/%6detrics', '/metrics'], ['http://127.0.0.1/api/health', $health], ['http://localhost:99/api/health', $health],
	['/api', 404], ['/api/health;x', 404], ['/api/health;', 404], ['/api;x/health', 404], ['/api/stores/..;/health', 404],
	['/api\health', 404], ['/api/x\..\health', 404], ['/API/health', 404], ['/Api/Health', 404], ['/api/Health', 404],
	['/METRICS', 404], ['/metrics%2f', 404], ['/api/metrics%3f', 404], ['/api%252fhealth', 404],
	['/api/%c0%ae%c0%ae/metrics', 404], ['/api/%ef%bc%8fhealth', 404], ['/api/health%20', 404], ['/api/health.', 404],
	['/api/health%0a', 404], ['/api/health%0d%0aX-Evil:%201', 404], ['/api/health%1b%5b31m', 404], ['/api/%ff%fe', 404],
	['/api/health%0a%7b%22level%22:%22error%22%7d', 404], ['/api/health%e2%80%a8x', 404], ['/api/health%09', 404],
	['/api/health%00', 400], ['/api/health%00.js', 400], ['/api/health%zz', 400], ['/api/health%', 400],
	['/../../etc/passwd', 400], ['/..%2f..%2fetc/passwd', 400], ['/api/../../metrics', 400], ['api/health', 400], ['*', 400],
	['http://evil.example/api/health', 403], ['http://127.0.0.1@evil.example/api/health', 400],
	['/api/health?%0d%0aX-Evil:1', 400], ['/api/health?a%1b=1', 400], ['/api/' . 'a' x 600, 400],
	['/api/health?' . 'a' x 2100, 400], ['/' . 'a' x 9000, 414],
);

subtest 'promise 5.4: addresses' => sub {
	# Requests are counted meanwhile.
	my $same = sub { $_[0]{content} =~ s/^.*_http_request.*\n//mgr =~ s/[\d.]+//gr };
	my %real = map { $_ => $same->(RawHttp::get($p, $_)) } $health, '/metrics', '/api/stores/audit/log';
	for (@targets) {
		my ($target, $as) = @$_;
		my $r = RawHttp::get($p, $target);
		my $name = substr $target, 0, 50;
		if ($as =~ m{^/}) {
			$p->check($r, 200, '', $name);
			is($same->($r), $real{$as}, "$name is $as");
		} else {
			my %code = (400 => 'bad_request', 403 => 'loopback_only', 404 => 'route_not_found', 414 => 'address_too_long');
			$p->check($r, $as, $code{$as}, $name);
		}
		ok(!exists $r->{headers}{'x-evil'}, "$name makes no header");
	}
};

subtest 'host names' => sub {
	for (['127.0.0.1', 200], ['127.0.0.1:8080', 200], ['LOCALHOST', 200], ['localhost.', 200], ['[::1]:80', 200],
		['127.9.8.7', 200], ['evil.example', 403], ['localhost.evil.example', 403], ['127.0.0.1.evil.example', 403],
		['127.0.0.1,evil.example', 403], ['evil.example,127.0.0.1', 403], ['127.0.0.1@evil.example', 403],
		['127.1', 403], ['0x7f.0.0.1', 403], ['0.0.0.0', 403], ['[::]', 403], ['10.1.2.3', 403],
		['127.0.0.1, evil.example', 400], ['evil/127.0.0.1', 400], ['', 400], ["127.0.0.1\r\nHost: evil.example", 400],
		["evil.example\r\nHost: 127.0.0.1", 400], ["127.0.0.1\r\n x: y", 400], ["127.0.0.1\r\nX : y", 400],
		["127.0.0.1\r\nX\x1by: z", 400], ["127.0.0.1\r\nX: a\0b", 400], ["127.0.0.1\r\nX: " . 'a' x 40_000, 400],
		["127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3", 400],
		["127.0.0.1\r\nIf-None-Match: a\r\nIf-None-Match: b", 400],
		["127.0.0.1\r\nContent-Length: 0\r\nContent-Length: 0", 400], ["127.0.0.1\r\nContent-Length: -1", 400]) {
		my ($host, $status) = @$_;
		my %code = (200 => '', 400 => 'bad_request', 403 => 'loopback_only');
		$p->check(RawHttp::get($p, $health, "Host: $host"), $status, $code{$status},
			substr $host =~ s/[^ -~]/?/gr, 0, 60);
	}
	$p->check(RawHttp::answer(RawHttp::send_bytes($p, $_)), 400, 'bad_request', 'no HTTP')
		for "\x16\x03\x01\x02\x00\r\n\r\n", "G\x1bT / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
};

subtest 'promise 5.4: no header passes by itself' => sub {
	my $told = ApiTest->new;
	$told->{more} = 1;
	my $pool = IO::Socket::UNIX->new(Local => $told->socket_path, Listen => 4) or die "listen: $!";
	$told->start_nginx;
	my $r = RawHttp::send_bytes($told, join "\r\n", 'POST /api/x%2fy?q=%41 HTTP/1.1', 'Host: LocalHost:99',
		'Proxy: http://evil.example', 'X-Forwarded-For: 6.6.6.6', 'X-Real-IP: 6.6.6.6', 'Remote-Addr: 6.6.6.6',
		'REMOTE_ADDR: 6.6.6.6', 'Document-Uri: /api/stores', 'Script-Name: /x', 'Https: on', 'Authorization: x',
		'X-Request-Id: mine', 'Cookie: a=b; c', 'Idempotency-Key: k', 'Origin: null', 'If-None-Match: "a"', 'Sec-Fetch-Site: none',
		'Connection: close', 'Content-Type: text/x', 'Content-Length: 3', '', 'abc');
	is_deeply(FastCgi::take($pool), {REQUEST_METHOD => 'POST', DOCUMENT_URI => '/api/x/y', QUERY_STRING => 'q=%41',
		CONTENT_TYPE => 'text/x', CONTENT_LENGTH => 3, REMOTE_ADDR => $r->sockhost, HTTP_HOST => 'localhost',
		OWN_ORIGIN => 'http://LocalHost:99', HTTP_AUTHORIZATION => 'x', HTTP_COOKIE => 'a=b; c', HTTP_IDEMPOTENCY_KEY => 'k',
		HTTP_ORIGIN => 'null',
		HTTP_IF_NONE_MATCH => '"a"', HTTP_SEC_FETCH_SITE => 'none'}, 'store-api is told this and nothing else');
	is(RawHttp::answer($r)->{status}, 200, 'and its answer comes back');
	my @read = Platform::slurp("$Platform::TOP/src/api/req.c") =~ /(?:FIELD\(|FCGX_GetParam\()"(\w+)"/g;
	my @sent = Platform::slurp("$Platform::TOP/nginx/fastcgi.conf") =~ /^fastcgi_param (\w+)/mg;
	is(join(' ', sort @sent), join(' ', sort @read), 'what is told is what is read');
	$told->finish;
};

# --- what is left of all this in the logs ------------------------------------------

subtest 'promise 5.8: one line of a log is one line' => sub {
	my (@bad, %seen);
	for (grep { !/"AUTH is off: / } split /\n/, Platform::slurp("$p->{dir}/api.log")) {
		my $line = eval { JSON::PP->new->utf8->decode($_) };
		my $well = $line && !/[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]/
			&& ($line->{request_id} // '') =~ /^$ApiTest::UUID$/ && $line->{program} eq 'store-api'
			&& $line->{message} =~ /^[A-Z]{0,15} (?:\S.*|) \d{3} \d+ ms$/;
		push @bad, $_ unless $well && !$seen{$line->{request_id}}++;
	}
	is(join("\n", @bad), '', 'each request has one');
	cmp_ok(scalar keys %seen, '>', 150, 'and there were many');
	my @odd = grep { !m{^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] [ -~]*$} }
		split /\n/, Platform::slurp("$p->{dir}/nginx/nginx-error.log");
	is(join("\n", @odd), '', "and the web server's log is well formed");
};
$p->finish;
done_testing();
