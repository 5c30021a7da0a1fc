import { hostname, networkInterfaces } from 'node:os';
import type { HeaderLine } from '../http-request';

/** The headers between two sidecars: the secret of the called sidecar, and the app id of the caller. */
export const SECRET_HEADER = 'x-local-sidecar';
export const CALLER_HEADER = 'x-local-caller';

/** Headers by name. A list has one line for each value. */
export type Headers = Record<string, string | string[]>;

// https://datatracker.ietf.org/doc/html/rfc9110#section-7.6.1
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'proxy-authorization',
  'proxy-authenticate',
]);
/** The sidecar writes these headers itself. */
const OWN = new Set([
  'host',
  'content-length',
  'traceparent',
  'tracestate',
  'dapr-app-id',
  SECRET_HEADER,
  CALLER_HEADER,
]);
const INTERNAL = 'destination-app-id';

/**
 * Returns the headers of a request that its receiver gets too. As in daprd, it drops the headers that `Connection`
 * names, and renames the headers of gRPC.
 */
export function forwardedRequest(lines: readonly HeaderLine[]): Headers {
  const named = new Set(lines.flatMap(([name, value]) => (name === 'connection' ? readList(value) : [])));
  return collect(lines.filter(([name]) => !named.has(name)));
}

/** Returns the headers of an answer that the caller gets too. */
export const forwardedAnswer = (lines: readonly HeaderLine[]): Headers => collect(lines);

function collect(lines: readonly HeaderLine[]): Headers {
  const headers: Headers = {};
  for (const [name, value] of lines) {
    if (HOP_BY_HOP.has(name) || OWN.has(name) || name === INTERNAL || name.endsWith('-bin')) continue;
    if (name === 'baggage' && headers.baggage !== undefined) continue;
    addLine(headers, name.startsWith('grpc-') ? `dapr-${name}` : name, value);
  }
  return headers;
}

function addLine(headers: Headers, name: string, value: string): void {
  const known = headers[name];
  headers[name] = known === undefined || name === 'content-type' ? value : [known, value].flat();
}

const readList = (value: string) => value.split(',').map((name) => name.trim().toLowerCase());

/** Adds the headers that daprd adds to a call from another sidecar. */
export function addRemoteHeaders(headers: Headers, caller: string, callee: string): void {
  const addresses = Object.values(networkInterfaces()).flat();
  const ip = addresses.find((address) => address?.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
  addLine(headers, 'dapr-caller-app-id', caller);
  addLine(headers, 'dapr-caller-namespace', 'default');
  addLine(headers, 'dapr-callee-app-id', callee);
  addLine(headers, 'x-forwarded-for', ip);
  addLine(headers, 'x-forwarded-host', hostname());
  addLine(headers, 'forwarded', `for=${ip};by=${ip};host=${hostname()}`);
}
