import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../testing/redis-server';
import { type Reply, send, sendRaw } from './http-client';
import type { ObservedRequests } from './observed-requests';
import type { BrokerName, Json, JsonRecord, Step } from './recording';
import type { RedisCommands } from './redis-commands';
import { countBy, defined, fillPlaceholders, readable, replaceIn, select, without } from './shape';
import { expandComponent, type Side, writeDocument } from './side';

/** How long a sidecar may take until it is ready, unless the case or the step gives another time. */
export const READY_MS = 10_000;
/** How long a sidecar may take until it has exited, unless the step gives another time. */
export const EXIT_MS = 15_000;
const WAIT_MS = 8_000;
const QUIET_MS = 250;
const UNTIL_STATUS_MS = 5_000;
const MAX_RESETS = 15;

const HIDDEN_LINES = /^(date|connection|keep-alive):/;
/** The length of JSON with a random space, which Go's protojson writes. */
const HIDDEN_IF_PICKED = /^(date|connection|keep-alive|content-length):/;
const IGNORED_HEADERS = new Set([
  'date',
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'metadata.date',
]);

export interface StepContext {
  sides: readonly Side[];
  requests: ObservedRequests;
  broker: BrokerName;
  redis: RedisServer | undefined;
  redisCommands: RedisCommands;
  /** The values of the placeholders for ports and addresses. */
  known: Record<string, string>;
}

/** Runs the steps of one case. */
export class StepRunner {
  /** When the first request of the case was answered, in milliseconds since the epoch. */
  firstAnswerAt: number | undefined;
  private readonly background: Promise<Json>[] = [];

  constructor(private readonly context: StepContext) {}

  /** Resolves with the result of a step; undefined if the step has none. @throws {Error} for an unknown step */
  async run(given: Step): Promise<JsonRecord | undefined> {
    const { sides, requests, broker, redis, redisCommands, known } = this.context;
    const { path, json, text, headers } = given;
    const step = { ...given, ...this.fill(defined({ path, json, text, headers }) as Partial<Step>) };
    const side = sides[step.via === 'second' ? 1 : 0];
    if (!side) throw new Error('the case has no second sidecar');
    const { app, sidecar } = side;
    switch (step.do) {
      case 'request':
        return this.request(step, side);
      case 'raw':
        return showRaw(await sendRaw(step.text ?? '', side.httpPort, step.timeoutMs));
      case 'background':
        this.background.push(this.request(step, side));
        return { started: true };
      case 'join':
        return { finished: await Promise.all(this.background.splice(0)) };
      case 'burst':
        return this.burst(step, side);
      case 'wait':
        return this.wait(step, side);
      case 'total':
        return { total: requests.totalDeliveries() };
      case 'sleep':
        await sleep(step.ms);
        return;
      case 'app-start':
        await app?.start();
        return;
      case 'app-stop':
        await app?.stop();
        return;
      case 'app-set':
        if (app) app.behaviour = { ...app.behaviour, ...this.fill(step.spec ?? {}) };
        return;
      case 'app-seen':
        return { seen: requests.paths(side, step.from === 'last') };
      case 'probe-seen':
        return requests.firstProbe(side);
      case 'sidecar-start': {
        await sidecar.start();
        if (step.ready === false) return;
        const ready = await sidecar.ready(step.readyMs ?? READY_MS);
        await sleep(sidecar.settleMs);
        return { ready };
      }
      case 'sidecar-kill': {
        const startedAt = Date.now();
        sidecar.signal(step.signal ?? 'SIGTERM');
        if (step.wait === false) return;
        const exit = await sidecar.exited(step.timeoutMs ?? EXIT_MS);
        return { exited: exit !== undefined, ...exit, ...(step.timed && { tookMs: Date.now() - startedAt }) };
      }
      case 'sidecar-exited': {
        const exit = await sidecar.exited(step.timeoutMs ?? EXIT_MS);
        return { exited: exit !== undefined, ...exit };
      }
      case 'redis':
        return { reply: readable(await redisCommands.send(this.fill(step.cmd ?? [])), step.fields) };
      case 'redis-stop':
        await redis?.kill();
        return;
      case 'redis-start':
        await redis?.start();
        return;
      case 'write-resource':
        writeDocument(
          join(side.resources, step.file ?? 'added.yaml'),
          expandComponent(step.resource ?? {}, broker, known),
          known,
        );
        return;
      case 'remove-resource':
        rmSync(join(side.resources, step.file ?? 'added.yaml'));
        return;
      default:
        throw new Error(`unknown step: ${step.do}`);
    }
  }

