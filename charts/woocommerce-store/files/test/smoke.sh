#!/bin/sh
# Does the shop answer as a visitor sees it?
set -eu

get() {
	echo "GET $2"
	curl --silent --show-error --fail --max-time 30 --output /tmp/answer \
		--header "Host: $HOST" --header "X-Forwarded-Proto: $SCHEME" "http://$SERVICE$2"
	grep -q "$1" /tmp/answer || {
		echo "The answer of $2 does not contain $1."
		exit 1
	}
}

get '</html>' /
get 'name="log"' /wp-login.php
# By its long name: the short one depends on the permalinks that the merchant chose.
get '^\[' '/?rest_route=/wc/store/v1/products'
echo "The shop answers."
