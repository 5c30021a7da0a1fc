#!/bin/sh
# Lists, replays or discards the dead letters of a service:
#   kubernetes/replay.sh SERVICE [--list | --discard ID --yes]
# It makes a Job of the template in the cluster (base/replay.yaml), prints its output, and exits with 0 when it has succeeded.
set -eu
service=${1:?usage: kubernetes/replay.sh SERVICE [--list | --discard ID --yes]}
namespace=${NAMESPACE:-followers}
job=replay-$(date +%s)-$$

arguments=
for argument; do
  case $argument in *[!A-Za-z0-9_.:@-]*) echo "\"$argument\" is neither a service, a flag nor an id" >&2 && exit 2 ;; esac
  arguments="$arguments${arguments:+, }\"$argument\""
done
template=/spec/template
kubectl create job "$job" --namespace "$namespace" --from=cronjob/replay --dry-run=client --output json |
  kubectl patch --local --filename - --output json --type json --patch "[
    {\"op\": \"replace\", \"path\": \"$template/metadata/annotations/dapr.io~1app-id\", \"value\": \"$service-replay\"},
    {\"op\": \"replace\", \"path\": \"$template/spec/containers/0/args\", \"value\": [$arguments]}]" |
  kubectl create --filename - >/dev/null

# Prints the conditions of the Job that are true: Complete or Failed when it has ended.
ended() { kubectl get job "$job" --namespace "$namespace" --output 'jsonpath={.status.conditions[?(@.status=="True")].type}'; }

# There is no log before the container has started.
started() {
  kubectl get pods --namespace "$namespace" --selector "job-name=$job" \
    --output 'jsonpath={.items[*].status.containerStatuses[?(@.name=="app")].state}'
}
until started | grep -q 'running\|terminated' || [ -n "$(ended)" ]; do sleep 0.5; done
kubectl logs --namespace "$namespace" --follow "job/$job" --container app
while :; do
  case $(ended) in
    *Complete*) exit 0 ;;
    *Failed*) exit 1 ;;
  esac
  sleep 0.5
done
