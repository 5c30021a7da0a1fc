import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

/** What the app answered. */
export interface AppAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface AppRequest {
  method: string;
  /** With or without a leading slash, as a subscription's route may be. */
  path: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer;
  signal?: AbortSignal;
}

/** The app could not be asked, or its answer could not be read. */
export class AppUnreachable extends Error {}

/** The way from a sidecar to its app: HTTP on loopback, over connections that are kept. */
export class AppChannel {
  private readonly agent: Agent;

  constructor(
    readonly port: number,
    private readonly options: {
      token: string | undefined;
      /** Requests at a time; the others wait. Infinity: no limit. */
      maxConcurrency: number;
      /** Bytes of an answer that are read before it is given up. */
      maxBodyBytes: number;
    },
  ) {
    this.agent = new Agent({ keepAlive: true, maxSockets: options.maxConcurrency });
  }

  /** @throws {AppUnreachable} when the connection fails, or the answer is broken off or too long */
  send({ method, path, headers = {}, body, signal }: AppRequest): Promise<AppAnswer> {
    const { token, maxBodyBytes } = this.options;
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(new AppUnreachable(`${method} ${path} on port ${this.port}: ${error.message}`, { cause: error }));
      const all: Record<string, string | string[]> = {
        'user-agent': 'Go-http-client/1.1',
        ...headers,
        'accept-encoding': 'gzip',
        ...(token !== undefined && { 'dapr-api-token': token }),
      };
      if (body) all['content-length'] = String(body.length);
      let req: ReturnType<typeof request>;
      try {
        req = request({
          host: '127.0.0.1',
          port: this.port,
          method,
          path: path.startsWith('/') ? path : `/${path}`,
          headers: all,
          agent: this.agent,
          ...(signal && { signal }),
        });
      } catch (error) {
        return fail(error as Error); // a path or a header that cannot be sent
      }
      req.on('error', fail);
      req.on('response', (res) => {
        const chunks: Buffer[] = [];
        let length = 0;
        res.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > maxBodyBytes) req.destroy(new Error(`the answer is longer than ${maxBodyBytes} bytes`));
          else chunks.push(chunk);
        });
        res.on('error', fail);
        res.on('aborted', () => fail(new Error('the answer was broken off')));
        res.on('end', () =>
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) }),
        );
      });
      req.end(body);
    });
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
