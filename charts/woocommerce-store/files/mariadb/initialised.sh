#!/bin/sh
# Last script of the image's first start: users and database are there, and
# on disk before the mark of start.sh goes.
sync
rm -f /var/lib/mysql/.store-initialising
