#!/bin/sh
# Runs daprd on the host so that a stop finishes what has begun. The dapr CLI kills its daprd at Ctrl-C (SIGKILL), and a
# service could then no longer mark the mail that it has just sent: the mail would be sent again. The CLI kills this
# script instead, and the guard below stops daprd in order.
DAPRD="${DAPR_RUNTIME_PATH:-$HOME}/.dapr/bin/daprd"
export DAPRD
if [ ! -x "$DAPRD" ]; then
  echo "$DAPRD is missing: install Dapr with 'dapr init'" >&2
  exit 127
fi

# The guard reads daprd's process id from the pipe, and then waits for the end of the pipe. Only this script has the
# pipe open for writing, so the pipe ends with the script, however the script ends. A second SIGTERM makes daprd exit at
# once. That is why only the guard sends one.
guard() {
  read -r daprd
  while read -r _; do :; done
  kill -s TERM "$daprd" 2>/dev/null
  # The CLI gives a service five seconds to end. After that, daprd has nothing left to do.
  tries=30
  while [ $tries -gt 0 ] && kill -s 0 "$daprd" 2>/dev/null; do sleep 0.2; tries=$((tries - 1)); done
  kill -s KILL "$daprd" 2>/dev/null
}

# After the kill, the CLI no longer reads the log. daprd would end at its next line if it wrote to the CLI itself.
relay() {
  cat
  cat >/dev/null
}

# Starts a command in a process group of its own, so that a Ctrl-C in the terminal does not reach it.
alone() {
  if command -v setsid >/dev/null; then exec setsid "$@"; fi
  exec perl -e 'setpgrp; exec @ARGV' "$@" # macOS has no setsid
}

folder=$(mktemp -d) && mkfifo "$folder/end" "$folder/log" || exit 1
guard <"$folder/end" >/dev/null 2>&1 &
relay <"$folder/log" &
exec 3>"$folder/end" 4>"$folder/log"
rm -r "$folder"

alone "$(dirname "$0")/../container/daprd.sh" "$@" 1>&4 2>&1 3>&- 4>&- &
daprd=$!
exec 4>&-
echo "$daprd" >&3
trap 'exec 3>&-' TERM INT
# `wait` also returns when a signal arrives. It is called again until daprd has ended.
while wait "$daprd"; code=$?; kill -s 0 "$daprd" 2>/dev/null; do :; done
exit "$code"
