# A copy of before an upgrade in the place of the database. What was there is kept beside it.
set -eu
cd "$BACKUPS"
[ -e "$RESTORE" ] || {
	set -- *.db
	echo "There is no copy $RESTORE; there are: $*"
	exit 1
}
storectl db restore "$RESTORE"
