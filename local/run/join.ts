import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../api/errors';
import { noContent, type Route, tokenCheck } from '../api/router';
import type { Address } from '../invocation/directory';

/** The sidecar that another process asks a run for. */
export interface JoinRequest {
  appId: string;
  appPort?: number | undefined;
  httpPort: number;
}

/** Starts the sidecar, and ends it when `left` is aborted. Resolves when it has ended. */
export type Join = (request: JoinRequest, left: AbortSignal) => Promise<void>;

const PATH = 'v1.0/x-local/join';
const READY_POLL_MS = 20;

/**
 * Lets an app of another process have its sidecar in this one, so that it shares the in-memory components. Only for
 * processes of the same user, who can read the secret. The answer comes when the sidecar has ended.
 */
export function joinRoute(secret: string, join: Join): Route {
  const isSecret = tokenCheck(secret);
  return {
    methods: ['POST'],
    pattern: PATH,
    handler: async ({ headers, body, signal }) => {
      if (!isSecret(headers['x-local-sidecar'])) throw new ApiError(403, 'ERR_JOIN', 'not a sidecar of this user');
      try {
        await join(JSON.parse(body.toString('utf8')), signal);
      } catch (error) {
        throw new ApiError(500, 'ERR_JOIN', (error as Error).message);
      }
      return noContent;
    },
  };
}

/** A sidecar in the process of somebody else's run, which lives as long as this process and its own API let it. */
export class JoinedSidecar {
  port = 0;
  /** It was asked for in order to receive something. */
  readonly hasSubscriptions = true;
  private call: ClientRequest | undefined;
  private ended: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(
    private readonly host: Address,
    private readonly app: Pick<JoinRequest, 'appId' | 'appPort'>,
    private readonly onShutdown: () => void,
  ) {}

  /** @throws {Error} when the run does not start the sidecar */
  async listen(): Promise<void> {
    this.port = await freePort();
    const call = request({
      host: '127.0.0.1',
      port: this.host.port,
      method: 'POST',
      path: `/${PATH}`,
      headers: { 'content-type': 'application/json', 'x-local-sidecar': this.host.secret },
    });
    this.call = call;
    call.end(JSON.stringify({ ...this.app, httpPort: this.port } satisfies JoinRequest));
    this.ended = (once(call, 'response') as Promise<[IncomingMessage]>).then(
      async ([answer]) => {
        const text = Buffer.concat(await answer.toArray()).toString('utf8');
        return answer.statusCode === 204 ? undefined : `cannot join ${this.host.appId}: ${text}`;
      },
      (error: Error) => `${this.host.appId} has gone: ${error.message}`,
    );
    void this.ended.then(this.onShutdown);
    await this.reach('healthz/outbound');
  }

  /** Resolves when it delivers. @throws {Error} when it ended before */
  start(): Promise<void> {
    return this.reach('healthz');
  }

  async close(): Promise<boolean> {
    this.call?.destroy();
    await this.ended;
    return true;
  }

  private async reach(path: string): Promise<void> {
    const url = `http://127.0.0.1:${this.port}/v1.0/${path}`;
    let ended = false;
    void this.ended.then(() => {
      ended = true;
    });
    for (;;) {
      const answer = await fetch(url).catch(() => undefined);
      if (answer?.ok) return;
      if (ended) throw new Error((await this.ended) ?? `${this.app.appId}: the sidecar has ended`);
      await sleep(READY_POLL_MS);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
