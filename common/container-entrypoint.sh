#!/bin/sh
# Runs in every container: one service beside its sidecar. The argument is the service's name, which is also its app id.
# A stop goes to daprd first, which takes no more events, finishes those under way and exits; then the CLI stops the
# service. Sent to the CLI instead, it would kill daprd at once and cut off the deliveries under way.
set -u
service=$1

dapr run --app-id "$service" --app-port "$APP_PORT" --dapr-listen-addresses 127.0.0.1 \
  --config components/config.yaml --resources-path components --resources-path "components/$BROKER" \
  --placement-host-address placement:50005 --scheduler-host-address "" \
  -- node "dist/$service/main.js" &
cli=$!

# daprd takes a second SIGTERM for an order to leave at once, so it is sent one only.
trap 'trap "" TERM INT; kill -s TERM "$(pidof daprd || echo $cli)"' TERM INT

# A trapped signal ends `wait` early; it is called again until the CLI is gone.
while wait "$cli"; code=$?; kill -s 0 "$cli" 2>/dev/null; do :; done
exit "$code"
