import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiRequest } from '../api/router';
import { type AppChannel, AppUnreachable } from '../app-channel';
import { type HeaderLine, type OpenAnswer, openRequest, RequestError, readAll } from '../http-request';
import type { Probe } from '../probe';
import type { HttpEndpoint } from '../resources/endpoint';
import type { Directory, SidecarAddress } from './directory';
import { callEndpoint, callUrl, type OutsideCall } from './endpoint';
import { goClientError, goRequestError } from './go-error';
import { addRemoteHeaders, CALLER_HEADER, forwardedRequest, type Headers, SECRET_HEADER } from './headers';
import { escapeMethod, type Target } from './target';

export interface Reach {
  appId: string;
  namespace: string;
  app: AppChannel | undefined;
  /** Whether the API of this sidecar has a token. The app does not get it. */
  apiToken: string | undefined;
  /** The token that the app expects. */
  appToken: string | undefined;
  /** Returns false while the app's health check fails. */
  isAppHealthy: () => boolean;
  directory: Directory;
  /** The secret by which this sidecar recognises other sidecars of the same user. */
  secret: string;
  /** Returns the HTTPEndpoint with this name; undefined if there is none. */
  endpoint: (name: string) => HttpEndpoint | undefined;
  /** The limit for the headers of an answer of the app. */
  maxHeaderBytes: number;
  probe?: Probe | undefined;
}

/** The limit for the headers of an answer from another sidecar. */
const MAX_HEADER_BYTES = 64 * 1024;
const FIND_MS = 1_000;
const FIND_EVERY_MS = 50;
/** Go sends a chunked body with these methods even if the body is empty. */
const HAS_BODY = new Set(['POST', 'PUT', 'PATCH', 'TRACE']);
/** The methods that daprd knows. It sends others as POST. */
const METHODS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'CONNECT', ...HAS_BODY]);

/** Returns the app id of the sidecar that has sent this request; undefined if it comes from an app. */
export const callerOf = ({ headers }: ApiRequest, secret: string): string | undefined =>
  headers[SECRET_HEADER] === secret ? String(headers[CALLER_HEADER] ?? '') : undefined;

/**
 * Sends a call to its target: the app of this sidecar, another sidecar, or a URL. Resolves when the answer begins.
 *
 * @throws {Error} with daprd's message when the target cannot be reached
 */
export async function reach(
  target: Target,
  request: ApiRequest,
  traceHeaders: Headers,
  from: Reach,
): Promise<OpenAnswer> {
  const { id, method } = target;
  const lines = request.lines.filter(([name]) => from.apiToken === undefined || name !== 'dapr-api-token');
  const headers = { ...forwardedRequest(lines), ...traceHeaders, ...framing(request) };
  const query = request.search === '' ? '' : `?${request.search}`;
  const outside = (base: string): OutsideCall => {
    const path = method === '' ? '' : escapeMethod(method, base);
    return {
      method: verbOf(request),
      path,
      query,
      headers,
      body: undefined,
      ...bodyOf(request),
      signal: request.signal,
    };
  };
  if (/^https?:\/\//.test(id)) {
    // As in daprd, the token of the app is sent to a URL, but not to an endpoint.
    const { appToken: token } = from;
    const call = outside(id);
    return callUrl(id, token ? { ...call, headers: { ...headers, 'dapr-api-token': token } } : call);
  }
  const [appId = '', namespace = from.namespace, ...more] = id.split('.');
  if (more.length > 0) throw new Error(`invalid app id ${id}`);
  const endpoint = from.endpoint(appId);
  if (endpoint) return callEndpoint(endpoint, outside(endpoint.baseUrl));
  const caller = callerOf(request, from.secret);
  if (appId === from.appId && (caller !== undefined || namespace === from.namespace)) {
    if (caller !== undefined) addRemoteHeaders(headers, caller, appId);
    return callApp(method, query, request, headers, from);
  }
  const stub = from.probe?.stub(appId);
  if (stub) {
    addRemoteHeaders(headers, from.appId, appId);
    const body = Buffer.isBuffer(request.body) ? request.body : await readAll(request.body, Number.POSITIVE_INFINITY);
    const path = escapeMethod(method, id) + query;
    return stub({ method: verbOf(request), path, lines: toLines(headers), body });
  }
  // The called sidecar decodes the path and escapes it again for its app.
  const path = `/${method.split('/').map(encodeURIComponent).join('/')}${query}`;
  for (;;) {
    const address = await find(from.directory, appId);
    try {
      return await callSidecar(address, path, request, headers, from.appId);
    } catch (error) {
      if (!(error instanceof RequestError && error.code === 'ECONNREFUSED' && Buffer.isBuffer(request.body)))
        throw error;
      from.directory.forget(address);
    }
  }
}

const toLines = (headers: Headers): HeaderLine[] =>
  Object.entries(headers).flatMap(([name, value]) => [value].flat().map((line): HeaderLine => [name, line]));

const verbOf = ({ method }: ApiRequest): string => (METHODS.has(method) ? method : 'POST');

/** Returns the headers that delimit the body. */
function framing(request: ApiRequest): Headers {
  const { body } = request;
  if (!Buffer.isBuffer(body)) return { 'transfer-encoding': 'chunked' };
  if (body.length > 0) return { 'content-length': String(body.length) };
  return HAS_BODY.has(verbOf(request)) ? { 'transfer-encoding': 'chunked' } : {};
}

const bodyOf = ({ body }: ApiRequest) => (Buffer.isBuffer(body) && body.length === 0 ? {} : { body });

async function callApp(method: string, query: string, request: ApiRequest, headers: Headers, from: Reach) {
  const { app, isAppHealthy, maxHeaderBytes } = from;
  if (!app) throw new Error('cannot invoke local endpoint: app channel not initialized');
  if (!isAppHealthy()) throw new Error('rpc error: code = Internal desc = app is not in a healthy state');
  const base = `http://127.0.0.1:${app.port}`;
  const path = escapeMethod(method, base);
  const verb = verbOf(request);
  const { signal } = request;
  try {
    return await app.open({ method: verb, path: path + query, headers, ...bodyOf(request), signal });
  } catch (error) {
    if (!(error instanceof AppUnreachable)) throw error;
    const url = `${base}${path}${query}`;
    const broken = 'net/http: HTTP/1.x transport connection broken';
    const tooLong = `${broken}: net/http: server response headers exceeded ${maxHeaderBytes} bytes; aborted`;
    const reason =
      error.code === 'HPE_HEADER_OVERFLOW' ? goRequestError(verb, url, tooLong) : goClientError(verb, url, error.code);
    throw reason === undefined ? error : new Error(reason);
  }
}

function callSidecar(
  { appId, port, secret }: SidecarAddress,
  path: string,
  request: ApiRequest,
  headers: Headers,
  caller: string,
): Promise<OpenAnswer> {
  return openRequest({
    url: { protocol: 'http:', hostname: '127.0.0.1', port, path },
    method: request.method,
    headers: { ...headers, 'dapr-app-id': appId, [SECRET_HEADER]: secret, [CALLER_HEADER]: caller },
    body: undefined,
    ...bodyOf(request),
    signal: request.signal,
    maxHeaderBytes: MAX_HEADER_BYTES,
  });
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
