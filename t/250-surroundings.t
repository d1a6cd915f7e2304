#!/usr/bin/perl
# The platform's own surroundings in trouble: time that runs out, a proxy that
# answers for the cluster, a database that is locked, files that are missing or
# being edited. Jobs wait or end with a true sentence; no attempt is lost, none
# is without end, and nothing is called gone that is there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ApiProxy;
use FakeHelm;
use PlatformTest;
use Test::More;

PlatformTest::need_cluster();

my $p = PlatformTest->new(conf => {MAX_STORES => 50, PROVISION_TIMEOUT => 30, PROVISION_ATTEMPTS => 2,
	MAX_CONCURRENT_DELETIONS => 10});
my $helm = FakeHelm->new($p, 'helm3');
my $proxy = ApiProxy->start("$p->{dir}/proxy");
$p->{conf}{KUBECONFIG} = $proxy->kubeconfig;
$p->{conf}{HELM_VALUES_FILE} = "$p->{dir}/values.yaml";
$p->{conf_file} = "$p->{dir}/platform.conf";
Platform::spew($p->{conf_file}, "# nothing set here\n");
Platform::spew($p->{conf}{HELM_VALUES_FILE}, "{}\n");
$p->start;
$p->wait_for('the platform', sub { $p->get('/api/ready')->{status} == 200 });

sub check {
	my ($name) = @_;
	return (grep { $_->{name} eq $name } @{$p->get('/api/ready')->{json}{checks}})[0];
}

# A new provisioner looks around at once.
sub restart { $p->stop('provisioner'); $p->start_provisioner }

subtest 'helm hangs longer than the job may last' => sub {
	$helm->mode('hang');
	my $store = $p->create(name => 'slow helm');
	my $end = $p->wait_status($store->{id}, 'ready|failed', 90);
	is($end->{error_code}, 'deadline_exceeded', 'the deadline ends it');
	is($end->{job}{attempt}, 1, 'and the attempt counts');
	$helm->mode('real');
	$p->post("/api/stores/$store->{id}/retry", undef);
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'a retry makes it ready');
};

subtest 'something else answers for the cluster' => sub {
	my $store = $p->create(name => 'behind a proxy');
	$p->wait_status($store->{id}, 'ready');
	$proxy->rules({match => '.', status => 404, body => "404 page not found\n",
		headers => {'Content-Type' => 'text/plain'}});
	$p->delete("/api/stores/$store->{id}");
	$p->wait_for('it to be noticed', sub { !check('cluster')->{ok} });
	like(check('cluster')->{sentence}, qr/is no Kubernetes API/, 'and told');
	is($p->store($store->{id})->{status}, 'deleting', 'the store is not called gone');
	$proxy->rules({match => '.', status => 200, body => '{}'});
	restart();
	$p->wait_for('nonsense to be noticed', sub { check('cluster')->{sentence} =~ /is no Kubernetes/ });
	is($p->store($store->{id})->{status}, 'deleting', 'nor by an empty answer');
	ok(defined $p->kubectl('get', 'namespace', $store->{namespace}), 'it is there indeed');
	$proxy->rules;
	$p->wait_status($store->{id}, 'gone');
	$p->is_gone('behind-a-proxy');
};

subtest 'the database is locked while a worker dies' => sub {
	$helm->forget;
	$helm->mode('hang');
	my $store = $p->create(name => 'locked out');
	$p->wait_for('helm to run', sub { $helm->calls });
	open my $sql, '|-', 'sqlite3', $p->{conf}{DATABASE_PATH} or die;
	my $old = select $sql; $| = 1; select $old;
	print $sql "PRAGMA wal_autocheckpoint=0;\nBEGIN IMMEDIATE;\n";
	my $worker = $p->wait_for('the worker', sub { (map { /^(\d+): store-worker/ } $p->leftovers)[0] });
	$helm->mode('real');
	kill 'KILL', $worker;
	$p->wait_for('the end to be refused', sub {
		Platform::slurp("$p->{dir}/provisioner.log") =~ /job \d+: The database is busy/ });
	print $sql "ROLLBACK;\n";
	close $sql;
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'it goes on when it is free');
};

subtest 'the values file is missing' => sub {
	rename $p->{conf}{HELM_VALUES_FILE}, "$p->{dir}/away" or die;
	restart();
	$p->wait_for('it to be missed', sub { check('helm')->{sentence} =~ /cannot read.*values\.yaml/ });
	my $store = $p->create(name => 'without values');
	is($p->store($store->{id})->{job}{attempt}, 0, 'a store waits, without an attempt');
	like($p->store($store->{id})->{progress}{message}, qr/values\.yaml/, 'and says for what');
	rename "$p->{dir}/away", $p->{conf}{HELM_VALUES_FILE} or die;
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'then it is made');
};

subtest 'the configuration is being edited' => sub {
	Platform::spew($p->{conf_file}, "NO_SUCH_KEY=1\n");
	my $store = $p->create(name => 'half edited');
	$p->wait_for('a worker to notice', sub {
		Platform::slurp("$p->{dir}/provisioner.log") =~ /NO_SUCH_KEY/ });
	$p->wait_for('the job to wait', sub { $p->store($store->{id})->{job}{state} eq 'queued' });
	is($p->store($store->{id})->{job}{attempt}, 0, 'no attempt was used');
	Platform::spew($p->{conf_file}, "");
	is($p->wait_status($store->{id}, 'ready|failed')->{status}, 'ready', 'then it is made');
};

subtest 'stop in the first moment of a job' => sub {
	for my $n (1 .. 5) {
		my $store = $p->create(name => "first moment $n");
		$p->wait_for('its claim', sub {
			$p->sql_one("SELECT fence FROM jobs WHERE store_id = '$store->{id}'") });
		$p->stop('provisioner');
		my ($row) = $p->sql("SELECT state, attempt FROM jobs WHERE store_id = '$store->{id}'");
		like("@$row", qr/^(?:queued 0|done 1)$/, "stop $n used no attempt");
		$p->start_provisioner;
	}
};

$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} }, 180);
$p->{fds} = undef; # the supervisor is another one by now
$p->finish;
