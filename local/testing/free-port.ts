import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ports that systems use for outgoing connections: one of those may be taken before our server has it.
const [LOWEST, HIGHEST] = [10_000, 32_000];
// Test files that run at the same time look in ranges of their own.
const RANGES = 8;
const SIZE = (HIGHEST - LOWEST) / RANGES;
const first = LOWEST + (Number(process.env.VITEST_POOL_ID ?? 0) % RANGES) * SIZE;
let next = randomInt(SIZE);

/** A port that nothing listens on at the moment, and that this process has not been given lately. */
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
