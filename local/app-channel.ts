import { Agent } from 'node:http';
import { connect } from 'node:net';
import { type HttpAnswer, RequestError, sendRequest } from './http-request';

export interface AppRequest {
  method: string;
  /** With or without a leading slash, as a subscription's route may be. */
  path: string;
  headers?: Record<string, string | string[] | undefined>;
  body?: Buffer;
  signal?: AbortSignal;
}

/** The app could not be asked, or its answer could not be read. */
export class AppUnreachable extends Error {
  constructor(
    message: string,
    /** Node's code of the failure, where there is one. */
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

/** As long as Go's client keeps an idle connection. With none of its own, Node's agent does not heed the app's either. */
const IDLE_MS = 90_000;

/** The way from a sidecar to its app: HTTP on loopback, over connections that are kept. */
export class AppChannel {
  private readonly agent: Agent;

  constructor(
    readonly port: number,
    private readonly options: {
      token: string | undefined;
      /** Requests at a time; the others wait. Infinity: no limit. */
      maxConcurrency: number;
      maxBodyBytes: number;
    },
  ) {
    this.agent = new Agent({ keepAlive: true, timeout: IDLE_MS, maxSockets: options.maxConcurrency });
  }

  /** @throws {AppUnreachable} when the connection fails, or the answer is broken off or too long */
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

  /** Whether something listens on the app's port. */
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
