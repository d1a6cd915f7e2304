# What real containers say when they fail: the store's sentence names the cause and carries the
# end of their log. t/310-stuck.t has more causes and what becomes of them, on played
# containers; here it is shown that a real kubelet tells the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use RealNode;
use Test::More;

RealNode::need();

my $p = RealNode::platform(MAX_STORES => 50, MAX_CONCURRENT_PROVISIONS => 20, PROVISION_ATTEMPTS => 1);

# name, values, code, what the sentence says
my @cases = (
	['memory', {mariadb => {resources => {limits => {memory => '40Mi'}}}}, 'out_of_memory',
		qr/container mariadb of the store's database ran out of its memory limit of 40Mi/],
	['crash', {mariadb => {bufferPool => '900000G'}}, 'crash_loop',
		qr/container mariadb of the store's database crashes again and again \(exit status 1\)/,
		qr/Its last lines: .*the temporary server did not start$/],
	['no program', {mariadb => {image => "$RealNode::images/coredns:1"}}, 'container_config',
		qr/container mariadb of the store's database cannot be started \(.*exec: "sh": executable file not found/],
	['image', {wordpress => {image => "$RealNode::images/absent:1"}}, 'image_pull',
		qr{The image $RealNode::images/absent:1 of the store's WordPress cannot be pulled \(.*(?:not found|refused)},
		qr/Check its name and the registry's access/],
	['set-up', {wcInit => {backoffLimit => 0}, woocommerce => {package => '/nowhere/absent.zip'}}, 'job_failed',
		qr/WooCommerce set-up failed \(BackoffLimitExceeded/,
		qr/Its last lines: .*Error: There is no stand-in for absent\.$/],
	['set-up memory', {wcInit => {resources => {requests => {memory => '16Mi'}, limits => {memory => '24Mi'}}}},
		'out_of_memory',
		qr/container wc-init of the store's WooCommerce set-up ran out of its memory limit of 24Mi/],
);

sub begin {
	my ($name, $values) = @_;
	RealNode::values_file($p, $values);
	my $store = $p->create(name => "$name $$");
	$p->wait_for("helm for $name", sub {
		grep { $_->{step} eq 'release' && $_->{state} eq 'done' } $p->events($store->{id});
	}, 300);
	return $store;
}

$p->start;
my %store = map { $_->[0] => begin(@$_) } @cases;
for my $case (@cases) {
	my ($name, undef, $code, @says) = @$case;
	my $told;
	RealNode::wait_until("$name: the store says $code", sub {
		($told) = map { $_->{details}{error} } grep { $_->{details}{code} eq $code }
			@{$p->get("/api/stores/audit/log?store_id=$store{$name}{id}&action=provision_stuck")->{json}};
		return defined $told;
	}) or diag(map { "$_->{step} $_->{state} $_->{message}\n" } $p->events($store{$name}{id}));
	like($told // '', $_, "$name: it says") for @says;
	note($told // 'nothing');
}

$p->finish;
RealNode::leave(values %store);
