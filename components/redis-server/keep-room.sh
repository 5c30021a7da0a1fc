#!/bin/sh
# Docker runs this script every ten seconds, as the health check of Redis (docker-compose.yml). It removes the events that
# every service has acknowledged, and refuses new events while little memory is left (keep-room.lua). A refused publish
# becomes a 503 of api-facade. Claims, marks and dead letters are not refused: the services finish the accepted events.
# It fails when Redis does not answer.
#
# Elsewhere:  sh components/redis-server/keep-room.sh -h HOST -p PORT

state=$(redis-cli "$@" --eval "$(dirname "$0")/keep-room.lua")
case $state in
  room) redis-cli "$@" ACL SETUSER default +xadd clearselectors ;;
  full) redis-cli "$@" ACL SETUSER default -xadd '(+xadd ~*-dead-letters*)' ;;
  *)
    echo "$state"
    exit 1
    ;;
esac
