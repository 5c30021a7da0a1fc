import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisClient } from '@redis/client';
import { freePort } from '../testing/free-port';
import type { RedisServer } from '../testing/redis-server';
import { type Reply, send } from './http-client';
import { differences } from './match';
import { RecordedApp, type Seen } from './recorded-app';
import {
  type BrokerName,
  type Case,
  type Json,
  type JsonRecord,
  type Observation,
  observationOf,
  type Party,
  type Step,
} from './recording';
import { countBy, defined, readable, replaceIn, select, without } from './shape';
import type { SidecarSettings, SidecarUnderTest } from './sidecars';

export interface ReplayOptions {
  broker: BrokerName;
  /** Its own while the case runs; undefined for a case without Redis. */
  redis: RedisServer | undefined;
  createSidecar: (settings: SidecarSettings) => SidecarUnderTest;
}

export interface Observed {
  observation: Observation;
  /** The values of ports and addresses in it, by the names that the recording has for them. */
  known: Record<string, string>;
  /** What the sidecars printed. */
  output: string;
}

/** Carries a case out. @throws {Error} when its sidecars do not start */
export async function observe(recorded: Case, options: ReplayOptions): Promise<Observed> {
  const replay = await Replay.prepare(recorded, options);
  try {
    return { observation: await replay.run(), known: replay.known, output: replay.output };
  } finally {
    await replay.clean();
  }
}

/** @returns one line for each difference between what was recorded and what happens now */
export async function replay(recorded: Case, options: ReplayOptions): Promise<string[]> {
  const expected = observationOf(recorded, options.broker);
  if (!expected) return [`nothing is recorded for the broker ${options.broker}`];
  const { observation, known, output } = await observe(recorded, options);
  const [toleranceMs, unordered] = [recorded.tolMs ?? 300, recorded.unordered ?? false];
  const found = differences(expected, observation, { known, toleranceMs, unordered });
  return found.length > 0 && output !== '' ? [...found, output.trim().slice(-600)] : found;
}

const PROTOCOL = { RESP: 2 } as const;
const createRedisClient = RedisClient.factory(PROTOCOL);

const READY_MS = 10_000;
const WAIT_MS = 8_000;
const QUIET_MS = 250;
const END_MS = 100;
const EXIT_MS = 15_000;
const RESETS = 15;

const NOT_IN_ANSWERS = new Set(['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding']);
const NOT_IN_DELIVERIES = new Set(['host', 'user-agent', 'accept-encoding', 'content-length', 'connection']);

interface Side {
  app: RecordedApp | undefined;
  sidecar: SidecarUnderTest;
  httpPort: number;
  resources: string;
  /** How many of the app's requests a step has looked at. */
  lookedAt: number;
}

class Replay {
  private readonly folder = mkdtempSync(join(tmpdir(), 'contract-'));
  private readonly sides: Side[] = [];
  private readonly answeredAt: number[] = [];
  private readonly background: Promise<Json>[] = [];
  private redisClient: ReturnType<typeof createRedisClient> | undefined;

  private constructor(
    private readonly recorded: Case,
    private readonly options: ReplayOptions,
    readonly known: Record<string, string>,
  ) {}

