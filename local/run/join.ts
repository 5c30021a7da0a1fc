import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../api/errors';
import { type ApiRoute, noContent } from '../api/router';
import { sidecarCheck } from '../api/tokens';
import type { SidecarAddress } from '../invocation/directory';
import { SECRET_HEADER } from '../invocation/headers';

/** The request of another process for a sidecar in a run. */
export interface JoinRequest {
  appId: string;
  appPort?: number | undefined;
  httpPort: number;
}

/** Starts a sidecar and stops it when `signal` is aborted. Resolves when the sidecar has stopped. */
export type Join = (request: JoinRequest, signal: AbortSignal) => Promise<void>;

const PATH = 'v1.0/x-local/join';
const READY_POLL_MS = 20;

/**
 * Returns the route that starts a sidecar for an app of another process, so that the app shares the in-memory
 * components. Only processes of the same user can read the required secret. The answer comes when the sidecar has
 * stopped.
 */
export function joinRoute(secret: string, join: Join): ApiRoute {
  const isFromSidecar = sidecarCheck(secret);
  return {
    methods: ['POST'],
    pattern: PATH,
    handler: async ({ headers, body, signal }) => {
      if (!isFromSidecar(headers)) throw new ApiError(403, 'ERR_JOIN', 'the caller is not a sidecar of this user');
      try {
        await join(JSON.parse(body.toString('utf8')), signal);
      } catch (error) {
        throw new ApiError(500, 'ERR_JOIN', (error as Error).message);
      }
      return noContent;
    },
  };
}

/** A sidecar in the process of another run. It stops when this process ends or when its API receives a shutdown. */
export class JoinedSidecar {
  port = 0;
  /** Always true, because an app joins a run in order to receive events. */
  readonly hasSubscriptions = true;
  private call: ClientRequest | undefined;
  private ended: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(
    private readonly host: SidecarAddress,
    private readonly app: Pick<JoinRequest, 'appId' | 'appPort'>,
    private readonly onShutdown: () => void,
  ) {}

  /** Resolves when the API of the sidecar answers. @throws {Error} when the run does not start the sidecar */
  async listen(): Promise<void> {
    this.port = await anyFreePort();
    const call = request({
      host: '127.0.0.1',
      port: this.host.port,
      method: 'POST',
      path: `/${PATH}`,
      headers: { 'content-type': 'application/json', [SECRET_HEADER]: this.host.secret },
    });
    this.call = call;
    call.end(JSON.stringify({ ...this.app, httpPort: this.port } satisfies JoinRequest));
    this.ended = (once(call, 'response') as Promise<[IncomingMessage]>).then(
      async ([answer]) => {
        const text = Buffer.concat(await answer.toArray()).toString('utf8');
        return answer.statusCode === 204 ? undefined : `cannot join ${this.host.appId}: ${text}`;
      },
      (error: Error) => `the run of ${this.host.appId} has ended: ${error.message}`,
    );
    void this.ended.then(this.onShutdown);
    await this.waitUntilHealthy('healthz/outbound');
  }

  /** Resolves when the sidecar delivers events. @throws {Error} when the sidecar stops before that */
  start(): Promise<void> {
    return this.waitUntilHealthy('healthz');
  }

  async close(): Promise<boolean> {
    this.call?.destroy();
    await this.ended;
    return true;
  }

  private async waitUntilHealthy(path: string): Promise<void> {
    const url = `http://127.0.0.1:${this.port}/v1.0/${path}`;
    let ended = false;
    void this.ended.then(() => {
      ended = true;
    });
    for (;;) {
      const answer = await fetch(url).catch(() => undefined);
      if (answer?.ok) return;
      if (ended) throw new Error((await this.ended) ?? `${this.app.appId}: the sidecar has stopped`);
      await sleep(READY_POLL_MS);
    }
  }
}

async function anyFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
