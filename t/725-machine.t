#!/usr/bin/perl
# The package on a machine with systemd: installed, set up, at work in its sandboxes
# with both lines of helm, taken over, killed, hung, upgraded with a job running and
# requests coming in, booted again, removed and installed again. Promises 7.2 to 7.7,
# and 1.6 and 5.6 with the real units. Needs the local cluster of ./dev test.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use Machine;
use PlatformTest;
use Test::More;
use Time::HiRes qw(time sleep);

plan(skip_all => 'once is enough: not with sanitizers') if ($ENV{STORE_BUILD} || '') =~ /asan/;
PlatformTest::need_cluster();
Machine::need();

my $deb = Package::built('first')->{deb};
my $kubeconfig = Platform::slurp(Platform::cluster_file('kubeconfig'));
my ($cluster) = $kubeconfig =~ m{server: https://(\S+)};
# Below those that the system gives to clients, who could have one of them in the moment of a reload.
my ($http, $https, $other) = map { quiet_port() } 1 .. 3;
my $url = "https://127.0.0.1:$https";
my $password = 'a password of nobody 7';
my ($cookie, $clients) = ('', 0);

my $m = Machine->new;
$m->write('/etc/nginx/sites-enabled/other', "server { listen 127.0.0.1:$other; location / { return 200 other; } }\n");
put_helm('helm3');
$m->boot;

sub quiet_port {
	for (1 .. 100) {
		my $port = 10240 + int rand 20000;
		return $port if IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1);
	}
	die "no free port";
}

sub put_helm {
	my ($line) = @_;
	# As everybody installs a program: beside the old one, then in its place.
	system('cp', Platform::helm($line), "$m->{dir}/usr/local/bin/.helm") == 0 or die 'cp helm';
	rename "$m->{dir}/usr/local/bin/.helm", "$m->{dir}/usr/local/bin/helm" or die "helm: $!";
}

sub call {
	my ($method, $path, $body, %headers) = @_;
	my $ua = HTTP::Tiny->new(timeout => 60, verify_SSL => 0, local_address => sprintf '127.7.%d.%d', ++$clients / 250, 1 + $clients % 250);
	my $r = $ua->request($method, "$url$path", {
		headers => {Origin => $url, Cookie => $cookie, 'content-type' => 'application/json', %headers},
		$body ? (content => encode_json($body)) : ()});
	$r->{json} = eval { decode_json($r->{content}) };
	return $r;
}

sub is_well {
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $ready;
	ok(eval { Platform->wait_for('readiness', sub { $ready = call('GET', '/api/ready'); $ready->{status} == 200 }, 60); 1 }, $name)
		or die $ready->{content}, $m->must('journalctl', '-n', '60'), $m->read('/var/log/nginx/error.log');
}

sub failed_units { return join ' ', $m->run('systemctl', '--failed', '--plain', '--no-legend')->{out} =~ /^(\S+)/mg }
sub is_other { is(HTTP::Tiny->new(timeout => 10)->get("http://127.0.0.1:$other/")->{content}, 'other', 'the other site answers') }

sub store {
	my ($name) = @_;
	my $r = call('POST', '/api/stores', {name => $name});
	is($r->{status}, 201, "$name is asked for") or diag($r->{content});
	return $r->{json}{id};
}

