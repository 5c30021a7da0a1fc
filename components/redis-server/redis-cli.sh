#!/bin/sh
# This script is `redis-cli` in the container of Redis (docker-compose.yml): the real redis-cli, logged in as the operator.
export PATH="${PATH#/usr/local/sbin:}"
REDISCLI_AUTH=$(cat /run/operator/password) exec redis-cli --user operator "$@"
