# A copy of the database before an upgrade, named by the revision that it is made for.
set -eu
cd /var/lib/store-platform
# The release may have failed before there was one.
[ -e database/store-platform.db ] || exit 0
storectl db backup --force "/var/lib/store-platform/backups/before-$REVISION.db"
# The oldest go; names are ours alone.
find backups -maxdepth 1 -name 'before-*.db' -printf '%T@ %p\n' | sort -rn |
	tail -n +$((KEEP + 1)) | cut -d ' ' -f 2 | xargs -r rm -f --
