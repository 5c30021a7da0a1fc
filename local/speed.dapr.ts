import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { findDaprd } from './testing/daprd';
import { freePort } from './testing/free-port';
import { hasRedisServer, RedisServer } from './testing/redis-server';

// Compares the packed command with daprd on this machine, in turns, because only ratios mean something on a busy machine.
const daprd = findDaprd();
const ROUNDS = 3;
/** Enough to compile the frequent code. Tests and short programs see the speed of the first events. */
const WARM_UP = 3_200;
const EVENTS = 4_000;
const CONNECTIONS = 16;
const REST_MS = 1_000;

const PROGRAMS = {
  local: [process.execPath, join(__dirname, 'dist', 'main.js'), 'run'],
  daprd: [daprd?.path ?? '', '--enable-metrics=false', '--log-level', 'error'],
};
type Load = { perS: number; cpuMs: number };
type Figures = Record<'startMs' | 'startCpuMs' | 'restMb' | 'perS' | 'cpuMs', number[]>;
const noFigures = (): Figures => ({ startMs: [], startCpuMs: [], restMb: [], perS: [], cpuMs: [] });

const component = (type: string, metadata: object[]) =>
  JSON.stringify({
    apiVersion: 'dapr.io/v1alpha1',
    kind: 'Component',
    metadata: { name: 'pubsub' },
    spec: { type, version: 'v1', metadata },
  });

/** Resolves with the status of a request; undefined if there is no answer. */
const send = (port: number, method: string, path: string, agent?: Agent): Promise<number | undefined> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' };
    const req = request({ host: '127.0.0.1', port, method, path, headers, ...(agent && { agent }) }, (res) => {
      res.resume().once('end', () => resolve(res.statusCode));
    });
    req.once('error', () => resolve(undefined)).end(method === 'POST' ? '{"item":"tea"}' : undefined);
  });

/** Returns the time that a process has used of the processors. It depends less on other programs than the clock does. */
function cpuMsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Starts a sidecar, measures it, and stops it. */
async function measure(command: readonly string[], resources: string, figures: Figures) {
  let left = 0;
  let received = () => {};
  const port = await freePort();
  const topic = `orders-${port}`; // a topic of an earlier sidecar has its events in Redis
  const app = createServer((req, res) => {
    req.resume();
    if (req.url === '/dapr/subscribe') res.end(JSON.stringify([{ pubsubname: 'pubsub', topic, route: '/orders' }]));
    else if (req.url !== '/orders') res.writeHead(404).end();
    else {
      res.end();
      left -= 1;
      if (left === 0) received();
    }
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  const ports = ['--dapr-http-port', String(port), '--dapr-grpc-port', String(await freePort())];
  const appPort = String((app.address() as AddressInfo).port);
  const [program = '', ...args] = command;
  const startedAt = performance.now();
  const flags = ['--app-id', `speed-${port}`, '--app-port', appPort, ...ports, '--resources-path', resources];
  const child = spawn(program, [...args, ...flags, '--config', join(resources, 'none', 'config.yaml')], {
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  try {
    while ((await send(port, 'GET', '/v1.0/healthz')) !== 204) await sleep(2);
    figures.startMs.push(performance.now() - startedAt);
    await sleep(REST_MS);
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
    figures.restMb.push(Number(kilobytes) / 1_024);
    const agent = new Agent({ keepAlive: true });
    figures.startCpuMs.push(cpuMsOf(child.pid));
    const publisher = async (events: number) => {
      for (let i = 0; i < events / CONNECTIONS; i += 1) {
        const status = await send(port, 'POST', `/v1.0/publish/pubsub/${topic}`, agent);
        if (status !== 204) throw new Error(`a publish was answered ${status}`);
      }
    };
    const load = async (events: number): Promise<Load> => {
      left = events;
      const allReceived = new Promise<void>((resolve) => {
        received = resolve;
      });
      const [startedAt, startedCpuMs] = [performance.now(), cpuMsOf(child.pid)];
      await Promise.all([allReceived, ...Array.from({ length: CONNECTIONS }, () => publisher(events))]);
      const seconds = (performance.now() - startedAt) / 1_000;
      return { perS: events / seconds, cpuMs: cpuMsOf(child.pid) - startedCpuMs };
    };
    await load(WARM_UP);
    const { perS, cpuMs } = await load(EVENTS);
    figures.perS.push(perS);
    figures.cpuMs.push(cpuMs);
    agent.destroy();
  } finally {
    child.kill('SIGTERM');
    await exited;
    app.close();
    app.closeAllConnections();
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const missing = daprd ? (hasRedisServer() ? '' : ' [redis-server is not installed]') : ' [Dapr is not installed]';
test.skipIf(missing !== '')(
  `When local and daprd run in turns, then local needs less memory${missing}`,
  async () => {
    execFileSync(process.execPath, [join(__dirname, 'build.mjs')]);
    const folder = mkdtempSync(join(tmpdir(), 'speed-'));
    const redis = await RedisServer.start();
    const brokers = {
      memory: component('pubsub.in-memory', []),
      redis: component('pubsub.redis', [{ name: 'redisHost', value: `127.0.0.1:${redis.port}` }]),
    };
    const all = {
      memory: { local: noFigures(), daprd: noFigures() },
      redis: { local: noFigures(), daprd: noFigures() },
    };
    try {
      for (const [name, text] of Object.entries(brokers)) {
        mkdirSync(join(folder, name, 'none'), { recursive: true });
        writeFileSync(join(folder, name, 'pubsub.yaml'), text);
        const config =
          'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec: {tracing: {samplingRate: "0"}}\n';
        writeFileSync(join(folder, name, 'none', 'config.yaml'), config);
      }
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const program of ['local', 'daprd'] as const) {
          for (const broker of ['memory', 'redis'] as const)
            await measure(PROGRAMS[program], join(folder, broker), all[broker][program]);
        }
      }
    } finally {
      await redis.kill();
      rmSync(folder, { recursive: true });
    }
    for (const broker of ['memory', 'redis'] as const) {
      const { local, daprd } = all[broker];
      for (const figure of ['startMs', 'startCpuMs', 'restMb', 'perS', 'cpuMs'] as const) {
        const [ours, theirs] = [median(local[figure]), median(daprd[figure])];
        const ratio = (ours / theirs).toFixed(2);
        console.log(`${broker}, ${figure}: local ${ours.toFixed(0)}, daprd ${theirs.toFixed(0)}, ratio ${ratio}`);
      }
      expect(median(local.restMb), broker).toBeLessThan(median(daprd.restMb));
    }
  },
  540_000,
);
