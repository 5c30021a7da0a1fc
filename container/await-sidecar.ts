import { setTimeout as sleep } from 'node:timers/promises';

/** The retries of a delivery end after 45 s at the latest (components/common/resiliency.yaml), and the API stays for 10 s. */
const DRAIN_MS = 60_000;
const POLL_MS = 100;

/**
 * Kubernetes runs this program in the pod of a subscriber before it stops the service (kubernetes/base/every-subscriber.yaml).
 * The sidecar gets its stop signal at the same time. The program waits until the sidecar has finished its deliveries and has
 * ended. Exits with 1 when the sidecar has not ended in time.
 */
async function main(): Promise<void> {
  const { DAPR_HTTP_PORT = '3500' } = process.env;
  for (const deadline = Date.now() + DRAIN_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    const runs = await fetch(`http://127.0.0.1:${DAPR_HTTP_PORT}/v1.0/healthz`, {
      signal: AbortSignal.timeout(3_000),
    }).then(
      () => true,
      (error: Error) => error.name === 'TimeoutError',
    );
    if (!runs) return;
  }
  throw new Error(`the sidecar has not ended in ${DRAIN_MS / 1_000} s`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
