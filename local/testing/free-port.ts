import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// These ports are below the ephemeral range. An outgoing connection could take an ephemeral port before our server
// does. `fetch` and browsers refuse port 10080 (https://fetch.spec.whatwg.org/#port-blocking).
const [LOWEST, HIGHEST] = [10_100, 32_100];
// Each test worker uses its own range, so that parallel test files do not get the same port.
const RANGES = 8;
const SIZE = (HIGHEST - LOWEST) / RANGES;
const first = LOWEST + (Number(process.env.VITEST_POOL_ID ?? 0) % RANGES) * SIZE;
let next = randomInt(SIZE);

/** Resolves with a port on which no process listens. A process gets the same port again only after its whole range. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + (next % SIZE);
    next += 1;
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.listen(port, '127.0.0.1');
  if (!(await listening)) return false;
  server.close();
  await once(server, 'close');
  return true;
}
