import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeBody } from './body';
import { headerLines } from './http-client';
import type { AppAnswer, AppBehaviour, Json } from './recording';

/** A request that the app received. `at` is in milliseconds since the epoch. */
export interface Seen {
  at: number;
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  /** The header lines as they arrived, sorted, with names in lower case. */
  lines: string[];
  body: Json;
  text: string;
}

/** An app that answers as its case describes and keeps every request that it receives. */
export class RecordedApp {
  readonly seen: Seen[] = [];
  /** The largest number of requests that were open at the same time. */
  mostAtOnce = 0;
  private atOnce = 0;
  private readonly counts = new Map<string, number>();
  private server: Server | undefined;

  constructor(
    readonly port: number,
    public behaviour: AppBehaviour,
  ) {}

  async start(): Promise<void> {
    const server = createServer((req, res) => void this.serve(req, res).catch(() => res.destroy()));
    server.keepAliveTimeout = 60_000;
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const bytes = await buffer(req);
    const { method = '', url = '', headers } = req;
    const seen = { at: Date.now(), method, path: url, headers, lines: headerLines(req), text: bytes.toString() };
    const request = { ...seen, body: decodeBody(bytes, headers['content-type']) };
    this.seen.push(request);
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    res.once('close', () => {
      this.atOnce -= 1;
    });
    const answer = this.answerFor(url.split('?')[0] ?? '');
    if (answer.destroy) return void req.socket.destroy();
    if (answer.hang) return;
    if (answer.delayMs) await sleep(answer.delayMs);
    const [body, type] = bodyOf(answer, request);
    for (const [name, value] of answer.headerLines ?? []) res.appendHeader(name, value);
    const long = answer.fillHeader === undefined ? {} : { 'x-fill': 'x'.repeat(answer.fillHeader) };
    res.writeHead(answer.status ?? 200, { ...(type && { 'content-type': type }), ...long, ...answer.headers });
    if (!answer.chunks) return void res.end(body);
    for (const chunk of answer.chunks) {
      res.write(chunk);
      await sleep(answer.chunkMs ?? 0);
    }
    if (answer.breakOff) res.destroy();
    else res.end();
  }

  private answerFor(path: string): AppAnswer {
    const { routes = {}, config = { status: 404 }, subscribe = { status: 404 } } = this.behaviour;
    const answers = routes[path];
    if (!answers && path === '/dapr/config') return config;
    if (!answers && path === '/dapr/subscribe') return Array.isArray(subscribe) ? { json: subscribe } : subscribe;
    const chosen = answers ?? routes['*'] ?? {};
    if (!Array.isArray(chosen)) return chosen;
    const count = this.counts.get(path) ?? 0;
    this.counts.set(path, count + 1);
    return chosen[Math.min(count, chosen.length - 1)] ?? {};
  }
}

function bodyOf({ json, text = '', echo, bulk, fill }: AppAnswer, request: Seen): [body: string, type?: string] {
  const asJson = (value: unknown): [string, string] => [JSON.stringify(value), 'application/json'];
  if (echo) return asJson({ method: request.method, url: request.path, headers: request.headers, body: request.text });
  if (bulk) {
    const { entries = [] } = request.body as { entries?: { entryId: string }[] };
    const statuses = entries.map(({ entryId }, i) => ({ entryId, status: bulk[i] ?? bulk['*'] ?? 'SUCCESS' }));
    return asJson({ statuses: statuses.filter(({ status }) => status !== 'OMIT') });
  }
  if (fill !== undefined) return ['x'.repeat(fill)];
  return json === undefined ? [text] : asJson(json);
}
