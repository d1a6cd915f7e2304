# DashboardTest.pm: AccountTest.pm with rows for the dashboard to show. Nobody works on them:
# a test moves them itself, by what the provisioner would have written.
#
#	$p->plant({name => 'Shop', status => 'provisioning', steps => 3}, ...);
#	$p->advance($id, 'database');		# the step is done, and the next has begun
#	$p->settle($id, 'ready');
package DashboardTest;

use strict;
use warnings;
use utf8;

use Time::HiRes qw(time);

use parent 'AccountTest';

our @STEPS = qw(namespace secrets release database wordpress woocommerce storefront);
our $REASON = 'The init Job gave up after 5 tries: the database refused the connection.';
my $planted = 0;

sub now_ms { return int(time * 1000) }
sub quoted { my ($text) = @_; return 'NULL' unless defined $text; return "'" . $text =~ s/'/''/gr . "'" }

sub play_text { my ($self, $sql) = @_; utf8::encode($sql); $self->play($sql) }

# Rows of stores with the job and events that belong to their status; their ids. They are
# owned by the user named `owner`, or nobody. Ages are `age` seconds.
sub plant {
	my ($self, @stores) = @_;
	my ($sql, @ids) = ('');
	for my $store (@stores) {
		my $n = ++$planted;
		my $id = sprintf '%08x-0000-4000-8000-%012x', $n * 2654435761 % 2**32, $n;
		my $at = now_ms() - 1000 * ($store->{age} // 120);
		my $status = $store->{status} // 'ready';
		my $slug = $store->{slug} // "shop-$n";
		my ($code, $message) = $status eq 'failed' ? ('init_job_failed', $store->{error} // $REASON) : ();
		$sql .= sprintf "INSERT INTO stores (id, name, slug, type, plan, status, namespace, store_url, admin_url, admin_user,"
			. " owner_id, error_code, error_message, provision_started_at, provision_finished_at, created_at, updated_at)"
			. " VALUES ('%s', %s, '%s', 'woocommerce', '%s', '%s', 'store-%s', 'http://%s.127-0-0-1.nip.io',"
			. " 'http://%s.127-0-0-1.nip.io/wp-admin/', 'admin', (SELECT id FROM users WHERE name = %s), %s, %s, %d, %s, %d, %d);\n",
			$id, quoted($store->{name} // "Shop $n"), $slug, $store->{plan} // 'small', $status, ($slug) x 3,
			quoted($store->{owner}), quoted($code), quoted($message), $at, $status eq 'ready' ? $at + 95_000 : 'NULL', $at, $at;
		$sql .= sprintf "UPDATE stores SET health_state = 'degraded', health_message = %s, health_checked_at = %d WHERE id = '%s';\n",
			quoted($store->{lacks}), now_ms(), $id if $store->{lacks};
		$sql .= job($n, $id, $status, $at, $store->{steps});
		push @ids, $id;
	}
	$self->play_text($sql);
	return @ids;
}

sub job {
	my ($n, $id, $status, $at, $steps) = @_;
	my $kind = $status eq 'deleting' ? 'delete' : 'provision';
	my %state = (ready => 'done', failed => 'failed', deleting => 'running', provisioning => defined $steps ? 'running' : 'queued');
	my $state = $state{$status};
	my $job = 1000 * $n; # with room for those that the API makes
	my @run = $state eq 'running' ? ("'test'", now_ms() + 3_600_000) : ('NULL', 'NULL');
	# A queued one is for tomorrow, so that nobody begins it.
	my $sql = sprintf "INSERT INTO jobs (id, store_id, kind, state, attempt, max_attempts, run_at, instance_id, lease_until, actor,"
		. " request_id, created_at, started_at, finalized_at) VALUES (%d, '%s', '%s', '%s', 1, 3, %d, %s, %s, 'test', 'test', %d, %d, %s);\n",
		$job, $id, $kind, $state, now_ms() + 86_400_000, @run, $at, $at, $state =~ /done|failed/ ? $at + 95_000 : 'NULL';
	my $done = $status eq 'ready' ? 7 : $status eq 'failed' ? 5 : $status eq 'deleting' ? 0 : $steps // 0;
	for my $i (0 .. $done - 1) {
		$sql .= event($id, $job, $kind, $STEPS[$i], 'started', $at + 10_000 * $i) . event($id, $job, $kind, $STEPS[$i], 'done', $at + 10_000 * ($i + 1), 10_000);
	}
	$sql .= event($id, $job, $kind, $STEPS[5], 'failed', $at + 95_000, 42_000, $REASON) if $status eq 'failed';
	$sql .= event($id, $job, $kind, $STEPS[$done], 'started', now_ms()) if $status eq 'provisioning' && defined $steps;
	return $sql;
}

sub event {
	my ($id, $job, $kind, $step, $state, $at, $ms, $message) = @_;
	return sprintf "INSERT INTO events (store_id, job_id, kind, attempt, step, state, message, created_at, duration_ms)"
		. " VALUES ('%s', %d, '%s', 1, '%s', '%s', %s, %d, %s);\n", $id, $job, $kind, $step, $state, quoted($message // ''), $at, $ms // 'NULL';
}

sub job_of { my ($self, $id) = @_; return $self->sql_one("SELECT max(id) FROM jobs WHERE store_id = '$id'") }

sub advance {
	my ($self, $id, $step) = @_;
	my $job = $self->job_of($id);
	my ($at) = grep { $STEPS[$_] eq $step } 0 .. $#STEPS;
	$self->play_text(event($id, $job, 'provision', $step, 'done', now_ms(), 1234)
		. ($at < $#STEPS ? event($id, $job, 'provision', $STEPS[$at + 1], 'started', now_ms()) : ''));
}

# The end of a store's job, whatever it was.
sub settle {
	my ($self, $id, $status) = @_;
	my $now = now_ms();
	my $state = $status eq 'failed' ? 'failed' : 'done';
	my %more = (ready => "provision_finished_at = $now", failed => "error_code = 'init_job_failed', error_message = " . quoted($REASON),
		deleted => "deleted_at = $now");
	$self->play_text("UPDATE jobs SET state = '$state', instance_id = NULL, lease_until = NULL, finalized_at = $now"
		. " WHERE store_id = '$id' AND finalized_at IS NULL;\n"
		. "UPDATE stores SET status = '$status', updated_at = $now, $more{$status} WHERE id = '$id';\n");
}

# What the browser's side may ask for in each test.
sub commands {
	my ($self, %more) = @_;
	return {
		plant => sub { [$self->plant(@{$_[0]{stores}})] },
		advance => sub { $self->advance($_[0]{id}, $_[0]{step}); 1 },
		settle => sub { $self->settle($_[0]{id}, $_[0]{status}); 1 },
		one => sub { $self->sql_one($_[0]{sql}) },
		%more,
	};
}

1;
