#!/bin/sh
# Probe. The server that the image runs during its first start listens on no
# TCP port, so TCP tells when that is over. Being refused is an answer as well.
set -eu

MYSQL_PWD=$(cat /run/secrets/database/password)
export MYSQL_PWD
exec mariadb-admin --no-defaults --protocol=tcp --host=127.0.0.1 --connect-timeout=3 \
	--user="$(cat /run/secrets/database/user)" ping
