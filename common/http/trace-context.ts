import { randomUUID } from 'node:crypto';

// https://www.w3.org/TR/trace-context/#traceparent-header: version, trace id, parent id, flags. Ids of zeros are not valid.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

// Section 3.3.1.5 allows us to drop a longer list. A sidecar refuses requests with more than 4 KiB of headers.
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

export interface Trace {
  /** 32 hexadecimal digits, the same in every service that the request passes through. */
  traceId: string;
  traceparent: string;
  tracestate: string | undefined;
}

/** Returns the trace in a caller's `traceparent` and `tracestate` headers; undefined when `traceparent` is not valid. */
export function parseTrace(traceparent: unknown, tracestate?: unknown): Trace | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const traceId = TRACEPARENT.exec(traceparent)?.[1];
  if (!traceId) return undefined;
  const usable = typeof tracestate === 'string' && TRACESTATE.test(tracestate);
  return { traceId, traceparent, tracestate: usable ? tracestate : undefined };
}

/** Returns a new trace. It is marked as sampled, so that Dapr continues it. */
export function startTrace(): Trace {
  const traceId = randomHex();
  return { traceId, traceparent: `00-${traceId}-${randomHex().slice(16)}-01`, tracestate: undefined };
}

/** Returns 32 digits. `randomUUID` has a cache of random bytes; `randomBytes` makes a system call each time. */
const randomHex = () => randomUUID().replaceAll('-', '');
