import { type OpenAnswer, type OpenRequest, openRequest, RequestError } from '../http-request';
import type { EndpointTls, HttpEndpoint } from '../resources/endpoint';
import { goClientError, goRequestError } from './go-error';
import type { Headers } from './headers';

/** A call to a service outside of Dapr. */
export interface OutsideCall {
  method: string;
  /** The escaped path; empty or with a slash at its beginning. */
  path: string;
  /** With its question mark; empty if none. */
  query: string;
  headers: Headers;
  body: OpenRequest['body'];
  signal: AbortSignal;
}

/** The limit for the headers of an answer. */
const MAX_HEADER_BYTES = 64 * 1024;
/** Go's client does not follow more redirects. */
const MAX_REDIRECTS = 10;
/** Go repeats a call with these answers as GET. It cannot follow 307 and 308, because it has no second copy of the body. */
const FOLLOWED = new Set([301, 302, 303]);
const BODY_HEADERS = new Set(['content-type', 'content-length', 'transfer-encoding']);
const SECRET_HEADERS = new Set(['authorization', 'www-authenticate', 'cookie', 'cookie2']);
const NO_TLS: EndpointTls = { ca: undefined, cert: undefined, key: undefined };

/** Resolves with the answer of a URL. It follows no redirect. @throws {Error} with the message of Go's HTTP client */
export function callUrl(url: string, { path, query, ...call }: OutsideCall): Promise<OpenAnswer> {
  return send(url.replace(/\/$/, '') + path + query, call, NO_TLS);
}

/**
 * Resolves with the answer of an endpoint. As in daprd, redirects are followed.
 *
 * @throws {Error} with the message of Go's HTTP client
 */
export async function callEndpoint(endpoint: HttpEndpoint, call: OutsideCall): Promise<OpenAnswer> {
  let url = endpoint.baseUrl + call.path + call.query;
  const own = new Map(endpoint.headers.map(([name, value]) => [name.toLowerCase(), value]));
  let request: Request = { ...call, headers: { ...call.headers, ...Object.fromEntries(own) } };
  for (let redirects = 0; ; redirects += 1) {
    const answer = await send(url, request, endpoint.tls);
    const { location } = answer.headers;
    if (!FOLLOWED.has(answer.status) || location === undefined) return answer;
    answer.body.resume();
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
    if (redirects === MAX_REDIRECTS - 1) {
      throw new Error(goRequestError(method, location, `stopped after ${MAX_REDIRECTS} redirects`));
    }
    const next = new URL(location, url);
    const isElsewhere = next.hostname !== new URL(url).hostname;
    const kept = Object.entries(request.headers).filter(
      ([name]) => !BODY_HEADERS.has(name) && !(isElsewhere && SECRET_HEADERS.has(name)),
    );
    request = { method, headers: { ...Object.fromEntries(kept), referer: url }, body: undefined, signal: call.signal };
    url = next.href;
  }
}

type Request = Omit<OutsideCall, 'path' | 'query'>;

async function send(url: string, { method, headers, body, signal }: Request, tls: EndpointTls): Promise<OpenAnswer> {
  const [, scheme = '', authority = '', path = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/([^/?#]*))?(.*)$/is.exec(url) ?? [];
  const protocol = `${scheme.toLowerCase()}:`;
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new Error(goRequestError(method, url, `unsupported protocol scheme "${scheme}"`));
  }
  const { hostname, port } = new URL(`${protocol}//${authority}`);
  try {
    return await openRequest({
      url: {
        protocol,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? undefined : Number(port),
        path: path.startsWith('/') ? path : `/${path}`,
      },
      method,
      headers: { 'user-agent': 'Go-http-client/1.1', ...headers },
      body,
      signal,
      maxHeaderBytes: MAX_HEADER_BYTES,
      tls,
    });
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const reason = goClientError(method, url, error.code) ?? goRequestError(method, url, error.message);
    throw new Error(reason, { cause: error });
  }
}
