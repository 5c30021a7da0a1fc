#!/bin/sh
# Runs in every container: one program beside its sidecar. The argument is the program's name, which is also its app id;
# a replay is one of the service that it names next.
set -u
program=$1
shift
app_id=$program
broker=components/$BROKER
log_level=info
if [ "$program" = replay ]; then
  app_id=${1:-}-replay
  if [ -d "$broker/replay" ]; then broker=$broker/replay; fi
  log_level=error # what it prints is for a person
fi

# Sidecar and program are alone in this container, so nobody else has to know by what they recognise each other.
token() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
DAPR_API_TOKEN=$(token) APP_API_TOKEN=$(token)
export DAPR_API_TOKEN APP_API_TOKEN

# With the profile `observability`, Compose has a host of this name, which takes the sidecar's traces. The final dot keeps
# the name from being looked for in other domains.
if timeout 2 getent hosts jaeger. >/dev/null; then
  export OTEL_EXPORTER_OTLP_ENDPOINT=jaeger:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_INSECURE=true
fi

dapr run --app-id "$app_id" --app-port "$APP_PORT" --dapr-listen-addresses 127.0.0.1 --metrics-port 9090 \
  --config components/config.yaml --resources-path components --resources-path "$broker" \
  --placement-host-address placement:50005 --scheduler-host-address "" --log-level "$log_level" \
  -- node "dist/$program/main.js" "$@" &
cli=$!

# A stop goes to daprd, which takes no more events, finishes those under way and exits; then the CLI stops the program.
# Sent to the CLI instead, it would kill daprd at once and cut off the deliveries under way. daprd takes a second
# SIGTERM for an order to leave at once, so it is sent one only.
trap 'trap "" TERM INT; kill "$watch" 2>/dev/null; kill -s TERM "$(pidof daprd || echo $cli)"' TERM INT

# A sidecar that cannot start, because of a bad component for one, leaves the CLI running with the program alone.
lost=
trap 'lost=1; kill -s TERM "$cli"' USR1
(sleep 5; while pidof daprd >/dev/null; do sleep 1; done; kill -s USR1 $$) &
watch=$!

# A trapped signal ends `wait` early; it is called again until the CLI is gone.
while wait "$cli"; code=$?; kill -s 0 "$cli" 2>/dev/null; do :; done
kill "$watch" 2>/dev/null
if [ -n "$lost" ]; then
  echo "$program: the sidecar has ended; its last lines above say why" >&2
  code=1
fi
exit "$code"
