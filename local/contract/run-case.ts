import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../testing/free-port';
import type { RedisServer } from '../testing/redis-server';
import { ObservedRequests } from './observed-requests';
import type { BrokerName, Case, Json, Observation, Step } from './recording';
import { RedisCommands } from './redis-commands';
import { EXIT_MS, READY_MS, StepRunner } from './run-step';
import { prepareSide, type Side } from './side';
import type { SidecarSettings, SidecarUnderTest } from './sidecars';

/** How long the apps listen after the last step. */
const END_MS = 100;
/** How long a sidecar may take to stop after a case, before it is killed. */
const STOP_MS = 1_500;

export interface CaseOptions {
  broker: BrokerName;
  /** A server that only this case uses while it runs; undefined for a case without Redis. */
  redis: RedisServer | undefined;
  createSidecar: (settings: SidecarSettings) => SidecarUnderTest;
}

export interface CaseResult {
  observation: Observation;
  /** The ports and addresses in the observation, by the names of their placeholders in the recording. */
  known: Record<string, string>;
  /** The output of the sidecars. */
  output: string;
}

/** Runs a recorded case and resolves with the result. @throws {Error} when a sidecar of the case does not start */
export async function runCase(recorded: Case, options: CaseOptions): Promise<CaseResult> {
  const { broker, redis, createSidecar } = options;
  const known = await choosePorts(redis);
  const redisCommands = new RedisCommands(known.redisPort);
  const folder = mkdtempSync(join(tmpdir(), 'contract-'));
  known.folder = folder;
  const sides: Side[] = [];
  try {
    if (redis) await redisCommands.send(['FLUSHALL']);
    const shared = { broker, known, folder, createSidecar };
    sides.push(prepareSide(recorded, { suffix: '', ...shared }));
    if (recorded.second) sides.push(prepareSide(recorded.second, { suffix: '2', ...shared }));
    const requests = new ObservedRequests(recorded, sides);
    const runner = new StepRunner({ sides, requests, broker, redis, redisCommands, known });
    const steps = [...(await startSides(recorded, sides)), ...(await runSteps(recorded.steps, runner))];
    await sleep(END_MS);
    const observation = { steps, ...requests.summary(runner.firstAnswerAt) };
    return { observation, known, output: sides.map(({ sidecar }) => sidecar.output).join('') };
  } finally {
    await stopSides(sides);
    redisCommands.close();
    await redis?.start();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function choosePorts(redis: RedisServer | undefined): Promise<Record<string, string>> {
  const names = ['httpPort', 'grpcPort', 'internalPort', 'appPort'].flatMap((name) => [name, `${name}2`]);
  const ports = await Promise.all(names.map(async (name) => [name, String(await freePort())] as const));
  const addresses = Object.values(networkInterfaces()).flat();
  const hostip = addresses.find((address) => address?.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
  return { ...Object.fromEntries(ports), redisPort: String(redis?.port ?? 0), hostip };
}

/** Starts apps and sidecars. Resolves with one entry for each sidecar that is not ready and need not be. */
async function startSides(recorded: Case, sides: readonly Side[]): Promise<Json[]> {
  const { manual, mayNotStart, readyMs = READY_MS } = recorded;
  const failures: Json[] = [];
  for (const [i, { app, sidecar }] of sides.entries()) {
    if (!(i === 0 ? recorded : recorded.second)?.appLate) await app?.start();
    if (!manual) await sidecar.start();
  }
  for (const { sidecar } of manual ? [] : sides) {
    const ready = await sidecar.ready(readyMs);
    if (!ready && !mayNotStart) throw new Error(`the sidecar is not ready after ${readyMs} ms\n${sidecar.output}`);
    if (!ready) failures.push({ step: 'start', ready, exit: ((await sidecar.exited(0)) as Json | undefined) ?? null });
    await sleep(sidecar.settleMs);
  }
  return failures;
}

async function runSteps(steps: readonly Step[], runner: StepRunner): Promise<Json[]> {
  const results: Json[] = [];
  for (const step of steps) {
    const result = await runner.run(step);
    if (result) results.push({ step: step.label ?? label(step), ...result });
  }
  return results;
}

async function stopSides(sides: readonly Side[]): Promise<void> {
  for (const { sidecar } of sides) sidecar.signal('SIGTERM');
  for (const { app, sidecar } of sides) {
    if (!(await sidecar.exited(STOP_MS))) {
      sidecar.signal('SIGKILL');
      await sidecar.exited(EXIT_MS);
    }
    await app?.stop();
  }
}

function label({ do: action, method, path, cmd = [] }: Step): string {
  if (action === 'redis') return `redis ${cmd.join(' ')}`;
  if (action === 'request') return `${method} ${path}`;
  return method === undefined ? action : `${action} ${method} ${path}`;
}
