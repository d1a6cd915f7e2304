# A copy of the database before an upgrade, named by the revision that it is made for.
set -eu
# The release may have failed before there was one.
[ -e "$DATABASE_PATH" ] || exit 0
storectl db backup --force "$BACKUPS/before-$REVISION.db"
# The oldest go; names are ours alone.
find "$BACKUPS" -maxdepth 1 -name 'before-*.db' -printf '%T@ %p\n' | sort -rn |
	tail -n +$((KEEP + 1)) | cut -d ' ' -f 2 | xargs -r rm -f --
