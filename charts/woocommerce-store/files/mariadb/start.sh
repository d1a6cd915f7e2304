#!/bin/sh
# Runs in front of the image's entrypoint, each time the container starts. The image takes a data
# directory that holds "mysql" for finished, even if its first start was killed half-way:
# the shop's user would be missing for ever. A mark tells such a directory from a good
# one. Data that came without the mark (an older chart, a restored backup) is never
# touched. An init container could not do this: none runs again when the kubelet
# starts a killed container anew.
set -eu

data=/var/lib/mysql
mark=$data/.store-initialising

if [ -e "$mark" ]; then
	echo "The first start of this database was interrupted; it begins anew."
	# The mark goes last: an interruption of this very step is found again.
	find "$data" -mindepth 1 -maxdepth 1 ! -name lost+found ! -path "$mark" -exec rm -rf {} +
elif [ ! -d "$data/mysql" ]; then
	: >"$mark"
fi
exec docker-entrypoint.sh "$@"
