import { Agent, STATUS_CODES } from 'node:http';
import { type HttpAnswer, type OpenAnswer, openRequest, RequestError, readAll } from '../http-request';
import { goClientError } from '../invocation/go-error';
import { lookup } from '../pubsub/envelope';
import type { Component } from '../resources/component';
import { ResourceError } from '../resources/document';
import { parseDurationMs } from '../resources/duration';
import type { Binding, BindingAnswer, BindingRequest } from './binding';

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'trace'];
const WITH_BODY = ['POST', 'PUT', 'PATCH'];
const JSON_TYPE = 'application/json; charset=utf-8';
/** daprd's default. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;
/** Go sends these again when the target has closed an idle connection. */
const REPEATABLE = ['GET', 'HEAD', 'OPTIONS', 'TRACE'];
/** The limit of Go's HTTP client. */
const MAX_REDIRECTS = 10;

export const HTTP_BINDING_METADATA = [
  'url',
  'responseTimeout',
  'securityToken',
  'securityTokenHeader',
  'errorIfNot2XX',
  'direction',
];

/**
 * Returns a binding that calls a URL. https://docs.dapr.io/reference/components-reference/supported-bindings/http/
 *
 * @throws {ResourceError} for invalid metadata
 */
export function httpBinding({ file, name, metadata }: Component): Binding {
  const option = (key: string) => lookup(metadata, key) ?? '';
  const fail = (key: string, allowed: string): never => {
    const value = JSON.stringify(option(key));
    throw new ResourceError(`${file}: component ${name}: metadata ${key} is ${value}; allowed: ${allowed}`);
  };
  const base =
    URL.canParse(option('url')) && /^https?:/.test(option('url')) ? option('url') : fail('url', 'an http or https URL');
  const timeout = option('responseTimeout');
  const timeoutMs =
    timeout === '' ? undefined : (parseDurationMs(timeout) ?? fail('responseTimeout', 'a duration such as 5s'));
  const failsByDefault = option('errorIfNot2XX') === '' || isTruthy(option('errorIfNot2XX'));
  const token = option('securityToken') === '' ? {} : { [option('securityTokenHeader')]: option('securityToken') };
  const { Agent: HttpsAgent } = process.getBuiltinModule('node:https');
  const agents = { 'http:': new Agent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };
  return {
    block: 'bindings',
    capabilities: ['OUTPUT_BINDING'],
    operations: ['create', ...METHODS],
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
    invoke: async (request) => {
      const path = request.metadata.path ?? '';
      const url = path === '' ? base : `${base.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
      const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
      const method = request.operation === 'create' ? 'POST' : request.operation.toUpperCase();
      const body = WITH_BODY.includes(method) ? request.data : undefined;
      const answer = await call({
        method,
        url,
        body,
        headers: headersOf(request, body !== undefined, token),
        signal,
        agents,
      });
      const choice = request.metadata.errorIfNot2XX ?? '';
      const fails = choice === '' ? failsByDefault : isTruthy(choice);
      return toAnswer(answer, fails);
    },
  };
}

interface Call {
  method: string;
  url: string;
  body: Buffer | undefined;
  headers: Record<string, string>;
  signal: AbortSignal | undefined;
  agents: Readonly<Record<string, Agent>>;
}

type Answer = HttpAnswer & Pick<OpenAnswer, 'lines'>;

/** Resolves with the answer of a URL. Like Go, it follows redirects. */
async function call(first: Call): Promise<Answer> {
  let current = first;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await callAgain(current);
    const { location } = answer.headers;
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
    if (redirects === MAX_REDIRECTS) throw new Error(`stopped after ${MAX_REDIRECTS} redirects`);
    const url = new URL(location, current.url).href;
    current = { ...current, headers: { ...current.headers, referer: current.url } };
    if (answer.status > 303 || ['GET', 'HEAD'].includes(current.method)) current = { ...current, url };
    else current = { ...current, url, method: 'GET', body: undefined };
  }
}

/** Resolves with the answer of a URL. Like Go, it repeats a call that was sent over a connection that has broken. */
async function callAgain(given: Call): Promise<Answer> {
  const reuses = Object.keys(given.agents[new URL(given.url).protocol]?.freeSockets ?? {}).length > 0;
  try {
    return await callOnce(given);
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (!reuses || code !== 'ECONNRESET' || !REPEATABLE.includes(given.method)) throw error;
    return callOnce(given);
  }
}

async function callOnce({ method, url, body, headers, signal, agents }: Call): Promise<Answer> {
  const { protocol, hostname, port } = new URL(url);
  const [, origin = '', rest = '/'] = /^(https?:\/\/[^/?#]*)([^#]*)/i.exec(url) ?? [];
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  const target = {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? undefined : Number(port),
    path,
  };
  try {
    const opened = await openRequest({ url: target, method, headers, body, signal, agent: agents[protocol] });
    const { status, headers: answered, lines } = opened;
    return { status, headers: answered, lines, body: await readAll(opened.body, MAX_BODY_BYTES) };
  } catch (error) {
    const code = signal?.aborted ? 'ABORT_ERR' : error instanceof RequestError ? error.code : undefined;
    throw new Error(goClientError(method, `${origin}${rest}`, code) ?? (error as Error).message, { cause: error });
  }
}

/** Returns the headers of a request. As in daprd, metadata that begins with a capital letter is a header. */
function headersOf({ metadata, data }: BindingRequest, hasBody: boolean, token: Record<string, string>) {
  const traced = ['traceparent', 'tracestate', 'baggage'].filter((name) => metadata[name]);
  const given = Object.entries(metadata).filter(([name]) => /^[A-Z]/.test(name));
  const defaults: Record<string, string> = { 'user-agent': 'Go-http-client/1.1', accept: JSON_TYPE };
  if (hasBody) Object.assign(defaults, { 'content-type': JSON_TYPE, 'content-length': String(data.length) });
  const lowerCase = [...Object.entries(token), ...given].map(([name, value]) => [name.toLowerCase(), value]);
  return { ...defaults, ...Object.fromEntries([...lowerCase, ...traced.map((name) => [name, metadata[name]])]) };
}

function toAnswer({ status, lines, body }: Answer, fails: boolean): BindingAnswer {
  const metadata: Record<string, string> = {
    statusCode: String(status),
    status: `${status} ${STATUS_CODES[status] ?? ''}`,
  };
  // Go does not show how the body was framed.
  for (const [name, value] of lines.filter(([name]) => name !== 'transfer-encoding'))
    metadata[name] = metadata[name] === undefined ? value : `${metadata[name]}, ${value}`;
  const failed = fails && (status < 200 || status > 299);
  return { data: body, metadata, error: failed ? `received status code ${status}` : undefined };
}

const isTruthy = (text: string) => /^(y|yes|true|t|on|1)$/i.test(text);
