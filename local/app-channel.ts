import { Agent } from 'node:http';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { splitOnce } from './api/router';
import { type HttpAnswer, type OpenAnswer, openRequest, RequestError, readAll } from './http-request';
import { bodyThrough, NO_PIPELINE, type Pipeline, pathThrough } from './middleware/middleware';

export interface AppRequest {
  method: string;
  /** With or without a leading slash, because the route of a subscription may have none. */
  path: string;
  headers?: Record<string, string | string[] | undefined>;
  body?: Buffer | Readable;
  signal?: AbortSignal;
}

/** A request to the app that got no complete answer. */
export class AppUnreachable extends Error {
  constructor(
    message: string,
    /** Node's error code, if there is one. */
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

/** The idle timeout of Go's client. Node's agent honours the timeout of the app only if it has a timeout itself. */
const IDLE_MS = 90_000;

/** Sends the requests of a sidecar to its app: HTTP on loopback, with keep-alive. */
export class AppChannel {
  private readonly agent: Agent;

  constructor(
    readonly port: number,
    private readonly options: {
      token: string | undefined;
      /** The middlewares between the sidecar and the app. */
      pipeline?: Pipeline;
      /** The concurrency limit. Other requests wait. Infinity: no limit. */
      maxConcurrent: number;
      maxBodyBytes: number;
      /** The limit for the headers of an answer. */
      maxHeaderBytes: number;
    },
  ) {
    this.agent = new Agent({ keepAlive: true, timeout: IDLE_MS, maxSockets: options.maxConcurrent });
  }

  /** Resolves with the app's answer. @throws {AppUnreachable} when the connection fails or the answer is too long */
  async send(request: AppRequest): Promise<HttpAnswer> {
    const { status, headers, body } = await this.open(request);
    try {
      return { status, headers, body: await readAll(body, this.options.maxBodyBytes) };
    } catch (error) {
      throw this.unreachable(request, error);
    }
  }

  /** Resolves with the start of the app's answer. @throws {AppUnreachable} when the connection fails */
  async open(request: AppRequest): Promise<OpenAnswer> {
    const { method, headers = {}, signal } = request;
    const { token, maxHeaderBytes, pipeline = NO_PIPELINE } = this.options;
    const [given, query] = splitOnce(withSlash(request.path), '?');
    const { path, search } = pathThrough(pipeline, { path: given, search: query });
    const body = request.body && bodyThrough(pipeline, 'request', request.body);
    try {
      const answer = await openRequest({
        url: {
          protocol: 'http:',
          hostname: '127.0.0.1',
          port: this.port,
          path: search === '' ? path : `${path}?${search}`,
        },
        method,
        headers: {
          'user-agent': 'Go-http-client/1.1',
          ...headers,
          ...(token !== undefined && { 'dapr-api-token': token }),
          ...(Buffer.isBuffer(body) && { 'content-length': String(body.length) }),
        },
        body,
        signal,
        agent: this.agent,
        maxHeaderBytes,
      });
      return { ...answer, body: bodyThrough(pipeline, 'answer', answer.body) };
    } catch (error) {
      throw this.unreachable(request, error);
    }
  }

  /** Resolves with whether a process listens on the app's port. */
  isUp(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.once('connect', () => socket.end(() => resolve(true)));
      socket.once('error', () => resolve(false));
    });
  }

  close(): void {
    this.agent.destroy();
  }

  private unreachable({ method, path }: AppRequest, error: unknown): unknown {
    if (!(error instanceof RequestError)) return error;
    return new AppUnreachable(`${method} ${withSlash(path)} on port ${this.port}: ${error.message}`, error.code);
  }
}

const withSlash = (path: string) => (path.startsWith('/') ? path : `/${path}`);
