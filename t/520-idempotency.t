#!/usr/bin/perl
# Idempotency-Key: the same change asked for again, at once by many, after a restart,
# after a crash that lost the answer, with another body, by another user.
# also: sanitizers
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use AccountTest;
use Crowd;
use Test::More;

my $p = AccountTest->new(pool => 8, conf => {MAX_STORES => 100, MAX_STORES_PER_USER => 100});
my $mark = "$p->{dir}/crash";
$p->{conf}{STORE_CRASH_AT} = "create-committed=$mark";
$p->start;
my $admin = $p->first_admin;
my $boss = $p->add_token($admin, 'boss', 'admin');
$p->add_user($admin, 'other', 'operator');
my $other = $p->add_token($admin, 'other', 'operator');

sub key { my ($key, %opt) = @_; return (as => $boss, %opt, headers => {'Idempotency-Key' => $key}) }
sub stores { return $p->sql_one('SELECT count(*) FROM stores') }

subtest 'promise 1.2: one key, 50 at once' => sub {
	my @r = Crowd->start(50, sub {
		my $r = $p->post('/api/stores', {name => 'Fifty'}, key('fifty'), from => "127.70.$_[0].1");
		return [$r->{status}, $r->{json}{id}, $r->{content}];
	})->results;
	my @new = grep { $_->[0] == 201 } @r;
	is(scalar @new, 1, 'one makes it');
	is(scalar(grep { $_->[0] == 200 } @r), 49, 'and 49 hear of it');
	is(scalar(keys %{{map { $_->[1] => 1 } @r}}), 1, 'with one id');
	is(scalar(keys %{{map { $_->[2] => 1 } grep { $_->[0] == 200 } @r}}), 1, 'and the same bytes');
	is(stores(), 1, 'there is one store');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'create'"), 1, 'and one row of the log');
	my $made = JSON::PP->new->decode($new[0][2]);
	push @{$p->{secrets}}, $made->{admin_password};
	ok($made->{admin_password_available}, 'the first answer has the password');
	my $again = $p->post('/api/stores', {name => 'Fifty'}, key('fifty'))->{json};
	is(exists $again->{admin_password} ? 1 : 0, 0, 'no other has');
	ok(defined $again->{admin_password_available} && !$again->{admin_password_available}, 'and says so');
	delete @$_{qw(admin_password admin_password_available)} for $made, $again;
	is_deeply($again, $made, 'the rest is the same');
};

subtest 'what is another request' => sub {
	for (['another name', {name => 'Sixty'}], ['a field more', {name => 'Fifty', plan => 'small'}]) {
		my ($name, $body) = @$_;
		$p->check($p->post('/api/stores', $body, key('fifty')), 422, 'idempotency_key_reused', $name);
	}
	my ($id) = map { $_->[0] } $p->sql('SELECT id FROM stores');
	$p->check($p->delete("/api/stores/$id", key('fifty')), 422, 'idempotency_key_reused', 'another route');
	$p->check($p->post('/api/stores', {name => 'Fifty'}, key('fifty', as => $other)), 409, 'duplicate_name', 'a key is its user\'s alone');
	$p->check($p->post('/api/stores', {name => 'Fifty'}, as => $boss), 409, 'duplicate_name', 'and without one it is a new request');
	my $r = $p->post('/api/stores', {name => ''}, key('faulty'));
	$p->check($r, 400, 'validation_failed', 'what was refused');
	$p->check($p->post('/api/stores', {name => 'Faulty no more'}, key('faulty')), 201, '', 'is not kept');
	$p->check($p->post('/api/stores', {name => 'Bad key'}, key($_)), 400, 'bad_request', 'a key that is none')
		for 'a b', "x\ty", 'x' x 256;
	$p->check($p->post('/api/stores', {name => 'Long key'}, key('x' x 255)), 201, '', 'the longest one');
	is(stores(), 3, 'three stores');
};

subtest 'promise 5.7: an answer that was lost' => sub {
	Platform::spew($mark, '');
	my $body = {name => 'Lost', adminPassword => 'given-Pass-1'};
	push @{$p->{secrets}}, 'given-Pass-1';
	$p->check($p->post('/api/stores', $body, key('lost')), 502, 'api_unavailable', 'the process dies after the commit');
	ok(!-e $mark, 'there');
	my $r = $p->post('/api/stores', $body, key('lost'));
	$p->check($r, 200, '', 'asked again');
	is($r->{json}{name}, 'Lost', 'it is the store');
	is(stores(), 4, 'which was made once');
	is($p->stop('api'), 0, 'the pool is restarted');
	$p->start_pool;
	is($p->post('/api/stores', $body, key('lost'))->{content}, $r->{content}, 'and still says the same');
};

subtest 'delete and retry' => sub {
	my ($id) = map { $_->[0] } $p->sql("SELECT id FROM stores WHERE slug = 'lost'");
	my $path = "/api/stores/$id";
	$p->play("UPDATE jobs SET state = 'failed', finalized_at = 1 WHERE store_id = '$id'; UPDATE stores SET status = 'failed' WHERE id = '$id'");
	my @r = map { $p->post("$path/retry", undef, key('retry')) } 1, 2;
	$p->check($r[0], 200, '', 'a retry');
	is($r[1]{content}, $r[0]{content}, 'a second time it is the same one');
	$p->check($p->post("$path/retry", undef, key('another')), 409, 'not_failed', 'with another key it is another');
	@r = map { $p->delete($path, key('delete')) } 1, 2;
	$p->check($r[0], 200, '', 'a delete');
	$p->play("UPDATE jobs SET state = 'done', finalized_at = 1 WHERE store_id = '$id' AND state = 'queued';
		UPDATE stores SET status = 'deleted', deleted_at = 1 WHERE id = '$id'");
	is($p->delete($path, key('delete'))->{content}, $r[0]{content}, 'is the same one even when it is done');
	$p->check($p->delete($path, key('later')), 404, 'store_not_found', 'with another key there is nothing');
	is($p->sql_one("SELECT count(*) FROM audit_log WHERE action = 'delete_start'"), 1, 'one row of the log');
};

subtest 'a key is kept for a day' => sub {
	$p->play('UPDATE idempotency SET created_at = created_at - 24 * 3600 * 1000');
	$p->check($p->post('/api/stores', {name => 'Fifty'}, key('fifty')), 409, 'duplicate_name', 'and then it is new');
	my $r = $p->post('/api/stores', {name => 'Next day'}, key('fifty'));
	$p->check($r, 201, '', 'for anything');
	is($p->sql_one('SELECT count(*) FROM idempotency'), 1, 'and the old ones are gone');
};
is($p->sql_one("SELECT count(*) FROM idempotency WHERE key LIKE '%fifty%' OR request LIKE '%Next%'"), 0, 'neither can be read');
$p->finish;
