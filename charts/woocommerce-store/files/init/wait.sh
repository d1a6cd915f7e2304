#!/bin/sh
# Waits until WordPress answers at the address given. Its login page needs the
# database too. The Job's deadline ends the waiting.
set -eu

until curl --silent --output /dev/null --fail --max-time 10 "$1"; do
	echo "WordPress does not answer yet."
	sleep 3
done
echo "WordPress answers."
