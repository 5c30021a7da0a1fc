#!/bin/sh
# Runs in every container: one program beside its sidecar. The first argument is the program's folder, which is also its
# app id. For `replay`, the next argument is the service whose dead letters it handles.
set -u
program=$1
shift
app_id=$program
broker=components/$BROKER
log_level=info
SECOND_CONFIG=components/no-invocation.yaml # daprd.sh adds it
if [ "$program" = replay ]; then
  app_id=${1:-}-replay
  if [ -d "$broker-replay" ]; then broker=$broker-replay; fi
  SECOND_CONFIG=
  log_level=error # a person reads the output of a replay
fi

state=${TMPDIR:-/tmp}
rm -f "$state"/ready "$state"/failed "$state"/reported "$state"/sidecar

# Ends the container. While a service starts, Docker restarts a container that has failed, and Compose waits for it: Compose
# gives up only when a health check fails. So the container waits until its health check (healthcheck.ts) has reported why
# it ends, and Compose has seen that. After the service was ready, and for a replay, nobody waits.
end() {
  if [ "$1" != 0 ] && [ "$program" != replay ] && [ ! -e "$state/ready" ]; then
    echo "$reason" >"$state/failed"
    for _ in $(seq 100); do
      if [ -e "$state/reported" ]; then break; fi
      sleep 0.1
    done
    sleep 2
  fi
  exit "$1"
}
reason="$program ended before it was ready; its log says why"

configs=components/config.yaml${SECOND_CONFIG:+,$SECOND_CONFIG}
files=$(node dist/container/check-resources.js "$configs" components/common "$broker" 2>&1) || {
  reason=$files
  echo "$files" | sed "s/^/$program: /" >&2
  end 1
}

# A replay reads the dead letters of one broker. Redis is the default, and it runs with every broker, as the state store.
# So a replay that finds nothing there may have looked in the wrong place.
if [ "$program" = replay ] && [ "$BROKER" = redis ]; then
  for file in components/*/pubsub.yaml; do
    other=$(basename "$(dirname "$file")")
    if [ "$other" = redis ] || ! timeout 2 getent hosts "$other." >/dev/null; then continue; fi
    echo "replay: reads Redis, but $other runs, too. If the services use $other, run: BROKER=$other docker compose run --rm replay $*" >&2
  done
fi

# The sidecar and the program recognise each other by these tokens. No other container needs them.
token() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
DAPR_API_TOKEN=$(token) APP_API_TOKEN=$(token)
export DAPR_API_TOKEN APP_API_TOKEN

# Prints the address of this container in the network that has this name as an alias (docker-compose.yml); loopback if the
# container is not in that network. Replicas share the name, so it may have more addresses than one.
address_in() {
  for own in $(hostname -I); do
    if getent ahostsv4 "$1" | grep -q "^$own "; then echo "$own" && return; fi
  done
  echo 127.0.0.1
}
# daprd.sh lets daprd listen on these addresses only. The first is also the address that other sidecars are told.
DAPR_HOST_IP=$(address_in invocation) METRICS_ADDRESS=$(address_in metrics)
export DAPR_HOST_IP METRICS_ADDRESS SECOND_CONFIG

# The host `jaeger` exists with the Compose profile `observability`. It takes the sidecar's traces. The final dot keeps the
# resolver from looking for the name in other domains.
if timeout 2 getent hosts jaeger. >/dev/null; then
  export OTEL_EXPORTER_OTLP_ENDPOINT=jaeger:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_INSECURE=true
fi

export SIDECAR_PID_FILE="$state/sidecar"
dapr run --app-id "$app_id" --app-port "$APP_PORT" --dapr-listen-addresses 127.0.0.1 --metrics-port 9090 \
  --config components/config.yaml --resources-path components/common --resources-path "$broker" \
  --placement-host-address placement:50005 --scheduler-host-address "" --log-level "$log_level" \
  -- node "dist/$program/main.js" "$@" &
cli=$!
watch=

# A stop goes to daprd: daprd takes no more events, finishes its deliveries and exits; then the CLI stops the program. If
# the signal went to the CLI, the CLI would kill daprd at once and cut off the deliveries. daprd gets only one SIGTERM,
# because a second one makes it exit at once. daprd.sh writes its process id: `pidof` misses a process that waits for a disk.
stop() {
  trap '' TERM INT
  [ -z "$watch" ] || kill "$watch" 2>/dev/null
  kill -s TERM "$(cat "$SIDECAR_PID_FILE" 2>/dev/null)" 2>/dev/null || kill -s TERM "$cli"
}
trap stop TERM INT

# When the sidecar cannot start, for example because its broker is away, the CLI keeps running with the program alone, and
# hears no other signal than KILL for 45 seconds. This watch ends it. The program, which was never ready, ends with the
# container. When the sidecar of a running program ends, the CLI stops the program and ends; it has time for that.
lost=
trap 'lost=1; kill -s KILL "$cli"' USR1
(
  until [ -s "$SIDECAR_PID_FILE" ]; do sleep 0.1; done
  while kill -s 0 "$(cat "$SIDECAR_PID_FILE")" 2>/dev/null; do sleep 0.2; done
  if [ "$program" = replay ] || [ -e "$state/ready" ]; then sleep 10; fi
  kill -s USR1 $$
) &
watch=$!

# `wait` also returns when a signal arrives. It is called again until the CLI has ended.
while wait "$cli"; code=$?; kill -s 0 "$cli" 2>/dev/null; do :; done
kill "$watch" 2>/dev/null
if [ -n "$lost" ]; then
  reason="the sidecar has ended; its last lines above say why. The files of its components: $files"
  echo "$program: $reason" >&2
  code=1
fi
end "$code"
