# ApiTest.pm: PlatformTest.pm for tests of the API alone. There is no Kubernetes:
# the provisioner runs, says so, and leaves each job in the queue.
package ApiTest;

use strict;
use warnings;

use Fcntl qw(LOCK_EX);
use File::Basename qw(dirname);
use IPC::Open2 qw(open2);
use Test::More;

use parent 'PlatformTest';

our $UUID = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
our $TIME = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;
our $NO_ID = '00000000-0000-4000-8000-000000000000';

sub new {
	my ($class, %arg) = @_;
	return $class->SUPER::new(%arg,
		conf => {KUBECONFIG => '/nonexistent/kubeconfig', %{$arg{conf} || {}}});
}

sub socket_path { my ($self) = @_; return "$self->{dir}/run/api.sock" }

# As of Platform; what was answered is kept if $self->{answers} is a list.
sub request {
	my ($self, @args) = @_;
	my $r = $self->SUPER::request(@args);
	$r->{content} //= '';
	push @{$self->{answers}}, join "\n", %{$r->{headers}}, $r->{content} if $self->{answers};
	return $r;
}

# The form that every answer has: the id, JSON, and for an error its word and sentence.
sub check {
	my ($self, $r, $status, $code, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $id = $r->{headers}{'x-request-id'} // '';
	my $json = ref $r->{json} eq 'HASH' ? $r->{json} : {};
	my @bad;
	push @bad, "status $r->{status}" unless $r->{status} == $status;
	push @bad, "request id '$id'" unless $id =~ /^(?:[0-9a-f]{32}|$UUID)$/;
	push @bad, 'no JSON' if length $r->{content} && !defined $r->{json}
		&& ($status >= 400 || $r->{headers}{'content-type'} !~ m{^text/plain; version=});
	push @bad, 'CORS' if grep { /^access-control-/ } keys %{$r->{headers}};
	if ($status >= 400 && length $r->{content} && $code) {
		push @bad, 'code ' . ($json->{code} // 'none') unless ($json->{code} // '') eq $code;
		push @bad, 'no sentence' unless ($json->{error} // '') =~ /^\w[^\x00-\x1f]{4,}/;
		push @bad, 'another id in the body' unless ($json->{request_id} // '') eq $id;
		push @bad, 'more keys' if grep { !/^(?:error|code|details|request_id)$/ } keys %$json;
	}
	push @bad, 'Retry-After' if ($status =~ /^(?:429|50[234])$/)
		!= (($r->{headers}{'retry-after'} // '') =~ /^[1-9]\d{0,2}$/);
	push @bad, 'Allow' if ($status == 405) > defined $r->{headers}{allow};
	return is(join('; ', @bad), '', "$name: $status" . ($code ? " $code" : '')) || diag($r->{content});
}

# What is wrong with the fields of a body: "field field ...", sorted.
sub faulty_fields {
	my ($r) = @_;
	return join ' ', sort map { $_->{field} } @{$r->{json}{details} || []};
}

# The whole API seen by one process of the pool: the others stand still meanwhile.
sub only {
	my ($self, $pid, $code) = @_;
	my @others = grep { $_ != $pid } $self->pool_pids;
	kill 'STOP', @others;
	my @r = eval { $code->() };
	my $died = $@;
	kill 'CONT', @others;
	die $died if $died;
	return wantarray ? @r : $r[0];
}

# --- the database, by another program --------------------------------------

# sqlite3 without its habit of checkpointing, which belongs to the provisioner alone.
sub sqlite {
	my ($self) = @_;
	my $pid = open2(my $from, my $to, 'sqlite3', '-batch', '-bail', '-cmd', '.timeout 5000',
		'-cmd', '.dbconfig no_ckpt_on_close on', '-cmd', 'PRAGMA wal_autocheckpoint=0',
		$self->{conf}{DATABASE_PATH});
	return {pid => $pid, from => $from, to => $to};
}

# Runs SQL there and waits until it is done.
sub run_sql {
	my ($shell, $sql) = @_;
	print {$shell->{to}} "$sql;\nSELECT 'done';\n";
	while (defined(my $line = readline $shell->{from})) {
		return if $line eq "done\n";
	}
	die "sqlite3 gave up: $sql\n";
}

# Takes the write lock, in turn with the programs (io/dbturn.h): beside many of them it would have to be lucky.
sub begin {
	my ($self, $shell) = @_;
	open my $folder, '<', dirname($self->{conf}{DATABASE_PATH}) or die "$self->{conf}{DATABASE_PATH}: $!";
	flock $folder, LOCK_EX or die "flock: $!";
	run_sql($shell, 'BEGIN IMMEDIATE');
}

sub end_shell {
	my ($shell) = @_;
	local ($?, $@);
	kill 'KILL', $shell->{pid};
	waitpid $shell->{pid}, 0;
}

# Plays the provisioner: writes what it would have written.
sub play {
	my ($self, $sql) = @_;
	my $shell = $self->sqlite;
	$self->{played} = 1; # Invariants.pm
	$self->begin($shell);
	run_sql($shell, "$sql;\nCOMMIT");
	end_shell($shell);
}

# Runs the code while another program holds the write lock; $free->() gives it back early.
sub locked {
	my ($self, $code) = @_;
	my $shell = $self->sqlite;
	my $held = 1;
	my $free = sub { run_sql($shell, 'ROLLBACK') if $held; $held = 0 };
	$self->begin($shell);
	my $ok = eval { $code->($free); $free->(); 1 };
	my $died = $@;
	end_shell($shell);
	die $died unless $ok;
}

1;
