# ImageTest.pm: the platform of PlatformTest.pm out of its two images, as a cluster would
# run them: each container by runc as the image's user, without capabilities, with a
# root that cannot be written, parts of a volume and a /tmp, as charts/store-platform has
# it: the provisioner is a user of its own. Their network is the machine's.
#
#	ImageTest::need();              # else the test is skipped, with a sentence
#	my $p = ImageTest->new;         # builds the images, if they are not there
#	$p->start;                      # three containers: provisioner, api, nginx
#
# With STORE_IMAGE_ARCH they are those for that architecture, and run by emulation.
package ImageTest;

use strict;
use warnings;

use Fcntl qw(:flock);
use File::Temp ();
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use Package;
use Test::More ();

use parent 'PlatformTest';

my $volume = '/var/lib/store-platform';
# What of the volume a container sees, as who: folders that it writes, and that it reads.
my %part = (
	'store-provisioner' => {uid => 10002, rw => [qw(database provisioner run)], ro => [qw(kube)]},
	'' => {uid => 10001, rw => [qw(database api run)], ro => [qw(provisioner)]},
);
chomp(my $machine = `dpkg --print-architecture`);
my $arch = $ENV{STORE_IMAGE_ARCH} || $machine;
my $tag = $arch eq $machine ? 'latest' : $arch;
my (@storage, %root, %says);	# buildah with its options; where an image's files are; what it says

sub need {
	my $why = $> == 0 ? '' : 'only root can build and run the images';
	for my $program (qw(buildah runc mmdebstrap)) {
		$why ||= "$program is missing: ./dev deps" unless grep { -x "$_/$program" } split(/:/, $ENV{PATH}), '/usr/sbin';
	}
	Test::More::plan(skip_all => $why) if $why;
	PlatformTest::need_cluster();
}

sub buildah {
	my (@args) = @_;
	my $r = Package::run(@storage, @args);
	die "buildah @args: $r->{out}" if $r->{status} ne '0';
	chomp $r->{out};
	return $r->{out};
}

# Names of images are those of every checkout on this machine, and what one build leaves another
# removes, so one test at a time builds, and goes from names to images: as long as it has this.
sub lock_images {
	open my $lock, '>', '/run/store-platform-images.lock' or die "lock: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	return $lock;
}

# Builds both images; returns the lock.
sub make {
	my $lock = lock_images();
	open(my $out, '-|', "$Platform::TOP/t/images/build", '--arch', $arch) or die "t/images/build: $!";
	chomp(@storage = <$out>);
	close $out or die "the images cannot be built\n";
	return $lock;
}

# How the values of the chart call them: (api => NAME:VERSION, nginx => ...).
sub names {
	return Platform::slurp("$Platform::TOP/charts/store-platform/values.yaml") =~ /^  (api|nginx): (store-platform-\w+:\S+)$/mg;
}

# Their archives, by these names.
sub archives {
	my ($dir) = @_;
	my $lock = make();
	my %names = names();
	my @archives;
	for my $name (sort values %names) {
		my ($image) = split /:/, $name;
		buildah('push', '--quiet', '--disable-compression', "localhost/$image:$tag", "oci-archive:$dir/$image.tar:docker.io/library/$name");
		push @archives, "$dir/$image.tar";
	}
	return @archives;
}

# Builds both images and makes their files visible, until the test ends.
sub build {
	my $lock = make();
	for my $name (qw(api nginx)) {
		buildah('from', '--arch', $arch, '--pull-never', '--name', "test-$name-$$", "localhost/store-platform-$name:$tag");
		$root{$name} = buildah('mount', "test-$name-$$");
		$says{$name} = decode_json(buildah('inspect', '--type', 'image', "localhost/store-platform-$name:$tag"))->{OCIv1};
	}
}

# The stage that builds, with a helm that is not the one of the pinned checksum, and with
# more options: {status, out}.
sub build_with_helm {
	my ($text, @options) = @_;
	my $lock = lock_images();
	my $dir = File::Temp->newdir;
	my ($version) = Platform::slurp("$Platform::TOP/src/Containerfile") =~ /^ARG HELM_VERSION=(\S+)$/m;
	Platform::spew("$dir/helm-$version-linux-$arch.tar.gz", $text);
	my $r;
	# buildah loses now and then what a command has said that fails at once; then it says it again.
	for my $try (1 .. 5) {
		$r = Package::run(@storage, 'bud', '--platform', "linux/$arch", qw(--isolation chroot --layers --force-rm --pull-never --target build --file),
			"$Platform::TOP/src/Containerfile", '--build-arg', "BASE=localhost/store-platform-base:$tag", '--build-arg', 'HELM_URL=file:///mnt',
			'--volume', "$dir:/mnt:ro", @options, $Platform::TOP);
		last if $r->{out} !~ /^STEP [^\n]*\nsubprocess exited/m;
	}
	return $r;
}

sub remove { Package::run(@storage, 'rm', "test-$_-$$") for keys %root; %root = () }

sub files { my ($image) = @_; return $root{$image} }

# What the image says of itself: User, Labels, Entrypoint, Cmd, Env.
sub config { my ($image) = @_; return $says{$image}{config} }

# Debian's name of the architecture it was built for; and what it says.
sub built_for { return $arch }
sub architecture { my ($image) = @_; return $says{$image}{architecture} }

