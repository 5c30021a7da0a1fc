// npm run chaos: posts follows while faults are injected, and then accounts for every follow.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Account, settle } from '../scenarios/accounting/account';
import { Kills } from '../scenarios/accounting/kills';
import { postFollows } from '../scenarios/accounting/traffic';
import { RedisMemory } from '../scenarios/stacks/redis-memory';
import {
  DAPR_WITH_REDIS,
  inBatches,
  LOCAL_WITH_REDIS,
  missingForDapr,
  missingForRedis,
} from '../scenarios/stacks/redis-stack';
import { type RunStack, type RunStackOptions, startRunStack } from '../scenarios/stacks/run-stack';
import { SERVICES, type Service, SUBSCRIBERS } from '../scenarios/stacks/stack';
import { describeFault, type Fault, planOf } from './chaos-plan';
import { createProgress } from './progress';

const USAGE = `npm run chaos -- [--seed TEXT] [--follows NUMBER] [--faults NUMBER] [--batches] [--local] [--json FILE]
  --seed TEXT       the same seed gives the same faults (default: the current time)
  --follows NUMBER  number of follows, 1 to 5000 (default: 1000); the first fifth is posted again at the end
  --faults NUMBER   number of faults, 1 to 100, at most one per follow (default: 10); they are spread over the posts
  --batches         deliver up to 100 events in one request
  --local           use local/ instead of Dapr, even if Dapr is installed
  --json FILE       also write the result to FILE`;

/** Within this time Redis can deliver the events of a killed service again several times. */
const SETTLE_MS = 300_000;
/** Replaces the two minutes in components/redis, so that Redis delivers the events of a killed service again sooner. */
const PROCESSING_TIMEOUT_MS = 30_000;

/** Resolves with whether no follow was lost, and none was doubled except by a kill. */
async function main(): Promise<boolean> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: { seed: text, follows: text, faults: text, json: text, batches: flag, local: flag, help: flag },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  if (missingForRedis)
    throw new Error(
      'redis-server is not installed; every run starts its own Redis server, so install Redis 7 or newer',
    );
  const follows = integerFlag('--follows', values.follows, 1_000, 5_000);
  const seed = values.seed ?? String(Date.now());
  const plan = planOf(seed, integerFlag('--faults', values.faults, Math.min(10, follows), Math.min(100, follows)));
  const oneByOne = values.local || missingForDapr ? LOCAL_WITH_REDIS : DAPR_WITH_REDIS;
  const dapr = values.batches ? inBatches(oneByOne) : oneByOne;
  console.log(`Sidecars: ${dapr.name}. Seed: ${seed}.`);

  const progress = createProgress(plan.length + 2);
  const startedAt = Date.now();
  refuseOtherRuns(dapr);
  const stack = await startRunStack({ ...dapr, processingTimeoutMs: PROCESSING_TIMEOUT_MS });
  const kills = new Kills();
  let account: Account;
  try {
    const faults = plan.map((fault) => () => progress.step(describeFault(fault), () => inject(stack, fault, kills)));
    const accepted = await postFollows(stack, { follows, repeated: Math.floor(follows / 5), faults });
    await stack.inbox.clearFaults();
    account = await progress.step('waiting until all notifications have arrived', () =>
      settle(stack, accepted, { deadlineMs: SETTLE_MS, kills: kills.list, logged: loggedBy(stack) }),
    );
  } finally {
    await progress.step('stopping', () => stack.stop());
    progress.end();
  }
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(summary(plan, account));
  console.log(`\nSeed ${seed}, ${seconds} s.`);
  if (values.json)
    writeFileSync(
      values.json,
      `${JSON.stringify({ sidecars: dapr.name, seed, follows, seconds, plan, account }, undefined, 2)}\n`,
    );
  return account.lost === 0 && account.doubled === 0;
}

/**
 * Checks that no other run of the services uses Dapr on this machine. Dapr finds apps by app id on the whole machine, so
 * that a replay could send dead letters to the services of the other run. The sidecars of local/ find only the apps of
 * their own run and need no check.
 *
 * @throws {Error} when a service of another run is found
 */
function refuseOtherRuns({ dapr: [program = ''], separateDaprd }: RunStackOptions): void {
  if (!separateDaprd) return;
  const apps: { appId: string }[] = JSON.parse(
    execFileSync(program, ['list', '--output', 'json'], { encoding: 'utf8' }),
  );
  const other = apps.find(({ appId }) => SERVICES.includes(appId as Service));
  if (other)
    throw new Error(`${other.appId} already runs on this machine (dapr list); this run needs its app id, so stop it`);
}

