import { createHash } from 'node:crypto';
import type { Faults } from '../scenarios/stacks/inbox-client';
import { SERVICES, type Service, SUBSCRIBERS } from '../scenarios/stacks/stack';

/** A fault that is injected while follows are posted. */
export type Fault =
  | { kind: 'kill the service' | 'kill the sidecar' | 'kill both'; service: Service }
  | { kind: 'kill Redis' | 'long outage of Redis'; backAfterMs: number }
  | { kind: 'slow Redis' | 'full Redis'; forMs: number }
  | { kind: 'stop the subscribers' }
  | { kind: 'slow service'; service: Service; forMs: number }
  | { kind: 'servers refuse'; faults: Faults };

/** Each entry is drawn with the same probability. */
const KINDS: readonly Fault['kind'][] = [
  'kill the service',
  'kill the service',
  'kill the sidecar',
  'kill the sidecar',
  'kill both',
  'kill Redis',
  'long outage of Redis',
  'slow Redis',
  'full Redis',
  'stop the subscribers',
  'stop the subscribers',
  'slow service',
  'slow service',
  'servers refuse',
  'servers refuse',
];

/**
 * Returns the faults of a seed in the order of their injection. The same seed always gives the same faults. In the first
 * fault the servers refuse some notifications, so that every run has retries.
 */
export function planOf(seed: string, faults: number): Fault[] {
  let drawn = 0;
  const random = () => {
    drawn += 1;
    return createHash('sha256').update(`${seed}:${drawn}`).digest().readUInt32BE() / 2 ** 32;
  };
  const between = (low: number, high: number) => Math.floor(low + random() * (high - low + 1));
  const pick = <T>(from: readonly T[]): T => from[between(0, from.length - 1)] as T;

  const refusals = (): Fault => ({
    kind: 'servers refuse',
    faults: {
      // 451, 503 and 429 are temporary failures. 550 and 400 are permanent: the event becomes a dead letter.
      mail: { code: pick([451, 451, 451, 550]), percent: between(10, 60) },
      push: { code: pick([503, 503, 429, 400]), percent: between(10, 60) },
    },
  });
  const draw = (): Fault => {
    const kind = pick(KINDS);
    switch (kind) {
      case 'kill Redis':
        return { kind, backAfterMs: between(0, 4_000) };
      case 'long outage of Redis':
        // Longer than a lease, and than all retries of a delivery.
        return { kind, backAfterMs: between(61_000, 65_000) };
      case 'slow Redis':
        // Longer than a client waits for the answer to a publish: the broker may still accept the event.
        return { kind, forMs: between(6_000, 9_000) };
      case 'full Redis':
        return { kind, forMs: between(2_000, 8_000) };
      case 'stop the subscribers':
        return { kind };
      case 'slow service':
        return { kind, service: pick(SUBSCRIBERS), forMs: between(1_000, 8_000) };
      case 'servers refuse':
        return refusals();
      default:
        return { kind, service: pick(SERVICES) };
    }
  };
  return [refusals(), ...Array.from({ length: faults - 1 }, draw)];
}

/** Returns one line that describes the fault. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'kill Redis':
    case 'long outage of Redis':
      return `${fault.kind}, back after ${fault.backAfterMs} ms`;
    case 'slow Redis':
      return `${fault.kind}: suspended for ${fault.forMs} ms`;
    case 'full Redis':
      return `${fault.kind}: refuses new events for ${fault.forMs} ms`;
    case 'stop the subscribers':
      return fault.kind;
    case 'slow service':
      return `${fault.kind}: ${fault.service} is suspended for ${fault.forMs} ms`;
    case 'servers refuse': {
      const { mail, push } = fault.faults;
      return `${fault.kind}: ${mail?.percent} % of the mails with ${mail?.code}, ${push?.percent} % of the push messages with ${push?.code}`;
    }
    default:
      return `${fault.kind}: ${fault.service}`;
  }
}
