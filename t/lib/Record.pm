# Record.pm: helm's release records, read and written behind helm's back, as a
# helm that was killed, or a person, leaves them.
#
#	Record::set($platform, 'shop', 'pending-install');   # of the newest record
#	Record::add($platform, 'shop', 'pending-upgrade');   # as one revision more
#	Record::spoil($platform, 'shop');                    # its payload becomes garbage
#	Record::remove($platform, 'shop');                   # all of them
package Record;

use strict;
use warnings;

use IO::Compress::Gzip qw(gzip);
use IO::Uncompress::Gunzip qw(gunzip);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);

my $json = JSON::PP->new->utf8->canonical;

# The records of a shop, oldest first.
sub all {
	my ($p, $slug) = @_;
	my $list = $p->kube_json('-n', "store-$slug", 'get', 'secret', '-l', "owner=helm,name=wc-$slug");
	return sort { $a->{metadata}{labels}{version} <=> $b->{metadata}{labels}{version} } @{$list->{items} || []};
}

sub newest { my ($p, $slug) = @_; return (all($p, $slug))[-1] || die "no record of $slug" }

sub payload {
	my ($record) = @_;
	my $packed = decode_base64(decode_base64($record->{data}{release}));
	gunzip(\$packed, \my $text) or die 'gunzip';
	return $json->decode($text);
}

sub with_payload {
	my ($record, $payload) = @_;
	my $text = $json->encode($payload);
	gzip(\$text, \my $packed) or die 'gzip';
	$record->{data}{release} = encode_base64(encode_base64($packed, ''), '');
	return $record;
}

sub put {
	my ($p, $verb, $record) = @_;
	my $path = "$p->{dir}/record.json";
	$_ = "$_" for values %{$record->{metadata}{labels}}; # a number that was compared is one in JSON
	delete @{$record->{metadata}}{qw(resourceVersion uid creationTimestamp managedFields)};
	Platform::spew($path, $json->encode($record));
	defined $p->kubectl($verb, '-f', $path) or die "kubectl $verb";
}

sub change {
	my ($record, $status) = @_;
	my $payload = payload($record);
	$payload->{info}{status} = $record->{metadata}{labels}{status} = $status;
	return with_payload($record, $payload);
}

sub set { my ($p, $slug, $status) = @_; put($p, 'replace', change(newest($p, $slug), $status)) }

sub add {
	my ($p, $slug, $status) = @_;
	my $record = change(newest($p, $slug), $status);
	my $payload = payload($record);
	my $n = ++$payload->{version};
	$record->{metadata}{labels}{version} = "$n";
	$record->{metadata}{name} = "sh.helm.release.v1.wc-$slug.v$n";
	put($p, 'create', with_payload($record, $payload));
}

sub spoil {
	my ($p, $slug) = @_;
	my $record = newest($p, $slug);
	$record->{data}{release} = encode_base64(encode_base64('garbage', ''), '');
	put($p, 'replace', $record);
}

sub remove {
	my ($p, $slug) = @_;
	$p->kubectl('-n', "store-$slug", 'delete', 'secret', '-l', "owner=helm,name=wc-$slug");
}

1;
