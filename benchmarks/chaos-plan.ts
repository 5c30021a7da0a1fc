import { createHash } from 'node:crypto';
import type { Faults } from '../scenarios/stacks/inbox-client';
import { SERVICES, type Service, SUBSCRIBERS } from '../scenarios/stacks/stack';

/** Something that goes wrong while follows are posted. */
export type Fault =
  | { kind: 'kill the service' | 'kill the sidecar' | 'kill both'; service: Service }
  | { kind: 'kill Redis'; backAfterMs: number }
  | { kind: 'slow service'; service: Service; forMs: number }
  | { kind: 'servers refuse'; faults: Faults };

/** How often each kind is drawn, of ten. */
const KINDS: readonly Fault['kind'][] = [
  'kill the service',
  'kill the service',
  'kill the sidecar',
  'kill the sidecar',
  'kill both',
  'kill Redis',
  'slow service',
  'slow service',
  'servers refuse',
  'servers refuse',
];

/**
 * The faults of a seed, in the order in which they strike: the same seed always gives the same. The first lets the
 * servers refuse some notifications, so that there is always something to try again.
 */
export function planOf(seed: string, faults: number): Fault[] {
  let drawn = 0;
  const random = () => {
    drawn += 1;
    return createHash('sha256').update(`${seed}:${drawn}`).digest().readUInt32BE() / 2 ** 32;
  };
  const between = (low: number, high: number) => Math.floor(low + random() * (high - low + 1));
  const one = <T>(of: readonly T[]): T => of[between(0, of.length - 1)] as T;

  const refusals = (): Fault => ({
    kind: 'servers refuse',
    faults: {
      // 4yz and 5xx are for now, 550 and 400 for good: those events become dead letters and are replayed.
      mail: { code: one([451, 451, 451, 550]), percent: between(10, 60) },
      push: { code: one([503, 503, 429, 400]), percent: between(10, 60) },
    },
  });
  const draw = (): Fault => {
    const kind = one(KINDS);
    switch (kind) {
      case 'kill Redis':
        return { kind, backAfterMs: between(0, 4_000) };
      case 'slow service':
        return { kind, service: one(SUBSCRIBERS), forMs: between(1_000, 8_000) };
      case 'servers refuse':
        return refusals();
      default:
        return { kind, service: one(SERVICES) };
    }
  };
  return [refusals(), ...Array.from({ length: faults - 1 }, draw)];
}

/** One line about a fault. */
export function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'kill Redis':
      return `${fault.kind}, back after ${fault.backAfterMs} ms`;
    case 'slow service':
      return `${fault.kind}: ${fault.service} stands still for ${fault.forMs} ms`;
    case 'servers refuse': {
      const { mail, push } = fault.faults;
      return `${fault.kind}: ${mail?.percent} % of the mails with ${mail?.code}, ${push?.percent} % of the push messages with ${push?.code}`;
    }
    default:
      return `${fault.kind}: ${fault.service}`;
  }
}
