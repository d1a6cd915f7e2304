# AccountTest.pm: ApiTest.pm with accounts.
#
#	my $p = AccountTest->new;
#	$p->start;
#	my $admin = $p->first_admin;			# a cookie
#	my $r = $p->get('/api/users', as => $admin);	# or a token, or undef
#
# What is asked with a cookie says which page it comes from, as a browser does.
package AccountTest;

use strict;
use warnings;

use parent 'ApiTest';

our $PASSWORD = 'correct horse battery';

sub new {
	my ($class, %arg) = @_;
	return $class->SUPER::new(%arg, conf => {AUTH => 'on', %{$arg{conf} || {}}});
}

sub request {
	my ($self, $method, $path, %opt) = @_;
	my %headers;
	my $as = delete $opt{as} // '';
	if ($as =~ /^spt_/) {
		$headers{Authorization} = "Bearer $as";
	} elsif (length $as) {
		$headers{Cookie} = $as;
		# A browser's page would say of what type even nothing is.
		%headers = (%headers, Origin => $self->{url}, 'Sec-Fetch-Site' => 'same-origin',
			$method =~ /^(?:GET|HEAD)$/ ? () : ('content-type' => 'application/json'));
	}
	return $self->SUPER::request($method, $path, %opt, headers => {%headers, %{$opt{headers} || {}}});
}

sub patch { my ($self, $path, $body, %opt) = @_; return $self->request('PATCH', $path, json => $body, %opt) }

# The tokens that were printed for a first account, oldest first, once there are so many.
sub setup_tokens {
	my ($self, $count) = @_;
	my @tokens;
	$self->wait_for('a set-up token', sub {
		@tokens = Platform::slurp("$self->{dir}/api.log") =~ /by POST \/api\/setup with the token (\w+)/g;
		@tokens >= ($count // 1);
	});
	return @tokens;
}

# The cookie of an answer, as a browser sends it back.
sub cookie_of {
	my ($r) = @_;
	my ($cookie) = ($r->{headers}{'set-cookie'} // '') =~ /^([^;]+)/;
	die "no cookie: $r->{status} $r->{content}\n" unless $cookie;
	return $cookie;
}

sub login {
	my ($self, $name, $password, %opt) = @_;
	my $r = $self->post('/api/login', {name => $name, password => $password // $PASSWORD}, %opt);
	push @{$self->{secrets}}, cookie_of($r) =~ /=(.*)/;
	return cookie_of($r);
}

# The first account, by the token in the log: its cookie.
sub first_admin {
	my ($self, $name) = @_;
	push @{$self->{secrets}}, $PASSWORD;
	my ($token) = reverse $self->setup_tokens;
	my $r = $self->post('/api/setup', {token => $token, name => $name // 'boss', password => $PASSWORD});
	push @{$self->{secrets}}, cookie_of($r) =~ /=(.*)/;
	return cookie_of($r);
}

# Another account: its cookie.
sub add_user {
	my ($self, $admin, $name, $role) = @_;
	my $r = $self->post('/api/users', {name => $name, role => $role, password => $PASSWORD}, as => $admin);
	die "user: $r->{status} $r->{content}\n" if $r->{status} != 201;
	return $self->login($name);
}

sub add_token {
	my ($self, $admin, $user, $scope) = @_;
	my $r = $self->post('/api/tokens', {name => "of $user", user => $user, scope => $scope}, as => $admin);
	die "token: $r->{status} $r->{content}\n" if $r->{status} != 201;
	push @{$self->{secrets}}, $r->{json}{token};
	return $r->{json}{token};
}

1;
