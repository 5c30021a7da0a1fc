import { hostname, networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppChannel, AppUnreachable } from '../app-channel';
import { type HttpAnswer, RequestError, sendRequest } from '../http-request';
import type { Directory, SidecarAddress } from '../invocation/directory';
import { escapeMethod, readTarget, type Target } from '../invocation/target';
import { AttemptTimeout, type Policies, StatusError } from '../resiliency/policy';
import type { Tracing } from '../tracing';
import { ApiError, noSuchPath } from './errors';
import { type ApiAnswer, type ApiRequest, type ApiRoute, header } from './router';

export interface InvokeDependencies {
  appId: string;
  app: AppChannel | undefined;
  /** Returns false while the app's health check fails. */
  isAppHealthy: () => boolean;
  directory: Directory;
  /** The secret by which this sidecar recognises other sidecars of the same user. */
  secret: string;
  policies: Policies;
  tracing: Tracing;
  maxBodyBytes: number;
}

type Headers = Record<string, string | string[] | undefined>;

/** The headers between two sidecars: the secret of the called sidecar, and the app id of the caller. */
const SECRET_HEADER = 'x-local-sidecar';
const CALLER_HEADER = 'x-local-caller';

// Hop-by-hop headers (https://datatracker.ietf.org/doc/html/rfc9110#section-7.6.1), and headers for one sidecar only.
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'dapr-app-id',
  'dapr-api-token',
  SECRET_HEADER,
  CALLER_HEADER,
]);

const FIND_MS = 1_000;
const FIND_EVERY_MS = 50;

/**
 * Returns the route of service invocation: `/v1.0/invoke/{app id}/method/{path}`, and any path with the header
 * `dapr-app-id`. It must be the last route, because it matches every path.
 * https://docs.dapr.io/reference/api/service_invocation_api/
 */
export function invokeRoute(dependencies: InvokeDependencies): ApiRoute {
  const { appId, directory, policies, tracing } = dependencies;
  return {
    methods: [],
    pattern: undefined,
    handler: async (request) => {
      const target = readTarget(request.path, request.headers);
      if (!target) throw noSuchPath();
      const { traceparent, tracestate } = request.headers;
      const trace = tracing.invocation(header(traceparent), header(tracestate));
      const call = async () => {
        const answer = await reach(target, request, trace.forApp);
        if (answer.status < 200 || answer.status > 399) throw new FailedAnswer(answer);
        return answer;
      };
      const reach = async (
        { id, method }: Target,
        { search }: ApiRequest,
        traceHeaders: Headers,
      ): Promise<HttpAnswer> => {
        const headers = { ...forwarded(request.headers), ...traceHeaders };
        const query = search === '' ? '' : `?${search}`;
        if (/^https?:\/\//.test(id))
          return callUrl(id, escapeMethod(method, id) + query, request, headers, dependencies);
        if (id === appId) return callApp(method, query, request, headers, dependencies);
        const address = await find(directory, id);
        return callSidecar(address, escapeMethod(method, '') + query, request, headers, dependencies);
      };
      try {
        return toAnswer(await policies.app(target.id)(call), trace.forCaller);
      } catch (error) {
        if (error instanceof FailedAnswer) return toAnswer(error.answer, trace.forCaller);
        throw new ApiError(
          500,
          'ERR_DIRECT_INVOKE',
          `failed to invoke, id: ${target.id}, err: ${error instanceof AttemptTimeout ? 'context deadline exceeded' : (error as Error).message}`,
        );
      }
    },
  };
}

/** An answer that a resiliency policy treats as a failure. The caller gets it after the policy has given up. */
class FailedAnswer extends StatusError {
  constructor(readonly answer: HttpAnswer) {
    super(answer.status, `the app answered ${answer.status}`);
  }
}

async function callApp(
  method: string,
  query: string,
  request: ApiRequest,
  headers: Headers,
  { app, appId, secret, isAppHealthy }: InvokeDependencies,
): Promise<HttpAnswer> {
  if (!app) throw new Error('cannot invoke local endpoint: app channel not initialized');
  if (!isAppHealthy()) throw new Error('rpc error: code = Internal desc = app is not in a healthy state');
  const base = `http://127.0.0.1:${app.port}`;
  const path = escapeMethod(method, base);
  const caller = request.headers[SECRET_HEADER] === secret ? request.headers[CALLER_HEADER] : undefined;
  const { body } = request;
  try {
    return await app.send({
      method: request.method,
      path: path + query,
      headers: { ...headers, ...(typeof caller === 'string' && fromRemote(caller, appId)), ...framing(request) },
      ...(body.length > 0 && { body }),
      signal: request.signal,
    });
  } catch (error) {
    if (!(error instanceof AppUnreachable)) throw error;
    const verb = request.method.charAt(0) + request.method.slice(1).toLowerCase();
    const refused = `dial tcp 127.0.0.1:${app.port}: connect: connection refused`;
    const reason = { ECONNREFUSED: refused, ECONNRESET: 'EOF' }[error.code ?? ''];
    throw reason === undefined ? error : new Error(`${verb} "${base}${path}${query}": ${reason}`);
  }
}

/** Returns the header of a body of unknown length, which Go sends for an empty POST, PUT or PATCH. */
const framing = ({ method, body }: ApiRequest): Headers =>
  body.length === 0 && ['POST', 'PUT', 'PATCH'].includes(method) ? { 'transfer-encoding': 'chunked' } : {};

function callSidecar(
  { appId, port, secret }: SidecarAddress,
  path: string,
  request: ApiRequest,
  headers: Headers,
  { appId: caller, maxBodyBytes }: InvokeDependencies,
): Promise<HttpAnswer> {
  const { method, body, signal } = request;
  const internal = { 'dapr-app-id': appId, [SECRET_HEADER]: secret, [CALLER_HEADER]: caller };
  const url = { protocol: 'http:', hostname: '127.0.0.1', port, path };
  return sendRequest({
    url,
    method,
    headers: { ...headers, ...internal, ...length(request) },
    body,
    signal,
    maxBodyBytes,
  });
}

async function callUrl(
  target: string,
  path: string,
  request: ApiRequest,
  headers: Headers,
  { maxBodyBytes }: InvokeDependencies,
): Promise<HttpAnswer> {
  const { protocol, hostname, port, pathname } = new URL(target);
  const { method, body, signal } = request;
  const url = {
    protocol,
    hostname,
    port: port === '' ? undefined : Number(port),
    path: pathname.replace(/\/$/, '') + path,
  };
  const withDefaults = {
    'user-agent': 'Go-http-client/1.1',
    ...headers,
    ...length(request),
  };
  try {
    return await sendRequest({ url, method, headers: withDefaults, body, signal, maxBodyBytes });
  } catch (error) {
    throw error instanceof RequestError
      ? new Error(`cannot reach ${target}: ${error.message}`, { cause: error })
      : error;
  }
}

const length = ({ body }: ApiRequest): Headers => (body.length > 0 ? { 'content-length': String(body.length) } : {});

const forwarded = (headers: Headers): Headers =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !NOT_FORWARDED.has(name) && !/^trace(parent|state)$/.test(name)),
  );

