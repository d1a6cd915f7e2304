#!/usr/bin/perl
# 000-layering.t: the rules of the house, read off the sources: floors, one
# library a room, sizes, names, forbidden calls. Each rule is also shown to find
# what it forbids, in a small tree made for that.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Find ();
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

# What a wing may include, beside itself.
my %below = (
	base        => [],
	io          => [qw(base)],
	model       => [qw(io base)],
	cluster     => [qw(io base)],
	api         => [qw(model io base)],
	provisioner => [qw(model cluster io base)],
	ctl         => [qw(model cluster io base)],
);

# Which files may open an outside library.
my @libraries = (
	[qr/^sqlite3/,  'io/dbparts.h'],
	[qr/^json-c\//, 'io/json.c'],
	[qr/^curl\//,   'io/http.c'],
	[qr/^sodium/,   'io/seal.c', 'io/secret.c'],
	[qr/^yaml\.h/,  'io/yaml.c'],
	[qr/^zlib\.h/,  'io/gzip.c'],
	[qr/^fcgi/,     'api/req.c'],
);

my ($file_max, $header_max, $function_hard, $function_soft) = (449, 80, 100, 60);
my $forbidden = qr/\b(system|popen|sprintf|vsprintf|strcpy|strcat|gets|atoi|strtok)\s*\(/;
my $unfinished = join '|', map { '\b' . join('', @$_) . '\b' } ['TO', 'DO'], ['FIX', 'ME'], ['XX', 'X'];
my $machine = '(?<![\w.-])/(?:wo' . 'rk|ro' . 'ot)\b';

sub slurp {
	my ($path) = @_;
	open my $in, '<', $path or die "$path: $!";
	local $/;
	my $text = <$in>;
	return $text // '';
}

# Paths below the folders named, relative to root, sorted.
sub files {
	my ($root, @in) = @_;
	my @found;
	for my $top (grep { -e "$root/$_" } @in) {
		File::Find::find({no_chdir => 1, wanted => sub {
			push @found, substr $_, length($root) + 1 if -f && !-l;
		}}, "$root/$top");
	}
	return sort @found;
}

# Comments become blanks, and on request strings too; lines stay where they are.
sub bare {
	my ($text, $strings) = @_;
	$text =~ s{("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|/\*.*?\*/|//[^\n]*}{
		my ($all, $string) = ($&, $1);
		if (defined $string) { $strings ? '""' : $string } else { $all =~ s/[^\n]//gr }
	}gse;
	return $text;
}

# [name, lines] of the functions of a .c file: the name is at column 0.
sub functions {
	my ($text) = @_;
	my @lines = split /\n/, $text;
	my (@found, $name, $start);
	for my $i (0 .. $#lines) {
		if ($lines[$i] =~ /^(\w+)\(/) {
			($name, $start) = ($1, $i);
		} elsif ($lines[$i] =~ /^\}/ && defined $name) {
			push @found, [$name, $i - $start + 2]; # with the line of its type
			undef $name;
		} elsif ($lines[$i] =~ /;\s*$/ && $lines[$i] !~ /^\s/) {
			undef $name; # a declaration
		}
	}
	return @found;
}

# Names of the functions that a header declares.
sub declared {
	my ($text) = @_;
	$text = bare($text, 1);
	$text =~ s/^[ \t]*#(?:[^\n]*\\\n)*[^\n]*//mg;
	1 while $text =~ s/\{[^{}]*\}//g;
	$text =~ s/\b(?:PRINTF|CLEANUP_FUNC)\s*\([^()]*\)|\bMUST_CHECK\b|__attribute__\s*\(\(.*?\)\)//gs;
	my @names;
	for (split /;/, $text) {
		next if /\btypedef\b|\bstatic\b/;
		push @names, $1 if /\b(\w+)\s*\(/;
	}
	return @names;
}

# Each rule: a name, and a function from a tree to its complaints.
my @rules = (
	['a wing includes only from below' => sub {
		my ($root) = @_;
		my @bad;
		for my $file (grep { /\.[ch]$/ } files($root, 'src')) {
			my ($wing) = $file =~ m{^src/(\w+)/} or push(@bad, "$file: in no wing"), next;
			$below{$wing} or push(@bad, "$file: unknown wing"), next;
			for my $of (slurp("$root/$file") =~ /^\s*#\s*include\s+"([^"]+)"/mg) {
				my ($to) = $of =~ m{^(\w+)/\w+\.h$};
				push @bad, "$file includes $of"
					unless defined $to && grep { $_ eq $to } $wing, @{$below{$wing}};
				push @bad, "$file includes $of, which is not there"
					unless -f "$root/src/$of";
			}
		}
		return @bad;
	}],
	['a library has one door' => sub {
		my ($root) = @_;
		my @bad;
		for my $file (grep { /\.[ch]$/ } files($root, 'src')) {
			for my $of (slurp("$root/$file") =~ /^\s*#\s*include\s+[<"]([^>"]+)[>"]/mg) {
				for (@libraries) {
					my ($what, @doors) = @$_;
					push @bad, "$file includes $of"
						if $of =~ $what && !grep { $file eq "src/$_" } @doors;
				}
			}
		}
		return @bad;
	}],
	["files have at most $file_max lines, headers $header_max" => sub {
		my ($root) = @_;
		my @bad;
		for my $file (grep { /\.[cht]$|\.pm$/ } files($root, 'src', 't')) {
			my $lines = () = slurp("$root/$file") =~ /\n/g;
			push @bad, "$file has $lines lines"
				if $lines > ($file =~ /\.h$/ ? $header_max : $file_max);
		}
		return @bad;
	}],
	["functions have at most $function_hard lines" => sub {
		my ($root, $long) = @_;
		my @bad;
		for my $file (grep { /\.c$/ } files($root, 'src', 't')) {
			for (functions(bare(slurp("$root/$file"), 1))) {
				my ($name, $lines) = @$_;
				push @bad, "$file: $name has $lines lines" if $lines > $function_hard;
				push @$long, "$file: $name has $lines lines" if $lines > $function_soft;
			}
		}
		return @bad;
	}],
	['a function is named after its room' => sub {
		my ($root) = @_;
		my @bad;
		for my $file (grep { /\.h$/ } files($root, 'src')) {
			my ($room) = $file =~ m{(\w+)\.h$};
			for (declared(slurp("$root/$file"))) {
				push @bad, "$file declares $_" unless /^\Q$room\E(?:_|$)/;
			}
		}
		return @bad;
	}],
	['a file begins with what it is for' => sub {
		my ($root) = @_;
		return grep { slurp("$root/$_") !~ m{^/\*\s*(?:\n \* )?\w+\.[ch]: } }
			grep { /\.[ch]$/ } files($root, 'src', 't');
	}],
	['no call that invites an overflow, a shell or a silent 0' => sub {
		my ($root) = @_;
		my @bad;
		for my $file (grep { /\.[ch]$/ } files($root, 'src')) {
			push @bad, "$file calls $_" for bare(slurp("$root/$file"), 1) =~ /$forbidden/g;
		}
		return @bad;
	}],
	['a transaction is begun in io/db alone' => sub {
		my ($root) = @_;
		my @bad;
		for my $file (grep { /\.[ch]$/ && !m{^src/io/db(?:open)?\.c$} } files($root, 'src')) {
			for (bare(slurp("$root/$file")) =~ /"((?:[^"\\\n]|\\.)*)"/g) {
				push @bad, "$file has \"$_\"" # a trigger's body has its END
					if /\b(?:BEGIN|SAVEPOINT)\b/ && !/\bEND\b/;
			}
		}
		return @bad;
	}],
	['nothing is left to do' => sub {
		my ($root) = @_;
		return grep { slurp("$root/$_") =~ /$unfinished/ }
			files($root, qw(src t nginx charts static debian dev configure.ac Makefile.am));
	}],
	['no path of the machine it was written on' => sub {
		my ($root) = @_;
		return grep { slurp("$root/$_") =~ /$machine/ }
			files($root, qw(src t nginx charts static debian dev .ci configure.ac Makefile.am));
	}],
	['shell scripts pass shellcheck' => sub {
		my ($root) = @_;
		my @scripts = grep { slurp("$root/$_") =~ m{^#!\s*/bin/(?:ba)?sh\b} }
			files($root, qw(dev .ci src t charts nginx debian));
		return () unless @scripts;
		open my $out, '-|', 'shellcheck', '-x', '-f', 'gcc', map { "$root/$_" } @scripts
			or die "shellcheck: $!";
		return map { chomp; s/^\Q$root\E\///r } <$out>;
	}],
	# Those of the provisioner t/230-crash.t reads off the sources itself.
	['every crash point is reached by a test' => sub {
		my ($root) = @_;
		my $tests = join '', map { slurp("$root/$_") } grep { /\.t$/ } files($root, 't');
		my @bad;
		for my $file (grep { /\.c$/ && !m{^src/provisioner/} } files($root, 'src')) {
			push @bad, map { "$file: $_" } grep { $tests !~ /STORE_CRASH_AT[^\n]*"\Q$_\E=/ }
				slurp("$root/$file") =~ /crash_point\("([^"]+)"\)/g;
		}
		return @bad;
	}],
);

# For each rule a tree that breaks it once, as path => text; and one that breaks none.
my $head = "/* x.c: a file. */\n";
my %good = (
	'src/base/x.c' => "$head#include \"base/x.h\"\n",
	'src/base/x.h' => "/* x.h: a file. */\n#define BEGIN_X 1\nint x_run(struct y {int z;} *y);\n"
		. "static inline int\nmini(void)\n{\n\treturn 1;\n}\n"
		. "PRINTF(1, 2) MUST_CHECK int x_say(const char *fmt, ...);\nextern const int xs[3];\n",
	'src/io/dbparts.h' => "/* dbparts.h: a file. */\n#include <sqlite3.h>\n",
	'src/io/db.c' => "${head}const char *begin = \"BEGIN IMMEDIATE\";\n",
	'src/io/t.c' => "${head}/* system(x), atoi(y) */\nconst char *s = \"BEGIN DELETE; END system(x)\";\n"
		. "int n = snprintf(0, 0, \"//\");\n",
	'src/model/m.c' => "$head#include \"io/../base/x.h\"\n" =~ s{io/\.\./}{}r,
	'src/api/req.c' => "$head#include <fcgiapp.h>\n",
	'dev' => "#!/bin/sh\necho \"\$1\"\n",
	'src/api/c.c' => "${head}crash_point(\"here\");\n",
	't/c.t' => "STORE_CRASH_AT => \"here=/file\"\n",
);
my @broken = (
	[0, 'src/io/a.c' => "$head#include \"model/m.h\"\n", 'src/model/m.h' => "/* m.h: m. */\n"],
	[0, 'src/api/a.c' => "$head#include \"provisioner/p.h\"\n",
		'src/provisioner/p.h' => "/* p.h: p. */\n"],
	[0, 'src/model/a.c' => "$head#include \"cluster/k.h\"\n", 'src/cluster/k.h' => "/* k.h: k. */\n"],
	[0, 'src/cluster/a.c' => "$head#include \"model/m.h\"\n", 'src/model/m.h' => "/* m.h: m. */\n"],
	[0, 'src/base/a.c' => "$head#include \"base/gone.h\"\n"],
	[0, 'src/attic/a.c' => $head],
	[1, 'src/model/a.c' => "$head#include <sqlite3.h>\n"],
	[1, 'src/api/a.c' => "$head#include <fcgi_config.h>\n"],
	[1, 'src/io/db.h' => "/* db.h: db. */\n#include <json-c/json.h>\n"],
	[2, 'src/base/a.c' => $head . "\n" x 449],
	[2, 'src/base/a.h' => "/* a.h: a. */\n" . "\n" x 80],
	[2, 't/a.t' => "\n" x 450],
	[3, 'src/base/a.c' => "${head}int\na_long(int x,\n\tint y)\n{\n" . "\tx++;\n" x 96 . "}\n"],
	[4, 'src/base/a.h' => "/* a.h: a. */\nint b_run(void);\n"],
	[4, 'src/base/a.h' => "/* a.h: a. */\nMUST_CHECK struct b *run(void (*f)(int));\n"],
	[5, 'src/base/a.c' => "#include <stdio.h>\n"],
	[5, 'src/base/a.c' => "/* */\n"],
	(map { [6, 'src/base/a.c' => "${head}int a = $_(b);\n"] }
		qw(system popen sprintf vsprintf strcpy strcat gets atoi)),
	[7, 'src/model/a.c' => "${head}const char *a = \"BEGIN\";\n"],
	[7, 'src/model/a.c' => "${head}const char *a = \"x; SAVEPOINT y\";\n"],
	(map { [8, 'src/base/a.c' => "$head// " . join('', @$_) . ": more\n"] }
		['TO', 'DO'], ['FIX', 'ME'], ['XX', 'X']),
	[9, 't/a.c' => "${head}const char *a = \"/wo" . "rk/x\";\n"],
	[11, 'src/api/a.c' => "${head}crash_point(\"there\");\n"],
	[10, 'dev' => "#!/bin/sh\nrm \$1\n"],
);

sub plant {
	my (%tree) = @_;
	my $root = tempdir(CLEANUP => 1);
	for my $path (keys %tree) {
		make_path(dirname("$root/$path"));
		open my $out, '>', "$root/$path" or die "$path: $!";
		print $out $tree{$path};
		close $out or die "$path: $!";
	}
	return $root;
}

my $has_shellcheck = grep { -x "$_/shellcheck" } split /:/, $ENV{PATH};
my $root = dirname($FindBin::RealBin);

for my $i (0 .. $#rules) {
	my ($name, $find) = @{$rules[$i]};
	SKIP: {
		skip 'shellcheck is missing: apt install shellcheck', 1
			if $name =~ /shellcheck/ && !$has_shellcheck;
		my @long;
		my @bad = $find->($root, \@long);
		ok(!@bad, $name) or diag(join "\n", @bad);
		note("long: $_") for @long;
		is_deeply([$find->(plant(%good), [])], [], "$name: a good tree passes");
		my $n = 0;
		for (grep { $_->[0] == $i } @broken) {
			my (undef, %tree) = @$_;
			is(scalar(() = $find->(plant(%good, %tree), [])), 1, "$name: fault " . ++$n . ' is found');
		}
		ok($n > 0, "$name: is shown to fail");
	}
}
done_testing();
