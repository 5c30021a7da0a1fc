#!/bin/sh
# `dapr run` starts this script as its daprd, and this script becomes the real daprd with more flags, for which `dapr run`
# has none. At a stop, daprd takes no more events and waits for the deliveries in progress:
# - also while they are retried: their retries end after 45 s at the latest (components/common/resiliency.yaml);
# - with its HTTP API open, because the service needs it for its claims and marks. Without the second flag daprd closes the
#   API first. After the last delivery the API stays for the time of that flag.
daprd=${DAPRD:-/opt/daprd}
# The CLI first asks for the version. That process is not the sidecar.
if [ "${1:-}" = --version ]; then exec "$daprd" --version; fi
set -- --dapr-graceful-shutdown-seconds 30 --dapr-block-shutdown-duration 100ms "$@"

# In a container, entrypoint.sh says on which address daprd takes calls of other sidecars and shows its metrics, and which
# configuration it reads besides components/config.yaml.
if [ -n "${DAPR_HOST_IP:-}" ]; then set -- --dapr-internal-grpc-listen-address "$DAPR_HOST_IP" "$@"; fi
if [ -n "${METRICS_ADDRESS:-}" ]; then set -- --metrics-listen-address "$METRICS_ADDRESS" "$@"; fi
if [ -n "${SECOND_CONFIG:-}" ]; then set -- --config "$SECOND_CONFIG" "$@"; fi

# Only daprd needs the password of Redis. The service, which `dapr run` also starts, does not get it.
if [ -n "${REDIS_PASSWORD_FILE:-}" ]; then
  REDIS_PASSWORD=$(cat "$REDIS_PASSWORD_FILE")
  export REDIS_PASSWORD
fi

# entrypoint.sh watches this process from now on. It stays the same process when it becomes daprd.
if [ -n "${SIDECAR_PID_FILE:-}" ]; then echo $$ >"$SIDECAR_PID_FILE"; fi
exec "$daprd" "$@"
