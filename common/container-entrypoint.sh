#!/bin/sh
# Runs in every container: one program beside its sidecar. The argument is the program's name, which is also its app id;
# a replay is one of the service that it names next.
# A stop goes to daprd first, which takes no more events, finishes those under way and exits; then the CLI stops the
# program. Sent to the CLI instead, it would kill daprd at once and cut off the deliveries under way.
set -u
program=$1
shift
app_id=$program
broker=components/$BROKER
log_level=info
if [ "$program" = replay ]; then
  app_id=${1:-}-replay
  broker=components/$BROKER/replay
  log_level=error # what it prints is for a person
fi

dapr run --app-id "$app_id" --app-port "$APP_PORT" --dapr-listen-addresses 127.0.0.1 \
  --config components/config.yaml --resources-path components --resources-path "$broker" \
  --placement-host-address placement:50005 --scheduler-host-address "" --log-level "$log_level" \
  -- node "dist/$program/main.js" "$@" &
cli=$!

# daprd takes a second SIGTERM for an order to leave at once, so it is sent one only.
trap 'trap "" TERM INT; kill -s TERM "$(pidof daprd || echo $cli)"' TERM INT

# A trapped signal ends `wait` early; it is called again until the CLI is gone.
while wait "$cli"; code=$?; kill -s 0 "$cli" 2>/dev/null; do :; done
exit "$code"
