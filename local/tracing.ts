import { randomUUID } from 'node:crypto';

// https://www.w3.org/TR/trace-context/#traceparent-header
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;
const NO_SPAN = '00-00000000000000000000000000000000-0000000000000000-00';

/** The trace context of a request or an event. Empty strings: it has none. */
export interface TraceContext {
  traceparent: string;
  tracestate: string;
}

const NONE: TraceContext = { traceparent: '', tracestate: '' };

/**
 * Creates trace contexts as Dapr does: it continues the caller's trace with a new span id. It does not export spans. If
 * `samplingRate` is undefined, tracing is off, and contexts pass unchanged. If it is 0, nothing is traced. Otherwise it
 * is the share of new traces that are sampled.
 */
export class Tracing {
  constructor(private readonly samplingRate: number | undefined) {}

  get isOn(): boolean {
    return this.samplingRate !== 0;
  }

  /** Returns the context of a call to the sidecar's API. */
  request(traceparent = '', tracestate = ''): TraceContext {
    if (this.samplingRate === 0) return NONE;
    if (this.samplingRate === undefined) {
      return TRACEPARENT.test(traceparent) ? { traceparent, tracestate } : NONE;
    }
    return this.child(traceparent, tracestate);
  }

  /** Returns the context of one entry of a bulk publish. Each entry has its own span. */
  bulkEntry(traceparent = '', tracestate = ''): TraceContext {
    if (this.samplingRate === undefined) return this.request(traceparent, tracestate);
    return this.child(this.samplingRate === 0 ? '' : traceparent, tracestate);
  }

  /** Returns the trace headers of the answer to a call with this context. */
  responseHeaders({ traceparent, tracestate }: TraceContext): Record<string, string> {
    if (this.samplingRate === 0) return {};
    return headers({ traceparent: traceparent || NO_SPAN, tracestate });
  }

  /** Returns the trace headers of a service invocation, for the called app and for the answer to the caller. */
  invocation(traceparent: string, tracestate: string): Record<'forApp' | 'forCaller', Record<string, string>> {
    const given = headers({ traceparent, tracestate });
    if (this.samplingRate === 0) return { forApp: traceparent === '' ? {} : given, forCaller: {} };
    const { traceparent: own, tracestate: state } = this.request(traceparent, tracestate);
    const context = headers({ traceparent: own || NO_SPAN, tracestate: state });
    return { forApp: context, forCaller: context };
  }

  /** Returns the trace headers for the delivery of an event with this `traceparent`. */
  deliveryHeaders(traceparent: unknown): Record<string, string> {
    if (this.samplingRate === 0 || traceparent === undefined) return {};
    const parent = typeof traceparent === 'string' ? traceparent : '';
    if (this.samplingRate !== undefined) return headers(this.child(parent, ''));
    return headers({ traceparent: TRACEPARENT.test(parent) ? parent : NO_SPAN, tracestate: '' });
  }

  private child(traceparent: string, tracestate: string): TraceContext {
    const [, traceId, flags] = TRACEPARENT.exec(traceparent) ?? [];
    const spanId = randomHex().slice(16);
    if (traceId) return { traceparent: `00-${traceId}-${spanId}-${flags}`, tracestate };
    const sampled = Math.random() < (this.samplingRate ?? 0) ? '01' : '00';
    return { traceparent: `00-${randomHex()}-${spanId}-${sampled}`, tracestate: '' };
  }
}

/** Returns 32 random hexadecimal digits. `randomUUID` is faster than `randomBytes`, because Node caches its entropy. */
const randomHex = () => randomUUID().replaceAll('-', '');

const headers = ({ traceparent, tracestate }: TraceContext): Record<string, string> => ({
  traceparent,
  ...(tracestate !== '' && { tracestate }),
});