  private async request(step: Step, { httpPort }: Side): Promise<JsonRecord> {
    const host = step.host && this.fill(step.host);
    const port = step.port === undefined ? httpPort : Number(this.fill(step.port));
    const deadline = Date.now() + UNTIL_STATUS_MS;
    let reply: Reply;
    for (let resets = 0; ; ) {
      reply = await send(step, port, host);
      if (step.retryReset && /ECONNRESET|EPIPE/.test(reply.error ?? '') && resets < MAX_RESETS) {
        resets += 1;
        continue;
      }
      if (step.until === undefined || reply.status === step.until || Date.now() > deadline) break;
      await sleep(50);
    }
    this.firstAnswerAt ??= Date.now();
    const { status, headers, lines = [], body = null, error, tookMs, chunks, firstMs, broken } = reply;
    const timed = step.timed ? { tookMs } : {};
    if (error !== undefined) return { error, ...timed };
    return {
      status: status ?? 0,
      ...(step.lines
        ? { lines: lines.filter((line) => !(step.pick ? HIDDEN_IF_PICKED : HIDDEN_LINES).test(line)) }
        : { headers: shortened(without(headers ?? {}, IGNORED_HEADERS)) }),
      ...(chunks ? defined({ chunks, firstMs, broken }) : { body: select(body, step) }),
      ...timed,
    };
  }

  private async burst(step: Step, { httpPort }: Side): Promise<JsonRecord> {
    const requests = Array.from({ length: step.n ?? 0 }, (_, i) => replaceIn(step, /\{i\}/g, () => String(i)));
    const replies = await Promise.all(requests.map((request) => send(request, httpPort)));
    const tally = countBy(replies.map(({ status, error }) => String(status ?? error)));
    if (step.bodies === false) return { tally };
    const exampleBody: JsonRecord = {};
    for (const { status, error, body } of replies) if (body) exampleBody[String(status ?? error)] ??= body;
    return { tally, exampleBody };
  }

  /** Waits for the number of deliveries, and then for `quietMs` more, so that an unexpected delivery is seen too. */
  private async wait(
    { deliveries = 0, timeoutMs = WAIT_MS, quietMs = QUIET_MS }: Step,
    side: Side,
  ): Promise<JsonRecord> {
    const { requests } = this.context;
    const deadline = Date.now() + timeoutMs;
    while (requests.deliveries(side).length < deliveries && Date.now() < deadline) await sleep(10);
    await sleep(quietMs);
    return { deliveries: requests.deliveries(side).length };
  }

  private fill<T>(value: T): T {
    return fillPlaceholders(value, this.context.known);
  }
}

/** Returns headers with the length of a long header instead of its value. */
const shortened = (headers: JsonRecord): JsonRecord =>
  typeof headers['x-fill'] === 'string' ? { ...headers, 'x-fill': `${headers['x-fill'].length} bytes` } : headers;

/** Returns what was received over a raw connection: the status line, the sorted header lines and the body. */
function showRaw({ received, closed }: { received: string; closed: boolean }): JsonRecord {
  const [head = '', ...body] = received.split('\r\n\r\n');
  const [status = '', ...lines] = head.split('\r\n');
  const kept = lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
  return {
    status,
    lines: kept.filter((line) => !/^(date|keep-alive):/.test(line)).sort(),
    body: body.join('\r\n\r\n'),
    closed,
  };
}
