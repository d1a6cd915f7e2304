# Account.pm: the platform's own account in the local Kubernetes, with the rights of
# charts/cluster-access.yaml and nothing more, and what the cluster saw it do.
package Account;

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Platform;

our $FILE = "$Platform::TOP/charts/cluster-access.yaml";
our $NAME = 'system:serviceaccount:store-platform:store-platform';

# Applies the file as kubectl does, and waits for the token.
sub make {
	my ($p) = @_;
	defined $p->kubectl('apply', '-f', $FILE) or die "kubectl does not take $FILE";
	$p->wait_for('the token', sub { length(token($p)) });
}

sub token {
	my ($p, $name) = @_;
	my $secret = $p->kube_json('-n', 'store-platform', 'get', 'secret', $name || 'store-platform-token');
	return decode_base64($secret->{data}{token} // '');
}

# Writes a kubeconfig for it.
sub kubeconfig {
	my ($p, $path, $token) = @_;
	my $text = Platform::slurp(Platform::cluster_file('kubeconfig'));
	$text =~ s/^  user:\n.*\z/"  user:\n    token: " . ($token || token($p)) . "\n"/mse or die 'kubeconfig';
	Platform::spew($path, $text, 0600);
	return $path;
}

# Calls of the account since `from` bytes of the log, and before `to` of them:
# {"group resource verb" => {status => count}}.
sub calls {
	my ($from, $to) = @_;
	my %seen;
	open my $in, '<', Platform::cluster_file('audit.log') or return {};
	seek $in, $from, 0;
	while (my $line = <$in>) {
		last if $to && tell($in) > $to;
		my $e = eval { JSON::PP::decode_json($line) } or next;
		my $ref = $e->{objectRef} or next;	# discovery has none
		my $what = join '/', grep { defined } $ref->{resource}, $ref->{subresource};
		$seen{($ref->{apiGroup} || '-') . " $what $e->{verb}"}{$e->{responseStatus}{code}}++;
	}
	return \%seen;
}

sub log_size { return -s Platform::cluster_file('audit.log') || 0 }

# What it may do, word by word: the golden matrix, for charts/cluster-access.yaml and
# charts/store-platform alike. role: what it binds itself to in the namespaces of stores;
# in_store: what it may in one of these.
sub rights {
	my ($role, $in_store) = @_;
	return {
		'namespaces' => 'get list create patch delete',
		$in_store ? (secrets => 'get list create update patch delete') : (),
		"clusterroles.rbac.authorization.k8s.io $role" => 'get bind',
		'rolebindings.rbac.authorization.k8s.io' => 'create',
		"rolebindings.rbac.authorization.k8s.io $role" => 'patch',
		(map { $_ => 'get create patch delete' } qw(configmaps services serviceaccounts limitranges
			ingresses.networking.k8s.io networkpolicies.networking.k8s.io jobs.batch cronjobs.batch)),
		(map { $_ => 'get list create patch delete' } qw(deployments.apps statefulsets.apps persistentvolumeclaims
			resourcequotas)),
		'pods' => 'list delete', 'pods/log' => 'get', 'events' => 'list', 'persistentvolumes' => 'list',
		'ingressclasses.networking.k8s.io' => 'list', 'storageclasses.storage.k8s.io' => 'list',
		'clusterissuers.cert-manager.io' => 'get',
	};
}

# What the cluster says that an account may in a namespace, in the same words.
sub listed {
	my ($p, $name, $namespace) = @_;
	my %may;
	for (split /\n/, $p->kubectl('auth', 'can-i', '--list', '--as', $name, '-n', $namespace || 'default')) {
		my ($what, $names, $verbs) = /^(\S+)\s+\[\]\s+\[(.*?)\]\s+\[(.*)\]$/ or next;
		$may{$names ? "$what $names" : $what} = $verbs unless $what =~ /^selfsubject/;	# everybody's
	}
	return \%may;
}

# A RoleBinding of a role, called like it, to a service account, as kubectl takes it.
sub binding {
	my ($namespace, $role, $subject, %more) = @_;
	my ($in, $name) = $subject =~ /^system:serviceaccount:(.*):(.*)$/;
	return JSON::PP::encode_json({apiVersion => 'rbac.authorization.k8s.io/v1', kind => 'RoleBinding',
		metadata => {name => $role, namespace => $namespace},
		roleRef => {apiGroup => 'rbac.authorization.k8s.io', kind => 'ClusterRole', name => $role},
		subjects => [{kind => 'ServiceAccount', name => $name, namespace => $in}], %more});
}

# What the two roles grant, in the words of calls().
sub granted {
	my ($p) = @_;
	my %may;
	for my $rule (map { @{$p->kube_json('get', 'clusterrole', $_)->{rules}} } qw(store-platform store-platform-store)) {
		for my $group (@{$rule->{apiGroups}}) {
			for my $what (@{$rule->{resources}}) {
				$may{($group || '-') . " $what $_"} = 1 for @{$rule->{verbs}};
			}
		}
	}
	return \%may;
}

1;
