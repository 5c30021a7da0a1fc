import { Agent } from 'node:http';
import { connect } from 'node:net';
import { type HttpAnswer, RequestError, sendRequest } from './http-request';

export interface AppRequest {
  method: string;
  /** With or without a leading slash, because the route of a subscription may have none. */
  path: string;
  headers?: Record<string, string | string[] | undefined>;
  body?: Buffer;
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
      /** The concurrency limit. Other requests wait. Infinity: no limit. */
      maxConcurrent: number;
      maxBodyBytes: number;
    },
  ) {
    this.agent = new Agent({ keepAlive: true, timeout: IDLE_MS, maxSockets: options.maxConcurrent });
  }

  /** Resolves with the app's answer. @throws {AppUnreachable} when the connection fails or the answer is too long */
  async send({ method, path, headers = {}, body, signal }: AppRequest): Promise<HttpAnswer> {
    const { token, maxBodyBytes } = this.options;
    const withSlash = path.startsWith('/') ? path : `/${path}`;
    try {
      return await sendRequest({
        url: { protocol: 'http:', hostname: '127.0.0.1', port: this.port, path: withSlash },
        method,
        headers: {
          'user-agent': 'Go-http-client/1.1',
          ...headers,
          'dapr-api-token': token,
          ...(body && { 'content-length': String(body.length) }),
        },
        body,
        signal,
        agent: this.agent,
        maxBodyBytes,
      });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      throw new AppUnreachable(`${method} ${withSlash} on port ${this.port}: ${error.message}`, error.code);
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
}
