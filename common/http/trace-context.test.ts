import { expect, test } from 'vitest';
import { parseTrace, startTrace } from './trace-context';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const VALID = `00-${TRACE_ID}-b7ad6b7169203331-01`;

test('When the traceparent is valid, then the request continues its trace', () => {
  expect(parseTrace(VALID, 'k=v')).toEqual({ traceId: TRACE_ID, traceparent: VALID, tracestate: 'k=v' });
});

test.each([
  ['missing', undefined],
  ['empty', ''],
  ['not text', 5],
  ['upper case', VALID.toUpperCase()],
  ['of version ff', VALID.replace(/^00/, 'ff')],
  ['without a trace id', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
  ['without a parent id', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
  ['too short', VALID.slice(1)],
  ['followed by a line break', `${VALID}\n`],
])('When the traceparent is %s, then the result is undefined', (_, traceparent) => {
  expect(parseTrace(traceparent)).toBeUndefined();
});

test('When the tracestate is longer than a sidecar accepts, or not printable, then only the tracestate is dropped', () => {
  expect(parseTrace(VALID, 'k'.repeat(513))).toMatchObject({ traceparent: VALID, tracestate: undefined });
  expect(parseTrace(VALID, 'k=\u0007')).toMatchObject({ tracestate: undefined });
});

test('When a trace is started, then it is valid, sampled and new', () => {
  const trace = startTrace();
  expect(parseTrace(trace.traceparent)).toEqual(trace);
  expect(trace.traceparent).toMatch(/-01$/);
  expect(startTrace().traceId).not.toBe(trace.traceId);
});
