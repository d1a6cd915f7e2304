# Schema.pm: JSON Schema as far as our OpenAPI document uses it. What it does not
# know is a fault, so that no keyword is passed over in silence.
#
#	my $schema = Schema->new($document);
#	my @wrong = $schema->check({'$ref' => '#/components/schemas/Store'}, $value);
package Schema;

use strict;
use warnings;

use B ();
use JSON::PP ();

sub new { my ($class, $document) = @_; return bless {document => $document}, $class }

# Follows a "$ref" within the document.
sub resolve {
	my ($self, $node) = @_;
	while (ref $node eq 'HASH' && defined(my $to = $node->{'$ref'})) {
		$node = $self->{document};
		for (split m{/}, $to =~ s/^#\///r) {
			s/~1/\//g;
			$node = $node->{$_} // die "$to leads nowhere\n";
		}
	}
	return $node;
}

sub type_of {
	my ($value) = @_;
	return 'null' unless defined $value;
	return JSON::PP::is_bool($value) ? 'boolean' : ref $value eq 'HASH' ? 'object' : 'array' if ref $value;
	# A number of JSON is one that was never text.
	my $flags = B::svref_2object(\$value)->FLAGS;
	return 'string' if $flags & B::SVf_POK;
	return $flags & B::SVf_IOK || $value == int $value ? 'integer' : 'number';
}

my %keyword = (
	type => sub {
		my ($self, $want, $value) = @_;
		my $is = type_of($value);
		return () if grep { $_ eq $is || $_ eq 'number' && $is eq 'integer' } ref $want ? @$want : $want;
		return "is $is";
	},
	enum => sub { my ($self, $words, $value) = @_; return grep({ $_ eq ($value // '') } @$words) ? () : 'is no word of the list' },
	pattern => sub { my ($self, $re, $value) = @_; return type_of($value) ne 'string' || $value =~ /$re/ ? () : "does not fit $re" },
	minLength => sub { my ($self, $n, $value) = @_; return type_of($value) ne 'string' || length $value >= $n ? () : 'is too short' },
	maxLength => sub { my ($self, $n, $value) = @_; return type_of($value) ne 'string' || length $value <= $n ? () : 'is too long' },
	minimum => sub { my ($self, $n, $value) = @_; return !defined $value || $value >= $n ? () : 'is too small' },
	maximum => sub { my ($self, $n, $value) = @_; return !defined $value || $value <= $n ? () : 'is too large' },
	items => sub {
		my ($self, $schema, $value) = @_;
		return () unless ref $value eq 'ARRAY';
		return map { my $i = $_; map { "[$i]$_" } $self->check($schema, $value->[$i]) } 0 .. $#$value;
	},
	required => sub {
		my ($self, $keys, $value) = @_;
		return ref $value eq 'HASH' ? map { exists $value->{$_} ? () : ".$_ is missing" } @$keys : ();
	},
	properties => sub {
		my ($self, $of, $value) = @_;
		return () unless ref $value eq 'HASH';
		return map { my $key = $_; map { ".$key$_" } $self->check($of->{$key}, $value->{$key}) } grep { exists $value->{$_} } sort keys %$of;
	},
	additionalProperties => sub {
		my ($self, $may, $value, $schema) = @_;
		return () if $may || ref $value ne 'HASH';
		return map { ".$_ is not described" } grep { !exists $schema->{properties}{$_} } sort keys %$value;
	},
	anyOf => sub {
		my ($self, $of, $value) = @_;
		my @wrong;
		for my $schema (@$of) {
			my @one = $self->check($schema, $value) or return ();
			push @wrong, @one;
		}
		return @wrong;
	},
	map { $_ => sub { () } } qw(description examples default),
);

# What is wrong with a value: "PLACE SENTENCE", one each; nothing if it fits.
sub check {
	my ($self, $schema, $value) = @_;
	my $node = $self->resolve($schema);
	my @wrong;
	for (sort keys %$node) {
		my $rule = $keyword{$_} or return " has the unknown keyword $_";
		push @wrong, map { /^[.\[]/ ? $_ : " $_" } $rule->($self, $node->{$_}, $value, $node);
	}
	return @wrong;
}

1;
