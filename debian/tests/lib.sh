# lib.sh: what both tests share: the installed daemons as their own users, in folders of
# the test, behind an nginx with the site that the package has.
# shellcheck shell=sh
set -eu

dir=$(mktemp -d)
chmod 755 "$dir"
pids=''
host=platform.example
# Below those that the system gives to clients.
http=$((10240 + $$ % 10000 * 2))
https=$((http + 1))

say() { printf '%s\n' "== $*"; }

die() {
	say "FAILED: $*"
	exit 1
}

stop() {
	for pid in $pids; do kill "$pid" 2>/dev/null || :; done
	for pid in $pids; do wait "$pid" 2>/dev/null || :; done
	pids=''
}

finish() {
	code=$?
	stop
	[ $code -eq 0 ] || tail -n 40 "$dir"/*.log || :
	rm -rf "$dir"
	exit $code
}
trap finish EXIT

as() {
	user=$1
	shift
	exec setpriv --reuid="$user" --regid="$user" --groups="$(id -g "$user"),$(getent group store-platform | cut -d : -f 3)" "$@"
}

# eventually COMMAND...: until it works; the bound is only for what hangs.
eventually() {
	n=0
	until "$@" >/dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt 300 ] || die "waited in vain for: $*"
		sleep 0.2
	done
}

# api PATH [OPTION...]: an answer of the API, through nginx.
api() {
	path=$1
	shift
	curl -sSf --insecure --max-time 30 --resolve "$host:$https:127.0.0.1" \
		-H "Origin: https://$host:$https" "$@" "https://$host:$https$path"
}

make_folders() {
	install -d -m 2770 -o root -g store-platform "$dir/database"
	install -d -m 755 -o store-provisioner -g store-provisioner "$dir/provisioner"
	install -d -m 700 -o store-api -g store-api "$dir/api"
	install -d -m 777 "$dir/run"
	cat >"$dir/store-platform.conf" <<-END
		DATABASE_PATH=$dir/database/store-platform.db
		PROVISIONER_DIR=$dir/provisioner
		API_DIR=$dir/api
		WAKE_SOCKET=$dir/run/wake.sock
		KUBECONFIG=$dir/no-cluster
		BASE_DOMAIN=shops.example
	END
}

start_provisioner() {
	(as store-provisioner store-provisioner -c "$dir/store-platform.conf") >>"$dir/provisioner.log" 2>&1 &
	provisioner=$!
	pids="$pids $provisioner"
	eventually test -s "$dir/provisioner/seal.pub" -a -S "$dir/run/wake.sock"
}

start_api() {
	rm -f "$dir/run/api.sock"
	# Its descriptor 0 is a socket that listens.
	# shellcheck disable=SC2016 # perl's own variables
	(as store-api perl -MIO::Socket::UNIX -MPOSIX -e '
		my $s = IO::Socket::UNIX->new(Local => shift, Listen => 64) or die "listen: $!";
		chmod 0666, $s->hostpath;
		POSIX::dup2(fileno $s, 0);
		exec "/usr/sbin/store-api", @ARGV' \
		"$dir/run/api.sock" -c "$dir/store-platform.conf") >>"$dir/api.log" 2>&1 &
	api=$!
	pids="$pids $api"
	eventually test -S "$dir/run/api.sock"
}

start_nginx() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$host" -days 2 \
		-keyout "$dir/key" -out "$dir/certificate" 2>/dev/null
	sed -e "s|@HOST@|$host|g; s|@HTTP_PORT@|$http|g; s|@HTTPS_PORT@|$https|g" \
		-e "s|@CERTIFICATE@|$dir/certificate|; s|@KEY@|$dir/key|" \
		-e "s|/run/store-platform/api.sock|$dir/run/api.sock|" \
		/usr/share/store-platform/nginx/site.conf.in >"$dir/site.conf"
	! grep '@[A-Z_]*@' "$dir/site.conf" || die 'a word of the site is not filled in'
	cat >"$dir/nginx.conf" <<-END
		user www-data;
		daemon off;
		pid $dir/nginx.pid;
		error_log $dir/nginx-error.log;
		events { }
		http {
		    access_log off;
		    include /etc/nginx/mime.types;
		    include $dir/site.conf;
		}
	END
	nginx -q -t -e "$dir/nginx-error.log" -c "$dir/nginx.conf"
	nginx -e "$dir/nginx-error.log" -c "$dir/nginx.conf" >>"$dir/nginx.log" 2>&1 &
	pids="$pids $!"
	eventually curl -sS "http://127.0.0.1:$http/"
}
