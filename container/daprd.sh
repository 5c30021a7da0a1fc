#!/bin/sh
# `dapr run` starts this script as its daprd, and this script becomes the real daprd with two more flags, for which
# `dapr run` has none. At a stop, daprd takes no more events and waits for the deliveries in progress:
# - also while they are retried: their retries end after 45 s at the latest (components/common/resiliency.yaml);
# - with its HTTP API open, because the service needs it for its claims and marks. Without the second flag daprd closes the
#   API first. After the last delivery the API stays for the time of that flag.

# entrypoint.sh watches daprd from now on.
if [ -n "${SIDECAR_STARTED:-}" ]; then : >"$SIDECAR_STARTED"; fi
exec "${DAPRD:-/opt/daprd}" --dapr-graceful-shutdown-seconds 30 --dapr-block-shutdown-duration 100ms "$@"