sub new {
	my ($class) = @_;
	my $self = PlatformTest::new($class);
	$self->{conf}{DATABASE_PATH} = "$self->{dir}/data/database/store-platform.db";
	# As a kubelet has it of a volume with fsGroup.
	for my $name (qw(database api run provisioner kube)) {
		mkdir "$self->{dir}/data/$name";
		chown 0, 10001, "$self->{dir}/data/$name";
		chmod 02770, "$self->{dir}/data/$name";
	}
	Platform::spew("$self->{dir}/data/kube/config", Platform::slurp(Platform::cluster_file('kubeconfig')), 0400);
	chown 10002, 10001, "$self->{dir}/data/kube/config";
	return $self;
}

sub runc { my ($self, @args) = @_; return Package::run('runc', '--root', "$self->{dir}/runc", @args) }

# The bundle of a container, as a kubelet has it made with the Pod Security level "restricted".
sub bundle {
	my ($self, $name, $image, $args, $env) = @_;
	my $config = config($image);
	my ($uid, $gid) = split /:/, $config->{User};
	my $part = $image eq 'api' ? $part{$args->[0] // ''} || $part{''} : {rw => [], ro => []};
	$uid = $part->{uid} // $uid;
	my $none = [];
	mkdir "$self->{dir}/$name.bundle";
	my %env = ((map { /^([^=]+)=(.*)/ } @{$config->{Env}}), %$env);
	Platform::spew("$self->{dir}/$name.bundle/config.json", encode_json({
		ociVersion => '1.0.2',
		process => {
			terminal => JSON::PP::false, user => {uid => $uid + 0, gid => $gid + 0},
			args => [@{$config->{Entrypoint}}, @$args ? @$args : @{$config->{Cmd} || []}],
			env => [map { "$_=$env{$_}" } sort keys %env], cwd => $config->{WorkingDir} || '/',
			capabilities => {map { $_ => $none } qw(bounding effective inheritable permitted ambient)},
			noNewPrivileges => JSON::PP::true,
		},
		root => {path => $root{$image}, readonly => JSON::PP::true},
		mounts => [
			{destination => '/proc', type => 'proc', source => 'proc', options => [qw(nosuid noexec nodev)]},
			{destination => '/dev', type => 'tmpfs', source => 'tmpfs', options => [qw(nosuid mode=755 size=64k)]},
			{destination => '/tmp', type => 'tmpfs', source => 'tmpfs', options => [qw(nosuid nodev noexec mode=1777 size=64m)]},
			map { my $mode = $_; map { {destination => "$volume/$_", type => 'bind', source => "$self->{dir}/data/$_",
				options => [qw(bind nosuid nodev noexec), $mode]} } @{$part->{$mode}} } qw(rw ro),
		],
		linux => {namespaces => [map { {type => $_} } qw(pid mount ipc uts)]},
	}));
	return ('runc', '--root', "$self->{dir}/runc", 'run', '--bundle', "$self->{dir}/$name.bundle", $self->id($name));
}

sub id { my ($self, $name) = @_; return "store-$name-$$" }

# A container in the background; its output goes to NAME.log.
sub container {
	my ($self, $name, $image, $args, %env) = @_;
	return $self->spawn($name, [$self->bundle($name, $image, $args, \%env)]);
}

# A container to its end: {status, out}.
sub run_container {
	my ($self, $image, $args, %env) = @_;
	my $name = 'run' . ++$self->{runs};
	return Package::run($self->bundle($name, $image, $args, \%env));
}

# Its processes, as the machine sees them.
sub processes {
	my ($self, $name) = @_;
	return @{decode_json($self->runc('ps', '--format', 'json', $self->id($name))->{out})};
}

# The configuration inside; what is not said is the image's own.
sub keys_inside {
	my ($self) = @_;
	my $conf = $self->{conf};
	return ((map { $_ => $conf->{$_} } qw(LOG_LEVEL AUTH BASE_DOMAIN STORE_PORT STOREFRONT_CHECK)),
		KUBECONFIG => "$volume/kube/config");
}

sub start_provisioner {
	my ($self) = @_;
	$self->container('provisioner', 'api', ['store-provisioner'], $self->keys_inside);
	$self->wait_for('the provisioner', sub { -S "$self->{dir}/data/run/wake.sock" }, 60,
		sub { Platform::slurp("$self->{dir}/provisioner.log") });
}

sub start_pool {
	my ($self, $name, $port, %more) = @_;
	$name ||= 'api';
	$port ||= $self->{api_port} = Platform::free_port();
	$self->container($name, 'api', [], $self->keys_inside, LISTEN => "127.0.0.1:$port", API_PROCESSES => 2, %more);
	$self->wait_for_port($name, $port);
}

# Returns where it listens.
sub start_nginx {
	my ($self, $name, %more) = @_;
	$name ||= 'nginx';
	my $port = Platform::free_port();
	$self->container($name, 'nginx', [], LISTEN => "127.0.0.1:$port", API_HOST => '127.0.0.1', API_PORT => $self->{api_port}, %more);
	$self->wait_for_port($name, $port);
	$self->{url} ||= "http://127.0.0.1:$port";
	return "127.0.0.1:$port";
}

sub wait_for_port {
	my ($self, $name, $port) = @_;
	$self->wait_for("the container of $name", sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
	}, 60, sub { Platform::slurp("$self->{dir}/$name.log") });
}

sub await_databases { }

1;
