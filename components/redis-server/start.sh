#!/bin/sh
# The container of Redis runs this script (docker-compose.yml). It creates two users with new passwords and becomes
# redis-server, with the options that it is given. Nobody can log in without a password.
# - `sidecar` may do what Dapr needs (acl.sh). Its password is in a folder that only the sidecars share. It stays the same
#   when Redis alone starts again, because the sidecars have read it.
# - `operator` may do everything. Only the container of Redis has its password: redis-cli.sh and keep-room.sh use it.
set -eu
cd "$(dirname "$0")"
. ./acl.sh
sidecar=${SIDECAR_FOLDER:-/run/redis} operator=${OPERATOR_FOLDER:-/run/operator}
umask 027 # the group of the sidecars' containers reads the password

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
sha256() { sha256sum <"$1" | cut -d ' ' -f 1; }

if [ ! -s "$sidecar/password" ]; then
  password >"$sidecar/new"
  mv "$sidecar/new" "$sidecar/password"
fi
password >"$operator/password"
# Nobody can log in as `default`. It needs all rights nevertheless: after a crash, Redis reads its file with the rights of
# this user, and drops without a word every transaction for which they do not suffice.
cat >"$operator/users.conf" <<END
user default off resetpass ~* &* +@all
user sidecar on #$(sha256 "$sidecar/password") $connection $topics $state
user operator on #$(sha256 "$operator/password") ~* &* +@all
END
cd - >/dev/null
exec redis-server "$operator/users.conf" "$@"
