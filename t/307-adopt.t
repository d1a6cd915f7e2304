#!/usr/bin/perl
# storectl adopt: shops that the platform's first chart made (t/fixtures/seed-chart), by both
# lines of helm, become stores of ours in place. Cut short at any point it is done again;
# what is no such shop is refused, and stays as it is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChartTest;
use PlatformTest;
use Record;
use Test::More;

ChartTest::need();

my $seed = "$Platform::TOP/t/fixtures/seed-chart";
my $p = PlatformTest->new(pool => 1, conf => {MAX_STORES => 30, MAX_CONCURRENT_PROVISIONS => 4,
	MAX_CONCURRENT_DELETIONS => 4, RECONCILE_SECONDS => 1, HELM => Platform::helm('helm4')});
# Sizes and a class that no claim of before has: they are for new stores.
$p->{conf}{HELM_VALUES_FILE} = "$p->{dir}/values.json";
Platform::spew($p->{conf}{HELM_VALUES_FILE}, ChartTest::encode({map { $_ => {storage => '7Gi', storageClass => 'other'} } qw(mariadb wordpress)}));
$p->start;

my $PLATFORM = 'store-platform.io/platform';

# A shop of the first chart; %more: values.
sub seed {
	my ($line, $slug, %more) = @_;
	ChartTest::went_well(ChartTest::kubectl('', 'create', 'namespace', "store-$slug"), "namespace of $slug");
	ChartTest::went_well(ChartTest::helm($line, ChartTest::encode({storeName => $slug, storeDomain => "$slug.$p->{conf}{BASE_DOMAIN}", %more}),
		'upgrade', '--install', "wc-$slug", $more{chart} // $seed, '-n', "store-$slug", '-f', '-'), "$line: the first chart, $slug");
}

# Who each object is, what claims and Secrets hold, which pods are found.
sub identities {
	my ($slug) = @_;
	my @which = map { ("statefulset/$slug-$_", "deployment/$slug-$_", "service/$slug-$_", "pvc/$slug-$_-data") } qw(mariadb wordpress);
	my %found;
	for my $o (ChartTest::live("store-$slug", grep { !m{statefulset/.*wordpress|deployment/.*mariadb} } @which,
		"ingress/$slug-ingress", "secret/$slug-db-secret", "secret/$slug-wp-secret")) {
		my $selector = $o->{kind} =~ /^(?:StatefulSet|Deployment)$/ ? $o->{spec}{selector}{matchLabels} : {};
		$found{"$o->{kind}/$o->{metadata}{name}"} = join ' ', $o->{metadata}{uid}, $o->{spec}{volumeName} // '',
			$o->{spec}{resources}{requests}{storage} // '', $o->{spec}{storageClassName} // '',
			(map { "$_=$selector->{$_}" } sort keys %$selector),
			map { "$_=$o->{data}{$_}" } sort keys %{$o->{kind} eq 'Secret' ? $o->{data} : {}};
	}
	return \%found;
}

sub wait_pods {
	my ($slug) = @_;
	ChartTest::went_well(ChartTest::kubectl('', '-n', "store-$slug", 'wait', 'pvc', '--all',
		'--for=jsonpath={.status.phase}=Bound', '--timeout=120s'), "$slug: the claims are bound");
}

sub namespace { return $p->kube_json('get', 'namespace', "store-$_[0]")->{metadata} }

sub adopt {
	my ($slug, @options) = @_;
	return $p->storectl('adopt', @options, "store-$slug");
}

# It is a store like any other, and nothing of it was made again.
sub is_adopted {
	my ($slug, $before, $id) = @_;
	my $end = $p->wait_status($id, 'ready|failed');
	is($end->{status}, 'ready', "$slug: the provisioner makes it ready") or diag $end->{error_message};
	is_deeply(identities($slug), $before, "$slug: claims, Secrets, selectors and all else are what they were");
	my $n = namespace($slug);
	is("$n->{labels}{'store-platform.io/store-id'} $n->{labels}{'pod-security.kubernetes.io/enforce'}",
		"$id restricted", "$slug: the namespace is one of ours");
	my @job = map { $_->{metadata}{name} } ChartTest::live("store-$slug", 'jobs');
	is(join(' ', grep { !/-wp-cron-/ } @job), "$slug-wc-init-2", "$slug: the old hook is gone, ours ran");
	my ($pod) = grep { !$_->{metadata}{deletionTimestamp} } ChartTest::live("store-$slug", 'pods', '-l', 'app=mariadb');
	is($pod->{spec}{securityContext}{runAsUser}, 1001, "$slug: the data's owner stays");
	return $end;
}

subtest 'helm 3 and helm 4' => sub {
	my (%before, %told);
	for my $line (@ChartTest::LINES) {
		my $slug = "taken-$line";
		seed($line, $slug);
		wait_pods($slug);
		$before{$slug} = identities($slug);
		is(scalar keys %{$before{$slug}}, 9, "$slug: everything is there");
		my $r = adopt($slug, '--json');
		is("$r->{status} $r->{err}", '0 ', "$slug: it is adopted");
		my $told = $told{$slug} = ChartTest::decode($r->{out});
		is("$told->{namespace} $told->{adopted} $told->{chart}", "store-$slug 1 woocommerce-store 0.1.0", "$slug: which is told");
		for my $which ('db', 'wp') {
			my ($secret) = ChartTest::live("store-$slug", "secret/$slug-$which-secret");
			is($secret->{metadata}{annotations}{'helm.sh/resource-policy'}, 'keep', "$slug: its Secret $which is kept");
		}
	}
	for my $slug (sort keys %told) {
		my $told = $told{$slug};
		my $row = is_adopted($slug, $before{$slug}, $told->{id});
		is("$row->{name} $row->{plan} $row->{admin_user} $row->{store_url}", "$slug small admin http://$slug.$p->{conf}{BASE_DOMAIN}", "$slug: its row");
		is($p->sql_one("SELECT details ->> 'chart' FROM audit_log WHERE action = 'namespace_adopted' AND store_id = '$told->{id}'"), 'woocommerce-store 0.1.0', "$slug: the audit tells");
		my $r = adopt($slug);
		is("$r->{status} $r->{out}", "0 store-$slug is a store already (store $told->{id}).\n", "$slug: once more is no harm");
		# What the row's values say is what a later upgrade gives.
		my $values = ChartTest::decode($p->sql_one("SELECT release_values FROM stores WHERE id = '$told->{id}'"));
		is("$values->{mariadb}{storage} $values->{mariadb}{runAsUser} $values->{wordpress}{storage}", '2Gi 1001 2Gi', "$slug: sizes and owner are among its values");
		$p->delete("/api/stores/$told->{id}");
	}
	for my $slug (sort keys %told) {
		$p->wait_status($told{$slug}{id}, 'gone|failed');
		$p->is_gone($slug, "$slug: deleted, it leaves nothing");
	}
};

subtest 'cut short at any point' => sub {
	my $mark = "$p->{dir}/mark";
	my @cuts = map { {STORE_CRASH_AT => $_} } "adopt-kept=$mark", "adopt-labelled=$mark", "adopt-written=$mark";
	my @points = map { $_->{STORE_CRASH_AT} =~ /^([a-z-]+)=/ } @cuts;
	is(join(' ', Platform::slurp("$Platform::TOP/src/ctl/adopt.c") =~ /crash_point\("([a-z-]+)"\)/g), "@points", 'these are all');
	my %cut;
	for my $point (@points) {
		my $slug = "cut-$point";
		seed('helm3', $slug);
		wait_pods($slug);
		my $before = identities($slug);
		Platform::spew($mark, '');
		{
			local $p->{preload} = shift @cuts;
			is(adopt($slug)->{status}, 'signal 9', "$point: it dies");
		}
		my $label = namespace($slug)->{labels}{'store-platform.io/store-id'};
		# The reconciling look may have found it in this state.
		$p->wait_for('it to be found', sub { $p->sql_one("SELECT count(*) FROM strays WHERE namespace = 'store-$slug'") })
			if $label && !$p->sql_one("SELECT count(*) FROM stores WHERE slug = '$slug'");
		my $r = adopt($slug);
		is("$r->{status} $r->{err}", '0 ', "$point: it is done again");
		my $id = $p->sql_one("SELECT id FROM stores WHERE slug = '$slug'");
		is($id, $label, "$point: with the id of before") if $label;
		$cut{$point} = [$slug, $before, $id];
	}
	for my $point (@points) {
		my ($slug, $before, $id) = @{$cut{$point}};
		is_adopted($slug, $before, $id);
		is($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'namespace_adopted' AND store_id = '$id'"), 1, "$point: told once");
		is($p->sql_one("SELECT count(*) FROM strays WHERE namespace = 'store-$slug'"), 0, "$point: and no stray any more");
	}
};

subtest 'a store that was imported' => sub {
	my $id = '00000007-1111-4111-8111-111111111111';
	my $file = "$p->{dir}/run/stores.db";
	seed('helm3', 'kept-shop');
	wait_pods('kept-shop');
	my $before = identities('kept-shop');
	system('sqlite3', $file, "CREATE TABLE stores (id, name, slug, type, status, namespace, store_url, admin_url, error_message, provision_started_at,
		provision_finished_at, created_at, updated_at); CREATE TABLE audit_log (id INTEGER PRIMARY KEY, store_id, action, details, ip_address, created_at);
		INSERT INTO stores VALUES ('$id', 'Kept Shop & Sons', 'kept-shop', 'woocommerce', 'ready', 'store-kept-shop', 'http://old', 'http://old/wp-admin',
		NULL, '2026-02-08 12:00:01', '2026-02-08 12:02:30', '2026-02-08 12:00:00', '2026-02-08 13:00:00')") == 0 or die;
	like($p->storectl('import', $file)->{out}, qr/^Imported 1 stores/, 'it is imported');
	my $r = $p->storectl('namespace', 'adopt', 'store-kept-shop');
	is("$r->{status} $r->{err}", '0 ', 'and adopted, by the longer name of the command');
	my $row = is_adopted('kept-shop', $before, $id);
	is("$row->{name} $row->{created_at} $row->{store_url}", "Kept Shop & Sons 2026-02-08T12:00:00.000Z http://kept-shop.$p->{conf}{BASE_DOMAIN}", 'its row is the one that came');
	is($p->sql_one("SELECT count(*) FROM stores WHERE slug = 'kept-shop'"), 1, 'there is no second one');
};

subtest 'what is no such shop is refused and untouched' => sub {
	my $refused = sub {
		my ($slug, $said, $name) = @_;
		my $look = sub { join "\n", sort map { "$_->{kind}/$_->{metadata}{name} $_->{metadata}{resourceVersion}" }
			ChartTest::live("store-$slug", 'secrets,jobs,pvc'), {kind => 'Namespace', metadata => namespace($slug)} };
		my $before = defined $p->kubectl('get', 'namespace', "store-$slug") ? $look->() : '';
		my $r = adopt($slug);
		is("$r->{status} $r->{out}", '1 ', "$name: refused");
		like($r->{err}, qr/\Astorectl: [^\n]*$said[^\n]*\n\z/, "$name: with a sentence");
		is($look->(), $before, "$name: untouched") if $before;
		is($p->sql_one("SELECT count(*) FROM stores WHERE slug = '$slug' AND status NOT IN ('failed', 'deleted')"), 0, "$name: no row");
	};
	$refused->('nowhere', 'has no namespace store-nowhere', 'no namespace');
	$p->kubectl('create', 'namespace', 'store-plain');
	$refused->('plain', 'no release wc-plain of the chart', 'no release');
	my $other = "$p->{dir}/other";
	system('cp', '-r', $seed, $other) == 0 or die;
	Platform::spew("$other/Chart.yaml", "apiVersion: v2\nname: another\nversion: 1.0.0\n");
	seed('helm3', 'stranger', chart => $other);
	$refused->('stranger', 'no release wc-stranger of the chart', 'another chart');
	seed('helm3', '9-lives');
	$refused->('9-lives', 'begins with a digit', 'a digit first');
	seed('helm3', 'shop');
	wait_pods('shop');
	$p->kubectl('label', 'namespace', 'store-shop', "$PLATFORM=another");
	$refused->('shop', 'belongs to another platform', 'the label of another platform');
	$p->kubectl('label', 'namespace', 'store-shop', "$PLATFORM-");
	Record::add($p, 'shop', 'pending-upgrade');
	$refused->('shop', '"pending-upgrade": a helm of somebody else is at work', 'a helm at work');
	$p->kubectl('-n', 'store-shop', 'delete', 'secret', 'sh.helm.release.v1.wc-shop.v2');
	my $mine = $p->create(name => 'Shop');
	is($p->wait_status($mine->{id}, 'ready|failed')->{error_code}, 'namespace_not_ours', 'a store of ours of that name fails');
	$refused->('shop', 'Another store \(.*\) has the address name "shop"', 'a store of ours of that name');
	$p->delete("/api/stores/$mine->{id}");
	$p->wait_status($mine->{id}, 'gone');
	{
		local $p->{conf}{BASE_DOMAIN} = 'elsewhere.example.org';
		$refused->('shop', 'answers at shop\.127-0-0-1\.nip\.io, and would answer at shop\.elsewhere', 'another address');
	}
	$p->kubectl('-n', 'store-shop', 'delete', 'secret', 'shop-db-secret');
	$refused->('shop', 'its Secret shop-db-secret is missing', 'a Secret that is missing');
	is($p->storectl('adopt')->{status}, 2, 'no name');
	is($p->storectl('adopt', 'kube-system')->{status}, 2, 'a namespace of the cluster');
	$p->kubectl('delete', 'namespace', '--wait=false', map { "store-$_" } qw(plain stranger 9-lives shop));
};

$p->delete("/api/stores/$_->{id}") for @{$p->get('/api/stores')->{json}};
$p->wait_for('the cluster to be empty', sub { !@{$p->get('/api/stores')->{json}} });
$p->{played} = 1; # an imported row is not all as ours are
$p->finish;
