import type { RunStack } from './run-stack';
import type { Service } from './stack';

/** When a service was killed, in milliseconds since the epoch. */
export interface Kill {
  service: Service;
  atMs: number;
}

/** Has a service die, keeps in mind when, and starts it again. */
export async function dieAndReturn(
  stack: RunStack,
  service: Service,
  how: () => Promise<void>,
  kills: Kill[],
): Promise<void> {
  kills.push({ service, atMs: Date.now() });
  await how();
  await stack.start(service);
}