/** Returns the headers that daprd adds to a call from another sidecar. */
function fromRemote(caller: string, callee: string): Headers {
  const addresses = Object.values(networkInterfaces()).flat();
  const ip = addresses.find((address) => address?.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
  return {
    'dapr-caller-app-id': caller,
    'dapr-caller-namespace': 'default',
    'dapr-callee-app-id': callee,
    'x-forwarded-for': ip,
    'x-forwarded-host': hostname(),
    forwarded: `for=${ip};by=${ip};host=${hostname()}`,
  };
}

/**
 * Resolves with the sidecar of an app. It waits briefly, because the sidecar may still start.
 *
 * @throws {Error} if none
 */
async function find(directory: Directory, appId: string): Promise<SidecarAddress> {
  const deadline = Date.now() + FIND_MS;
  for (;;) {
    const address = directory.find(appId);
    if (address) return address;
    if (Date.now() >= deadline) throw new Error(`couldn't find service: ${appId}`);
    await sleep(FIND_EVERY_MS);
  }
}

/** Returns the content type that Go detects. It covers the common part of https://mimesniff.spec.whatwg.org/. */
function detectContentType(body: Buffer): string | undefined {
  if (body.length === 0) return undefined;
  const start = body.subarray(0, 512).toString('latin1').trimStart().toLowerCase();
  if (/^<(!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|!--)[\s>]/.test(start))
    return 'text/html; charset=utf-8';
  if (start.startsWith('<?xml')) return 'text/xml; charset=utf-8';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: data with these characters is binary
  return /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(start) ? 'application/octet-stream' : 'text/plain; charset=utf-8';
}

function toAnswer({ status, headers, body }: HttpAnswer, trace: Headers): ApiAnswer {
  // If the app sends no content type, daprd declares an error as JSON, and Go inspects the first bytes of other
  // answers.
  const type = headers['content-type'] ?? (status > 399 ? 'application/json' : detectContentType(body));
  return { status, headers: { ...forwarded(headers), ...trace, 'content-type': type }, body };
}
