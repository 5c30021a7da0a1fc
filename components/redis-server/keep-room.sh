#!/bin/sh
# Docker runs this script every ten seconds, as the health check of Redis (docker-compose.yml). It removes the events that
# every service has acknowledged, and refuses new events while little memory is left (keep-room.lua). A refused publish
# becomes a 503 of api-facade. Claims, marks and dead letters are not refused: the services finish the accepted events.
# It fails when Redis does not answer.
#
# Elsewhere:  sh components/redis-server/keep-room.sh -h HOST -p PORT

folder=$(dirname "$0")
. "$folder/acl.sh"
# The user that publishes. For the user `default`, which may do everything, the rules for states change nothing.
user=${KEEP_ROOM_USER:-default}

reply=$(redis-cli "$@" --eval "$folder/keep-room.lua")
case $reply in
  room) redis-cli "$@" ACL SETUSER "$user" clearselectors "$state" +xadd ;;
  full) redis-cli "$@" ACL SETUSER "$user" clearselectors "$state" '(~*-dead-letters* +xadd)' -xadd ;;
  *)
    echo "$reply"
    exit 1
    ;;
esac
