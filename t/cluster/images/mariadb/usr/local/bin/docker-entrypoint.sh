#!/bin/bash
# A stand-in for tests: what the official image's entrypoint of this name does with the
# settings that the chart makes, on Debian's MariaDB. A data directory that
# holds "mysql" is taken for finished; another one is made on the first start.
set -eu -o pipefail

data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock

note() {
	printf '%s [Note] [Entrypoint]: %s\n' "$(date -Is)" "$*" >&2
}

# setting NAME: from the environment, or from the file that it names with _FILE.
setting() {
	local file="${1}_FILE"
	if [ -n "${!file:-}" ]; then
		cat "${!file}"
	else
		printf '%s' "${!1:-}"
	fi
}

# quoted TEXT: as SQL writes it.
quoted() {
	printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/\\\\'/g; s/^/'/; \$s/\$/'/"
}

server_up() {
	mariadb-admin --no-defaults --user=root --socket=$socket --connect-timeout=3 ping \
		>/dev/null 2>&1
}

sql() {
	mariadb --no-defaults --protocol=socket --socket=$socket --user=root "$@"
}

# The server of the first start listens on no TCP port.
start_temporary() {
	"$@" --skip-networking --socket=$socket --skip-slave-start &
	server=$!
	for ((tries = 0; tries < 600; tries++)); do
		! server_up || return 0
		kill -0 $server 2>/dev/null || break
		sleep 0.1
	done
	note "the temporary server did not start"
	exit 1
}

make_users() {
	local root database user password
	root=$(setting MARIADB_ROOT_PASSWORD)
	database=$(setting MARIADB_DATABASE)
	user=$(setting MARIADB_USER)
	password=$(setting MARIADB_PASSWORD)
	[ -n "$root" ] || {
		note "MARIADB_ROOT_PASSWORD or MARIADB_ROOT_PASSWORD_FILE is needed"
		exit 1
	}
	# On standard input: a password among the arguments could be read by others.
	sql <<-SQL
		SET @@SESSION.SQL_LOG_BIN=0;
		CREATE DATABASE IF NOT EXISTS \`$database\`;
		CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$password");
		GRANT ALL ON \`${database//_/\\_}\`.* TO $(quoted "$user")@'%';
		ALTER USER 'root'@'localhost' IDENTIFIED BY $(quoted "$root");
	SQL
	MYSQL_PWD=$root
	export MYSQL_PWD
}

run_init_files() {
	local file
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh)
			note "running $file"
			if [ -x "$file" ]; then
				"$file"
			else
				# shellcheck disable=SC1090 # whatever lies there
				. "$file"
			fi
			;;
		*.sql)
			note "running $file"
			sql "$(setting MARIADB_DATABASE)" <"$file"
			;;
		esac
	done
}

first_start() {
	note "Initializing database files"
	mariadb-install-db --no-defaults --datadir=$data --auth-root-authentication-method=normal \
		--skip-test-db --skip-name-resolve >/tmp/install-db.log 2>&1 || {
		cat /tmp/install-db.log >&2
		exit 1
	}
	note "Starting temporary server"
	start_temporary "$@"
	make_users
	run_init_files
	note "Stopping temporary server"
	kill $server
	wait $server
	unset MYSQL_PWD
	note "MariaDB init process done. Ready for start up."
}

case ${1:-mariadbd} in
-*) set -- mariadbd "$@" ;;
esac
if [ "${1:-mariadbd}" = mariadbd ]; then
	[ -d $data/mysql ] || first_start "$@"
fi
exec "$@"
