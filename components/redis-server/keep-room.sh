#!/bin/sh
# Docker runs this script every ten seconds, as the health check of Redis (docker-compose.yml). It removes the events that
# every service has acknowledged, and refuses new events while little memory or disk is left (keep-room.lua). A refused
# publish becomes a 503 of api-facade. Claims, marks, retries and dead letters are not refused: the services finish the
# accepted events.
# It fails when Redis does not answer.
#
# Elsewhere:  sh components/redis-server/keep-room.sh -h HOST -p PORT

folder=$(dirname "$0")
. "$folder/acl.sh"
# The user that publishes. For the user `default`, which may do everything, the rules for states change nothing.
user=${KEEP_ROOM_USER:-default}

# The folder in which Redis keeps its file, where this script can see it.
free=
if [ -n "${KEEP_ROOM_FOLDER:-}" ]; then
  free=$(df -Pk "$KEEP_ROOM_FOLDER" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
fi

reply=$(redis-cli "$@" --eval "$folder/keep-room.lua" , "$free")
case $reply in
  room) redis-cli "$@" ACL SETUSER "$user" clearselectors "$state" +xadd ;;
  full) redis-cli "$@" ACL SETUSER "$user" clearselectors "$state" '(~*-dead-letters* ~*-retries +xadd)' -xadd ;;
  *)
    echo "$reply"
    exit 1
    ;;
esac
