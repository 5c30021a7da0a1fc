import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a service may take to become ready. docker-compose.yml has a longer timeout. */
const READY_MS = 60_000;
const POLL_MS = 200;

/** entrypoint.sh writes the reason into this file when the container ends before the service was ready. */
const failed = join(tmpdir(), 'failed');
/** These two files are for entrypoint.sh: the service was ready, and the reason was read. */
const ready = join(tmpdir(), 'ready');
const reported = join(tmpdir(), 'reported');

/**
 * Waits until the service in this container is ready, and then resolves with 0. Resolves with 1 when it cannot become
 * ready. Docker has no result for a service that still starts: without this wait, it would either call a slow service
 * unhealthy, or notice an error only after the time that the slowest service needs. The image has no curl.
 */
async function main(): Promise<number> {
  for (const deadline = Date.now() + READY_MS; ; await sleep(POLL_MS)) {
    const problem = await problemOf(`http://127.0.0.1:${process.env.APP_PORT}/readyz`);
    if (problem === undefined) {
      writeFileSync(ready, '');
      return 0;
    }
    if (existsSync(failed)) {
      console.log(readFileSync(failed, 'utf8').trim());
      writeFileSync(reported, '');
      return 1;
    }
    if (Date.now() > deadline) {
      console.log(problem);
      return 1;
    }
  }
}

/** Resolves with undefined when the answer is 2xx. */
async function problemOf(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    return answer.ok ? undefined : await answer.text();
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

void main().then((code) => {
  process.exitCode = code;
});
