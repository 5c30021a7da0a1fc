import { randomUUID } from 'node:crypto';

// https://www.w3.org/TR/trace-context/#traceparent-header
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;
const NO_SPAN = '00-00000000000000000000000000000000-0000000000000000-00';

/** Where a request or an event stands in a trace. Empty texts: nowhere. */
export interface TraceContext {
  traceparent: string;
  tracestate: string;
}

const NONE: TraceContext = { traceparent: '', tracestate: '' };

/**
 * What Dapr does with trace contexts, without exporting any span: continue the caller's trace under a new span id.
 * `samplingRate` undefined: tracing is off and contexts pass unchanged. 0: nothing is traced. Above 0: traced.
 */
export class Tracing {
  constructor(private readonly samplingRate: number | undefined) {}

  /** The context of a call to the sidecar's API. */
  request(traceparent = '', tracestate = ''): TraceContext {
    if (this.samplingRate === 0) return NONE;
    if (this.samplingRate === undefined) {
      return TRACEPARENT.test(traceparent) ? { traceparent, tracestate } : NONE;
    }
    return this.child(traceparent, tracestate);
  }

  /** The context of one entry of a bulk publish, which always has a span of its own. */
  bulkEntry(traceparent = '', tracestate = ''): TraceContext {
    if (this.samplingRate === undefined) return this.request(traceparent, tracestate);
    return this.child(this.samplingRate === 0 ? '' : traceparent, tracestate);
  }

  /** The trace headers of an answer to a call with this context. */
  responseHeaders({ traceparent, tracestate }: TraceContext): Record<string, string> {
    if (this.samplingRate === 0) return {};
    return headers({ traceparent: traceparent || NO_SPAN, tracestate });
  }

  /** The trace headers of a service invocation, for the app that is called and for the caller's answer. */
  invocation(traceparent: string, tracestate: string): Record<'forApp' | 'forCaller', Record<string, string>> {
    const given = headers({ traceparent, tracestate });
    if (this.samplingRate === 0) return { forApp: traceparent === '' ? {} : given, forCaller: {} };
    const context = headers(this.request(traceparent, tracestate));
    return { forApp: context, forCaller: context };
  }

  /** The trace headers of a delivery to the app, of an event with this `traceparent`. */
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

/** 32 digits. Node keeps random bytes in store for UUIDs, while `randomBytes` asks the system each time. */
const randomHex = () => randomUUID().replaceAll('-', '');

const headers = ({ traceparent, tracestate }: TraceContext): Record<string, string> => ({
  traceparent,
  ...(tracestate !== '' && { tracestate }),
});