  static async prepare(recorded: Case, options: ReplayOptions): Promise<Replay> {
    const names = ['httpPort', 'grpcPort', 'internalPort', 'appPort'].flatMap((name) => [name, `${name}2`]);
    const ports = await Promise.all(names.map(async (name) => [name, String(await freePort())] as const));
    const addresses = Object.values(networkInterfaces()).flat();
    const hostip = addresses.find((address) => address?.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
    const redisPort = String(options.redis?.port ?? 0);
    const replay = new Replay(recorded, options, { ...Object.fromEntries(ports), redisPort, hostip });
    if (options.redis) await replay.redis(['FLUSHALL']);
    replay.sides.push(replay.prepareSide(recorded, ''));
    if (recorded.second) replay.sides.push(replay.prepareSide(recorded.second, '2'));
    return replay;
  }

  get output(): string {
    return this.sides.map(({ sidecar }) => sidecar.output).join('');
  }

  private prepareSide(party: Party, suffix: string): Side {
    const port = (name: string) => Number(this.known[name + suffix]);
    const resources = join(this.folder, `resources${suffix}`);
    mkdirSync(resources);
    for (const [i, document] of (party.resources ?? [{ $pubsub: {} }]).entries()) {
      this.write(join(resources, `${i}.yaml`), this.expand(document));
    }
    const config = join(this.folder, `config${suffix}.yaml`);
    const spec = party.config ?? { tracing: { samplingRate: '0' } };
    this.write(config, { apiVersion: 'dapr.io/v1alpha1', kind: 'Configuration', metadata: { name: 'config' }, spec });
    const app = party.app === null ? undefined : new RecordedApp(port('appPort'), this.fill(party.app ?? {}));
    const sidecar = this.options.createSidecar({
      appId: party.appId ?? 'email',
      appPort: app?.port,
      httpPort: port('httpPort'),
      grpcPort: port('grpcPort'),
      internalPort: port('internalPort'),
      resources,
      config,
      apiToken: party.apiToken,
      appToken: party.appToken,
      flags: this.fill(party.flags ?? []),
      folder: this.folder,
    });
    return { app, sidecar, httpPort: port('httpPort'), resources, lookedAt: 0 };
  }

  async run(): Promise<Observation> {
    const { recorded, sides } = this;
    const { manual, mayNotStart, readyMs = READY_MS, steps } = recorded;
    const results: Json[] = [];
    for (const [i, { app, sidecar }] of sides.entries()) {
      if (!(i === 0 ? recorded : recorded.second)?.appLate) await app?.start();
      if (!manual) await sidecar.start();
    }
    for (const { sidecar } of manual ? [] : sides) {
      const ready = await sidecar.ready(readyMs);
      if (!ready && !mayNotStart) throw new Error(`the sidecar is not ready after ${readyMs} ms\n${sidecar.output}`);
      if (!ready) results.push({ step: 'start', ready, exit: ((await sidecar.exited(0)) as Json | undefined) ?? null });
      await sleep(sidecar.settleMs);
    }
    for (const step of steps) {
      const result = await this.step(step);
      if (result) results.push({ step: step.label ?? label(step), ...result });
    }
    await sleep(END_MS);
    return { steps: results, ...this.seen() };
  }

  /** What the apps were asked, in the form that the case asks for. */
  private seen(): JsonRecord {
    const { countOnly, concurrency, startup, timing } = this.recorded;
    const seen: JsonRecord = {};
    for (const [i, side] of this.sides.entries()) {
      const { app } = side;
      if (!app) continue;
      const suffix = i === 0 ? '' : '2';
      const deliveries = this.deliveries(side);
      if (countOnly) seen[`deliveries${suffix}ByPath`] = countBy(deliveries.map(({ path }) => path));
      else seen[`deliveries${suffix}`] = deliveries.map((delivery) => this.describe(delivery));
      if (timing && i === 0) {
        const times = [this.answeredAt[0] ?? deliveries[0]?.at ?? 0, ...deliveries.map(({ at }) => at)];
        seen.gapsMs = times.slice(1).map((at, n) => at - (times[n] ?? at));
      }
      if (concurrency) seen.mostAtOnce = app.mostAtOnce;
      if (startup) {
        const asked = app.seen.filter(isStartup);
        const describe = ({ method, path, headers }: Seen) => ({
          method,
          path,
          headers: without(headers, NOT_IN_DELIVERIES),
        });
        seen[`startup${suffix}`] = asked.map(describe);
      }
    }
    return seen;
  }

  private describe({ method, path, headers, body, text }: Seen): Json {
    const { brief, fullHeaders, raw } = this.recorded;
    const event = body as { topic?: Json; data?: Json } | null;
    if (brief) return defined({ path, topic: event?.topic, data: event?.data });
    const shown = without(headers, fullHeaders ? new Set(['content-length']) : NOT_IN_DELIVERIES);
    return { method, path, headers: shown, body, ...(raw && { raw: text }) };
  }

  private deliveries({ app }: Side): Seen[] {
    return app?.seen.filter((request) => !isStartup(request) && !this.isProbe(request)) ?? [];
  }

  private isProbe({ path }: Seen): boolean {
    return this.recorded.probePath === path;
  }

  private async step(given: Step): Promise<JsonRecord | undefined> {
    const { path, json, text, headers } = given;
    const step = { ...given, ...this.fill(defined({ path, json, text, headers }) as Partial<Step>) };
    const side = this.sides[step.via === 'second' ? 1 : 0];
    if (!side) throw new Error('the case has no second sidecar');
    const { app, sidecar } = side;
    switch (step.do) {
      case 'request':
        return this.request(step, side);
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
        return { total: this.sides.reduce((sum, one) => sum + this.deliveries(one).length, 0) };
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
      case 'app-seen': {
        const all = app?.seen ?? [];
        const asked = all.slice(step.from === 'last' ? side.lookedAt : 0);
        side.lookedAt = all.length;
        return { seen: asked.filter((one) => !this.isProbe(one)).map(({ method, path }) => `${method} ${path}`) };
      }
      case 'probe-seen': {
        const probe = app?.seen.find((one) => this.isProbe(one));
        if (!probe) return { probes: false, headers: {} };
        return { probes: true, method: probe.method, headers: without(probe.headers, NOT_IN_DELIVERIES) };
      }
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
        return { reply: readable(await this.redis(this.fill(step.cmd ?? [])), step.fields) };
      case 'redis-stop':
        await this.options.redis?.kill();
        return;
      case 'redis-start':
        await this.options.redis?.start();
        return;
      case 'write-resource':
        this.write(join(side.resources, 'added.yaml'), this.expand(step.resource ?? {}));
        return;
      default:
        throw new Error(`the replay does not know the step ${step.do}`);
    }
  }

  private async request(step: Step, { httpPort }: Side): Promise<JsonRecord> {
    const host = step.host && this.fill(step.host);
    const deadline = Date.now() + 5_000;
    let reply: Reply;
    for (let resets = 0; ; ) {
      reply = await send(step, httpPort, host);
      if (step.retryReset && /ECONNRESET|EPIPE/.test(reply.error ?? '') && resets < RESETS) {
        resets += 1;
        continue;
      }
      if (step.until === undefined || reply.status === step.until || Date.now() > deadline) break;
      await sleep(50);
    }
    this.answeredAt.push(Date.now());
    const { status, headers, body = null, error, tookMs } = reply;
    const timed = step.timed ? { tookMs } : {};
    if (error !== undefined) return { error, ...timed };
    return { status: status ?? 0, headers: without(headers ?? {}, NOT_IN_ANSWERS), body: select(body, step), ...timed };
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

  /** Until the app has seen so many deliveries, and then a little longer, for those that should not come. */
  private async wait(
    { deliveries = 0, timeoutMs = WAIT_MS, quietMs = QUIET_MS }: Step,
    side: Side,
  ): Promise<JsonRecord> {
    const deadline = Date.now() + timeoutMs;
    while (this.deliveries(side).length < deliveries && Date.now() < deadline) await sleep(10);
    await sleep(quietMs);
    return { deliveries: this.deliveries(side).length };
  }

  /** A component for the broker that this replay is about, from what stands for one in a case. */
  private expand(document: JsonRecord): JsonRecord {
    const [kind, given] = Object.entries(document)[0] ?? [];
    if (kind !== '$pubsub' && kind !== '$state') return document;
    const { broker } = this.options;
    type Short = { name?: string; scopes?: string[]; metadata?: JsonRecord; redis?: JsonRecord };
    const { name = kind === '$pubsub' ? 'pubsub' : 'store', scopes, metadata = {}, redis = {} } = given as Short;
    const server = { redisHost: `127.0.0.1:${this.known.redisPort}`, redisPassword: '' };
    const times = kind === '$pubsub' ? { processingTimeout: 5000, redeliverInterval: 1000 } : {};
    const fields = broker === 'redis' ? { ...server, ...times, ...metadata, ...redis } : metadata;
    const list = Object.entries(fields).map(([field, value]) => ({ name: field, value: String(value) }));
    const type = `${kind === '$pubsub' ? 'pubsub' : 'state'}.${broker}`;
    const spec = { type, version: 'v1', metadata: list };
    return { apiVersion: 'dapr.io/v1alpha1', kind: 'Component', metadata: { name }, spec, ...(scopes && { scopes }) };
  }

  /** JSON is YAML too. */
  private write(file: string, document: JsonRecord): void {
    writeFileSync(file, JSON.stringify(this.fill(document)));
  }

  private fill<T>(value: T): T {
    return replaceIn(value, /\{(\w+)\}/g, (placeholder, name) => this.known[name] ?? placeholder);
  }

  private async redis(command: string[]): Promise<Json> {
    this.redisClient ??= await createRedisClient({ ...PROTOCOL, url: `redis://127.0.0.1:${this.known.redisPort}` })
      .on('error', () => {}) // the server's end is part of some cases
      .connect();
    const reply = await this.redisClient.sendCommand<Json>(command).catch(({ message }: Error) => ({ error: message }));
    // The recording has a null array as an empty one: the consumers of a group with nothing pending.
    return command[0] === 'XPENDING' && Array.isArray(reply) ? [...reply.slice(0, 3), reply[3] ?? []] : reply;
  }

  async clean(): Promise<void> {
    for (const { sidecar } of this.sides) sidecar.signal('SIGTERM');
    for (const { app, sidecar } of this.sides) {
      if (!(await sidecar.exited(1_500))) {
        sidecar.signal('SIGKILL');
        await sidecar.exited(EXIT_MS);
      }
      await app?.stop();
    }
    this.redisClient?.destroy();
    await this.options.redis?.start();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const isStartup = ({ path, method }: Seen) => path.startsWith('/dapr/') || method === 'OPTIONS';

function label({ do: what, method, path, cmd = [] }: Step): string {
  if (what === 'redis') return `redis ${cmd.join(' ')}`;
  if (what === 'request') return `${method} ${path}`;
  return method === undefined ? what : `${what} ${method} ${path}`;
}