async function inject(stack: RunStack, fault: Fault, kills: Kills): Promise<void> {
  switch (fault.kind) {
    case 'kill the service':
      return kills.dieAndRestart(stack, fault.service, () => stack.killAndWait(fault.service));
    case 'kill the sidecar':
      return kills.dieAndRestart(stack, fault.service, () => stack.killSidecar(fault.service));
    case 'kill both':
      return kills.dieAndRestart(stack, fault.service, () => stack.killServiceAndSidecar(fault.service));
    case 'kill Redis':
    case 'long outage of Redis':
      return kills.whileNothingIsMarked(SUBSCRIBERS, async () => {
        await stack.redis.kill();
        await sleep(fault.backAfterMs);
        await stack.redis.start();
      });
    case 'slow Redis':
      return kills.whileNothingIsMarked(SUBSCRIBERS, async () => {
        process.kill(stack.redis.pid, 'SIGSTOP');
        await sleep(fault.forMs);
        process.kill(stack.redis.pid, 'SIGCONT');
      });
    case 'full Redis':
      return fillRedis(stack, fault.forMs);
    case 'stop the subscribers': {
      const code = await stack.stopServices(SUBSCRIBERS);
      const lines = stack.output.slice(-30).join('\n');
      // In batches, daprd 1.18.3 waits at its end for an event that was queued at the stop, and gives up after 30 s. The
      // event is delivered again after the start.
      if (code !== 0 && !lines.includes('Graceful shutdown timeout exceeded'))
        throw new Error(`a stopped subscriber ended with ${code}:\n${lines}`);
      return stack.startServices(SUBSCRIBERS);
    }
    case 'slow service':
      return kills.whileNothingIsMarked([fault.service], async () => {
        stack.suspend(fault.service);
        await sleep(fault.forMs);
        stack.resume(fault.service);
      });
    case 'servers refuse':
      return stack.inbox.setFaults(fault.faults);
  }
}

/** Returns a function that returns all log lines about a follower's event. */
function loggedBy({ log }: RunStack): (follower: string) => string[] {
  return (follower) => {
    const lines = log.map((line) => [line, JSON.stringify(line)] as const);
    const id = lines.find(([, text]) => text.includes(`"${follower}"`))?.[0].eventId;
    return lines.filter(([{ eventId }]) => id !== undefined && eventId === id).map(([, text]) => text);
  };
}

/** Leaves so little memory that Redis refuses new events, as in Compose, and makes room after `forMs`. */
async function fillRedis(stack: RunStack, forMs: number): Promise<void> {
  const memory = await RedisMemory.connect(stack.redis.port);
  await memory.limit((await memory.used()) * 2);
  await memory.keepRoom();
  await sleep(forMs);
  await memory.limit(0);
  await memory.keepRoom();
  memory.close();
}

function summary(plan: readonly Fault[], account: Account): string {
  const rows = Object.entries({
    'accepted with 202': account.accepted,
    mailed: account.mailed,
    pushed: account.pushed,
    'dead letters, replayed': account.dead,
    lost: account.lost,
    doubled: account.doubled,
    'doubled by a kill between the notification and its mark': account.doubledByKill,
  });
  const width = Math.max(...rows.map(([name]) => name.length));
  const faults = plan.map((fault, index) => `${String(index + 1).padStart(3)}. ${describeFault(fault)}`);
  return [...faults, '', ...rows.map(([name, count]) => `${name.padEnd(width)} ${String(count).padStart(6)}`)].join(
    '\n',
  );
}

/**
 * Returns the flag's value as a number, or `defaultValue` if the flag is not given.
 *
 * @throws {Error} when the value is not a whole number from 1 to `max`
 */
function integerFlag(flag: string, text: string | undefined, defaultValue: number, max: number): number {
  if (text === undefined) return defaultValue;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`${flag} is ${JSON.stringify(text)}; allowed: a whole number from 1 to ${max}`);
}

// The handlers of `exit` kill the child processes. So SIGINT and SIGTERM end this process through `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

main().then(
  (exactlyOnce) => process.exit(exactlyOnce ? 0 : 1),
  (error: Error) => {
    console.error(`\nchaos: ${error.message}`);
    process.exit(1);
  },
);
