import { randomUUID } from 'node:crypto';

// https://www.w3.org/TR/trace-context/#traceparent-header: version, trace id, parent id, flags. Ids of zeros are not valid.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

// Section 3.3.1.5 lets a longer list be dropped, and a sidecar refuses requests whose headers exceed 4 KiB.
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

export interface Trace {
  /** 32 hexadecimal digits, the same in every service that the request passes through. */
  traceId: string;
  traceparent: string;
  tracestate: string | undefined;
}

/** The trace that a caller's `traceparent` and `tracestate` name, or undefined when they name none that is valid. */
export function parseTrace(traceparent: unknown, tracestate?: unknown): Trace | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const traceId = TRACEPARENT.exec(traceparent)?.[1];
  if (!traceId) return undefined;
  const usable = typeof tracestate === 'string' && TRACESTATE.test(tracestate);
  return { traceId, traceparent, tracestate: usable ? tracestate : undefined };
}

/** A new trace, marked as sampled so that Dapr goes on with it. */
export function startTrace(): Trace {
  const traceId = randomHex();
  return { traceId, traceparent: `00-${traceId}-${randomHex().slice(16)}-01`, tracestate: undefined };
}

/** 32 digits. Node keeps random bytes in store for UUIDs, while `randomBytes` asks the system each time. */
const randomHex = () => randomUUID().replaceAll('-', '');