sub wait_store {
	my ($id, $status) = @_;
	my $r;
	my $seen = eval { Platform->wait_for("store to be $status", sub {
		$r = call('GET', "/api/stores/$id");
		($r->{status} == 404 ? 'deleted' : ($r->{json}{status} // '')) eq $status }, 120); 1 };
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($seen, "it is $status") or diag($r->{content}, $m->must('journalctl', '-u', 'store-provisioner', '-n', '40'));
	return $r->{json};
}

subtest '7.6, 7.7: installed, and not set up yet' => sub {
	my $r = $m->install($deb);
	is($r->{status}, 0, 'it is installed') or diag($r->{out});
	is(failed_units(), '', 'no unit failed');
	is($m->run('systemctl', 'is-active', $_)->{out}, "inactive\n", "$_ waits for the set-up")
		for qw(store-api.socket store-api@1.service store-provisioner.service store-provisioner.socket);
	is($m->run('systemctl', 'is-enabled', $_)->{out}, "enabled\n", "$_ starts with the machine")
		for qw(store-api.socket store-api.target store-provisioner.service store-provisioner.socket store-platform-backup.timer);
	is(join(' ', glob "$m->{dir}/etc/nginx/sites-enabled/*"), "$m->{dir}/etc/nginx/sites-enabled/other", 'no site is enabled');
	is_other();
};

# By the command itself, with what a k3s leaves on its machine; t/740-setup.t has the rest of it.
sub set_up {
	$m->write('/etc/store-platform/store-platform.conf', "# mine\nSTOREFRONT_CHECK=off\nHELM_VALUES_FILE=\n");
	$m->must(qw(mkdir -p /etc/rancher/k3s));
	$m->write('/etc/rancher/k3s/k3s.yaml', $kubeconfig, 0600);
	my $r = $m->run('storectl', 'setup', '--domain=machine.example', '--host=platform.example',
		"--http-port=$http", "--https-port=$https");
	like($r->{out}, qr/^The programs were started\.$/m, 'storectl setup starts the programs') or diag($r->{out});
	like($r->{out}, qr{^The dashboard: https://platform\.example:$https/$}m, 'and prints the address');
	my $found = decode_json($m->run('storectl', 'doctor', '--json')->{out});
	# Nobody has made the names, and the clock is another machine's.
	is(join("\n", map { "$_->{check}: $_->{sentence}" } grep { $_->{state} ne 'ok' && $_->{check} !~ /^(?:names|clock)$/ } @$found),
		'', 'storectl doctor is content with everything else');
	ok(index($m->read('/etc/store-platform/kubeconfig'), 'client-key') < 0, 'the credential is not the administrator\'s');
}

subtest '7.6: set up' => sub {
	set_up();
	is_well('everything is ready');
	is($m->property("store-api\@$_.service", 'ActiveState'), 'active', "process $_ of the pool runs") for 1 .. 4;
	my ($token) = $m->must('journalctl', '-u', 'store-api@*') =~ /by POST \/api\/setup with the token (\w+)/;
	ok($token, 'the set-up token is in the journal');
	is(call('POST', '/api/setup', {token => $token, name => 'boss', password => $password})->{status}, 201, 'and makes the first admin');
	my $login = call('POST', '/api/login', {name => 'boss', password => $password});
	is($login->{status}, 200, 'who logs in');
	($cookie) = $login->{headers}{'set-cookie'} =~ /^([^;]+)/;
	my $plain = HTTP::Tiny->new(max_redirect => 0)->get("http://127.0.0.1:$http/activity?x=1");
	is("$plain->{status} $plain->{headers}{location}", "308 https://platform.example:$https/activity?x=1", 'HTTP leads to HTTPS');
	$m->write('/var/lib/store-platform/acme/.well-known-test', 'x');
	mkdir "$m->{dir}/var/lib/store-platform/acme/.well-known";
	mkdir "$m->{dir}/var/lib/store-platform/acme/.well-known/acme-challenge";
	$m->write('/var/lib/store-platform/acme/.well-known/acme-challenge/abc', 'challenge');
	is(HTTP::Tiny->new->get("http://127.0.0.1:$http/.well-known/acme-challenge/abc")->{content}, 'challenge', 'but not an ACME challenge');
	like(call('GET', '/')->{headers}{'strict-transport-security'}, qr/max-age=/, 'HTTPS stays');
	is_other();
};

my $first;
subtest '7.2: stores with both lines of helm, in the sandbox' => sub {
	wait_store($first = store("Machine three $$"), 'ready');
	put_helm('helm4');
	Platform->wait_for('helm 4 to be seen', sub { call('GET', '/api/ready')->{content} =~ /helm 4/ }, 60);
	wait_store(my $second = store("Machine four $$"), 'ready');
	is(call('DELETE', "/api/stores/$second")->{status}, 200, 'a deletion');
	wait_store($second, 'deleted');
	is($m->run('storectl', 'db', 'check')->{status}, 0, 'the database is whole');
};

# The unit with another program in it, and nothing else of its sandbox changed.
sub probe {
	my ($unit) = @_;
	my $text = $m->read("/lib/systemd/system/$unit");
	$text =~ s/^(?:Sockets|StandardInput|StandardOutput|StandardError|Requires|PartOf|After|Type|NotifyAccess|WatchdogSec|Restart\w*|ExecStartPre)=.*\n//mg;
	$text =~ s{^ExecStart=.*}{Type=oneshot\nStandardOutput=truncate:/run/probe.out\nExecStart=/usr/bin/perl /usr/share/probe.pl $cluster}m;
	$text =~ s{^(ExecPaths=.*)}{$1 /usr/bin/perl}m;
	$m->write('/etc/systemd/system/probe.service', $text);
	system('cp', "$FindBin::Bin/package/probe.pl", "$m->{dir}/usr/share/probe.pl") == 0 or die 'cp probe.pl';
	$m->must('systemctl', 'daemon-reload');
	my $r = $m->run('systemctl', 'start', 'probe.service');
	is($r->{status}, 0, 'the probe ran') or diag($m->must('journalctl', '-u', 'probe', '-n', '20'));
	my %can = $m->must('cat', '/run/probe.out') =~ /^(.+): (.+)$/mg;
	return \%can;
}

sub may {
	my ($can, @what) = @_;
	my @yes = sort grep { $can->{$_} eq 'yes' } keys %$can;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	cmp_ok(scalar keys %$can, '>', 15, 'much was tried');
	is(join("\n", @yes), join("\n", sort @what), 'what it may do, and nothing else') or diag(explain($can));
}

my @shared = ('read /etc/store-platform/store-platform.conf', 'read /var/lib/store-platform/provisioner/seal.pub',
	'write in /var/lib/store-platform/database', 'ring the provisioner');

subtest '7.3: who has taken over a process of the pool' => sub {
	may(probe('store-api@.service'), @shared, 'read /var/lib/store-platform/api/api.key', 'write in /var/lib/store-platform/api');
};

subtest '7.4: who has taken over the provisioner' => sub {
	my $filters = $m->run(qw(systemd-run --wait --pipe --quiet -p IPAddressDeny=any perl -MIO::Socket::INET -e),
		'exit !defined send IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1:9"), "x", 0')->{status} ne '0';
	note('systemd cannot filter packets in this container (cgroup BPF): whom it may send to is not seen') unless $filters;
	may(probe('store-provisioner.service'), @shared, 'read /var/lib/store-platform/provisioner/seal.key',
		'write in /var/lib/store-platform/provisioner', 'connect to the cluster', 'read the credentials',
		'run /usr/local/bin/helm', 'run /usr/sbin/store-worker', $filters ? () : 'send to another machine');
};

sub send_signal { my ($name, $unit) = @_; $m->must('systemctl', 'kill', '--kill-whom=main', "--signal=$name", $unit) }

subtest '7.5: killed and hung' => sub {
	my $pid = $m->property('store-api@1.service', 'MainPID');
	send_signal('KILL', 'store-api@1.service');
	is(scalar(grep { call('GET', '/api/health')->{status} == 200 } 1 .. 8), 8, 'a process of the pool: the others answer');
	Platform->wait_for('the process', sub { my $p = $m->property('store-api@1.service', 'MainPID'); $p && $p != $pid }, 30);
	pass('and it comes back');
	$pid = $m->property('store-provisioner.service', 'MainPID');
	send_signal('KILL', 'store-provisioner.service');
	Platform->wait_for('the provisioner', sub { $m->property('store-provisioner.service', 'ActiveState') eq 'active'
		&& $m->property('store-provisioner.service', 'MainPID') != $pid }, 30);
	pass('the provisioner comes back');
	is($m->property('store-provisioner.service', 'WatchdogUSec'), '1min', 'its watchdog is set');
	mkdir "$m->{dir}/etc/systemd/system/store-provisioner.service.d";
	$m->write('/etc/systemd/system/store-provisioner.service.d/quick.conf', "[Service]\nWatchdogSec=3\n");
	$m->must('systemctl', 'daemon-reload');
	$m->must('systemctl', 'restart', 'store-provisioner.service');
	$pid = $m->property('store-provisioner.service', 'MainPID');
	sleep 4; # longer than the watchdog waits: it is the signs of life that keep it
	is($m->property('store-provisioner.service', 'MainPID'), $pid, 'who gives signs of life is left alone');
	send_signal('STOP', 'store-provisioner.service');
	my $hung = time;
	Platform->wait_for('the watchdog', sub { $m->property('store-provisioner.service', 'ActiveState') eq 'active'
		&& $m->property('store-provisioner.service', 'MainPID') != $pid }, 60);
	cmp_ok(time - $hung, '<', 3 + 5 + 5, 'who hangs is replaced');
	like($m->must('journalctl', '-u', 'store-provisioner'), qr/Watchdog timeout/, 'by the watchdog');
	unlink "$m->{dir}/etc/systemd/system/store-provisioner.service.d/quick.conf";
	$m->must('systemctl', 'daemon-reload');
	is_well('all is well again');
};

subtest '4.7: the nightly backup' => sub {
	like($m->must('systemctl', 'list-timers', '--all'), qr/store-platform-backup\.timer/, 'it is due');
	is($m->run('systemctl', 'start', 'store-platform-backup.service')->{status}, 0, 'it works') or diag($m->must('journalctl', '-u', 'store-platform-backup'));
	my ($dir) = glob "$m->{dir}/var/lib/store-platform/backups/2*";
	is(join(' ', map { s{.*/}{}r } glob "$dir/*"), 'api.key seal.key store-platform.db', 'database and keys');
	like($m->must('journalctl', '-u', 'store-platform-backup'), qr/well: Every page, index entry and reference is sound/, 'and all was looked at');
};

# Asks until it is told to end, and says how often, and what went wrong.
sub client {
	pipe my $in, my $out or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		close $in;
		my ($stop, $n, @bad) = (0, 0);
		local $SIG{TERM} = sub { $stop = 1 };
		while (!$stop) {
			my $r = call('GET', '/api/me');
			$n++;
			push @bad, "$r->{status} $r->{content}" if $r->{status} != 200;
		}
		print $out "$n\n@bad";
		close $out;
		POSIX::_exit(0);
	}
	close $out;
	return sub {
		kill 'TERM', $pid;
		local $/;
		my ($n, $bad) = split /\n/, scalar(<$in>), 2;
		waitpid $pid, 0;
		return ($n, $bad);
	};
}

subtest '7.7, 1.6, 5.6: an upgrade with a job running' => sub {
	my ($newer, $keep) = Package::version($deb, '0.1.1');
	my $conf = $m->read('/etc/store-platform/store-platform.conf');
	my $socket = $m->property('store-api.socket', 'ActiveEnterTimestampMonotonic');
	my $end = client();
	my $id = store("Machine upgrade $$");
	Platform->wait_for('the job to run', sub { (call('GET', "/api/stores/$id")->{json}{progress}{index} // 0) >= 2 }, 60);
	my $r = $m->install($newer);
	is($r->{status}, 0, 'it is upgraded') or diag($r->{out});
	is($m->must('dpkg-query', '-W', '-f', '${Version}', 'store-platform'), '0.1.1', 'to the new version');
	is_well('all is well');
	my ($n, $bad) = $end->();
	cmp_ok($n, '>', 20, "$n requests meanwhile");
	is($bad // '', '', 'and none failed');
	my $store = wait_store($id, 'ready');
	like($m->must('journalctl', '-u', 'store-provisioner'), qr/stopping.*begun/s, 'the job was interrupted');
	is($m->property('store-api.socket', 'ActiveEnterTimestampMonotonic'), $socket, 'the socket was open all the time');
	is($m->read('/etc/store-platform/store-platform.conf'), $conf, 'the configuration is as it was');
	is(failed_units(), '', 'no unit failed');
	# As a newer version leaves it that has only added to the schema; t/720 has what is refused.
	my $mark = Package::run('sqlite3', "$m->{dir}/var/lib/store-platform/database/store-platform.db", 'PRAGMA user_version = 8009; PRAGMA user_version');
	is("$mark->{status} $mark->{out}", "0 8009\n", 'the database has a newer schema, whose floor is that of the older version');
	my $back = $m->install($deb, '--allow-downgrades');
	is($back->{status}, 0, 'then the older version may be installed again') or diag($back->{out});
	is($m->must('dpkg-query', '-W', '-f', '${Version}', 'store-platform'), '0.1.0', 'it is there');
	is_well('and all is at work');
	is(failed_units(), '', 'no unit failed');
	is(call('DELETE', "/api/stores/$id")->{status}, 200, 'the store can go');
	wait_store($id, 'deleted');
};

subtest '7.6: booted again' => sub {
	$m->stop;
	system('rm', '-rf', "$m->{dir}/var/lib/store-platform/backups", "$m->{dir}/var/lib/store-platform/acme") == 0 or die 'rm';
	$m->boot;
	is_well('all of it comes up by itself');
	is(call('GET', "/api/stores/$first")->{json}{status}, 'ready', 'with the store');
	ok(-d "$m->{dir}/var/lib/store-platform/$_", "$_ is made again") for qw(backups acme);
	is(failed_units(), '', 'no unit failed');
	is(call('DELETE', "/api/stores/$first")->{status}, 200, 'the store can go');
	wait_store($first, 'deleted');
};

subtest '7.7: removed, and installed again' => sub {
	my $r = $m->run('apt-get', '-q', '-y', 'remove', 'store-platform');
	is($r->{status}, 0, 'it is removed') or diag($r->{out});
	unlike($m->must('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'store*'), qr/ loaded | active /, 'no unit of it is left');
	is($m->run(qw(find /proc -maxdepth 1 ( -user store-api -o -user store-provisioner )))->{out}, '', 'no process runs');
	is($m->run('nginx', '-t', '-q')->{out}, '', 'nginx can be started');
	is_other();
	ok(-s "$m->{dir}/var/lib/store-platform/database/store-platform.db", 'the data is there');
	is($m->install($deb)->{status}, 0, 'an older one may be installed then');
	is_well('and goes on with data and site as they were');
};

subtest '7.2: nothing was refused that anybody needs' => sub {
	my @bad = grep { /not permitted|EPERM|SIGSYS|seccomp|core-dump|Permission denied/ && !/loopback network device|dbus-daemon|perl\[/ }
		split /\n/, $m->must('journalctl', '--no-pager', '-u', 'store*');
	is(join("\n", @bad), '', 'in the journal of all units');
};
done_testing();
