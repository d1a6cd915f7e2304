# A copy of the database before an upgrade or a rollback, named by the revision of it.
set -eu
# The release may have failed before there was one.
[ -e "$DATABASE_PATH" ] || exit 0
copy=$BACKUPS/$FILE
# Of an earlier rollback to that revision, or of an earlier installation.
[ ! -e "$copy" ] || mv "$copy" "${copy%.db}-$(date -u -r "$copy" +%Y%m%dT%H%M%S).db"
storectl db backup --force "$copy"
# The oldest go; names are ours alone.
find "$BACKUPS" -maxdepth 1 -name 'before-*.db' -printf '%T@ %p\n' | sort -rn |
	tail -n +$((KEEP + 1)) | cut -d ' ' -f 2 | xargs -r rm -f --
