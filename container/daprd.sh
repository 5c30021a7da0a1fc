#!/bin/sh
# `dapr run` starts this script as its daprd, and this script becomes the real daprd with more flags, for which `dapr run`
# has none. At a stop, daprd takes no more events and waits for the deliveries in progress:
# - also while they are retried: their retries end after 45 s at the latest (components/common/resiliency.yaml);
# - with its HTTP API open, because the service needs it for its claims and marks. Without the second flag daprd closes the
#   API first. After the last delivery the API stays for the time of that flag.
daprd=${DAPRD:-/opt/daprd}
# The CLI first asks for the version. That process is not the sidecar.
if [ "${1:-}" = --version ]; then exec "$daprd" --version; fi
# daprd 1.18 does not wait for batches. The API then stays open for as long as a service needs to mark what it has sent,
# and the CLI on the host gives five seconds to end.
open=100ms
if [ "${EVENTS_PER_DELIVERY:-1}" != 1 ]; then open=4s; fi
set -- --dapr-graceful-shutdown-seconds 30 --dapr-block-shutdown-duration "$open" "$@"

# In a container, entrypoint.sh says on which address daprd takes calls of other sidecars and shows its metrics, and which
# configuration it reads besides components/config.yaml.
if [ -n "${DAPR_HOST_IP:-}" ]; then set -- --dapr-internal-grpc-listen-address "$DAPR_HOST_IP" "$@"; fi
if [ -n "${METRICS_ADDRESS:-}" ]; then set -- --metrics-listen-address "$METRICS_ADDRESS" "$@"; fi
if [ -n "${SECOND_CONFIG:-}" ]; then set -- --config "$SECOND_CONFIG" "$@"; fi

# Docker sets the proxy of its client configuration in every container. It is for servers on the internet: the service may
# need it. daprd connects to hosts of the Compose network only, and gRPC would ask the proxy for them.
if [ -n "${DAPR_HOST_IP:-}" ]; then
  unset HTTP_PROXY HTTPS_PROXY ALL_PROXY FTP_PROXY http_proxy https_proxy all_proxy ftp_proxy
fi

# Only daprd needs the password of Redis. The service, which `dapr run` also starts, does not get it.
if [ -n "${REDIS_PASSWORD_FILE:-}" ]; then
  REDIS_PASSWORD=$(cat "$REDIS_PASSWORD_FILE")
  export REDIS_PASSWORD
fi

# entrypoint.sh watches this process from now on. It stays the same process when it becomes daprd.
if [ -n "${SIDECAR_PID_FILE:-}" ]; then echo $$ >"$SIDECAR_PID_FILE"; fi
exec "$daprd" "$@"
