# NetworkRules.pm: NetworkPolicies of one namespace, worked out for two pods. A pod is
# {ns, labels}, or {ip} for a place outside of the cluster.
package NetworkRules;

use strict;
use warnings;

use Socket qw(inet_pton AF_INET AF_INET6);

sub in_range {
	my ($ip, $cidr) = @_;
	my ($net, $bits) = split m{/}, $cidr;
	my @family = map { /:/ ? AF_INET6 : AF_INET } $ip, $net;
	return 0 if $family[0] != $family[1];
	my ($a, $b) = map { unpack 'B*', inet_pton($family[0], $_) } $ip, $net;
	return substr($a, 0, $bits) eq substr($b, 0, $bits);
}

sub selects {
	my ($selector, $labels) = @_;
	my $match = $selector->{matchLabels} || {};
	return 0 if grep { ($labels->{$_} // '') ne $match->{$_} } keys %$match;
	for my $e (@{$selector->{matchExpressions} || []}) {
		my $in = grep { $_ eq ($labels->{$e->{key}} // '') } @{$e->{values} || []};
		return 0 if $e->{operator} eq 'In' ? !$in : $e->{operator} eq 'NotIn' ? $in
			: die "operator $e->{operator}";
	}
	return 1;
}

sub is_peer {
	my ($own, $peer, $pod) = @_;
	if (my $block = $peer->{ipBlock}) {
		return defined $pod->{ip} && in_range($pod->{ip}, $block->{cidr})
			&& !grep { in_range($pod->{ip}, $_) } @{$block->{except} || []};
	}
	return 0 if defined $pod->{ip};
	my $ns = $peer->{namespaceSelector};
	return 0 if $ns ? !selects($ns, {'kubernetes.io/metadata.name' => $pod->{ns}})
		: $pod->{ns} ne $own;
	return selects($peer->{podSelector} || {}, $pod->{labels});
}

# One side of a connection: "ingress" at its end, "egress" where it starts.
sub side_allows {
	my ($policies, $own, $side, $pod, $peer, $proto, $port) = @_;
	return 1 if defined $pod->{ip} || $pod->{ns} ne $own;	# not ours to say
	my @for_it = grep { selects($_->{spec}{podSelector}, $pod->{labels})
		&& grep { lc $_ eq $side } @{$_->{spec}{policyTypes}} } @$policies;
	die 'a pod is selected by no policy' unless @for_it;
	for my $rule (map { @{$_->{spec}{$side} || []} } @for_it) {
		my $peers = $rule->{$side eq 'ingress' ? 'from' : 'to'};
		next if $peers && !grep { is_peer($own, $_, $peer) } @$peers;
		next if $rule->{ports}
			&& !grep { $_->{protocol} eq $proto && $_->{port} == $port } @{$rule->{ports}};
		return 1;
	}
	return 0;
}

sub allowed {
	my ($policies, $own, $from, $to, $proto, $port) = @_;
	return side_allows($policies, $own, 'egress', $from, $to, $proto, $port)
		&& side_allows($policies, $own, 'ingress', $to, $from, $proto, $port);
}

1;
