// npm run chaos: posts follows while everything goes wrong, and then counts every one of them.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Account, postFollows, settle } from '../scenarios/accounting/accounting';
import { Kills } from '../scenarios/accounting/kills';
import { DAPR_WITH_REDIS, LOCAL_WITH_REDIS, missingForDapr, missingForRedis } from '../scenarios/stacks/redis-stack';
import { type RunStack, type RunStackOptions, startRunStack } from '../scenarios/stacks/run-stack';
import { SERVICES, type Service, SUBSCRIBERS } from '../scenarios/stacks/stack';
import { describe, type Fault, planOf } from './chaos-plan';
import { createProgress } from './progress';

const USAGE = `npm run chaos -- [--seed TEXT] [--follows NUMBER] [--faults NUMBER] [--local] [--json FILE]
  --seed TEXT       what the faults are drawn from: the same seed, the same faults (the time of day)
  --follows NUMBER  how many follows are posted, 1 to 5000 (1000); the first fifth is posted again at the end
  --faults NUMBER   how many faults strike, spread over them, 1 to 100 (10), and no more than follows
  --local           local/ in place of Dapr, even where Dapr is installed
  --json FILE       where the result goes, too`;

/** Long enough for what was killed to be handed out again, several times. */
const SETTLE_MS = 300_000;
/** In place of the two minutes of components/redis, for which nobody wants to wait. */
const PROCESSING_TIMEOUT_MS = 30_000;

async function main(): Promise<boolean> {
  const text = { type: 'string' } as const;
  const yes = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: { seed: text, follows: text, faults: text, json: text, local: yes, help: yes },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  if (missingForRedis) throw new Error('redis-server is not installed; every run starts one of its own');
  const follows = number('--follows', values.follows, 1_000, 5_000);
  const seed = values.seed ?? String(Date.now());
  const plan = planOf(seed, number('--faults', values.faults, Math.min(10, follows), Math.min(100, follows)));
  const dapr = values.local || missingForDapr ? LOCAL_WITH_REDIS : DAPR_WITH_REDIS;
  console.log(`Sidecars: ${dapr.name}. Seed: ${seed}.`);

  const progress = createProgress(plan.length + 2);
  const startedAt = Date.now();
  refuseNeighbours(dapr);
  const stack = await startRunStack({ ...dapr, processingTimeoutMs: PROCESSING_TIMEOUT_MS });
  const kills = new Kills();
  let account: Account;
  try {
    const faults = plan.map((fault) => () => progress.step(describe(fault), () => strike(stack, fault, kills)));
    const accepted = await postFollows(stack, { follows, repeated: Math.floor(follows / 5), faults });
    await stack.inbox.break();
    account = await progress.step('waiting until everything has arrived', () =>
      settle(stack, accepted, { deadlineMs: SETTLE_MS, kills: kills.list }),
    );
  } finally {
    await progress.step('stopping', () => stack.stop());
    progress.end();
  }
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(report(plan, account));
  console.log(`\nSeed ${seed}, ${seconds} s.`);
  if (values.json)
    writeFileSync(
      values.json,
      `${JSON.stringify({ sidecars: dapr.name, seed, follows, seconds, plan, account }, undefined, 2)}\n`,
    );
  return account.lost === 0 && account.doubled === 0;
}

/**
 * Dapr finds apps by their names on the whole machine: a replay would hand its dead letters to the services of another
 * run. Sidecars of local/ know those of their own run only.
 *
 * @throws {Error} when one is under way
 */
function refuseNeighbours({ dapr: [program = ''], separateDaprd }: RunStackOptions): void {
  if (!separateDaprd) return;
  const apps: { appId: string }[] = JSON.parse(
    execFileSync(program, ['list', '--output', 'json'], { encoding: 'utf8' }),
  );
  const ours = apps.find(({ appId }) => SERVICES.includes(appId as Service));
  if (ours) throw new Error(`${ours.appId} runs on this machine already (dapr list); stop it, for its name is ours`);
}

async function strike(stack: RunStack, fault: Fault, kills: Kills): Promise<void> {
  switch (fault.kind) {
    case 'kill the service':
      return kills.dieAndReturn(stack, fault.service, () => stack.killApp(fault.service));
    case 'kill the sidecar':
      return kills.dieAndReturn(stack, fault.service, () => stack.killSidecar(fault.service));
    case 'kill both':
      return kills.dieAndReturn(stack, fault.service, () => stack.killWhole(fault.service));
    case 'kill Redis':
      return kills.whileNothingIsMarked(SUBSCRIBERS, async () => {
        await stack.redis.kill();
        await sleep(fault.backAfterMs);
        await stack.redis.start();
      });
    case 'slow service':
      return kills.whileNothingIsMarked([fault.service], async () => {
        stack.freeze(fault.service);
        await sleep(fault.forMs);
        stack.thaw(fault.service);
      });
    case 'servers refuse':
      return stack.inbox.break(fault.faults);
  }
}

function report(plan: readonly Fault[], account: Account): string {
  const rows = Object.entries({
    'accepted with 202': account.accepted,
    mailed: account.mailed,
    pushed: account.pushed,
    'dead letters, replayed': account.dead,
    lost: account.lost,
    doubled: account.doubled,
    'doubled by a kill between the sending and its mark': account.doubledByKill,
  });
  const width = Math.max(...rows.map(([name]) => name.length));
  const struck = plan.map((fault, index) => `${String(index + 1).padStart(3)}. ${describe(fault)}`);
  return [...struck, '', ...rows.map(([name, count]) => `${name.padEnd(width)} ${String(count).padStart(6)}`)].join(
    '\n',
  );
}

/** @throws {Error} naming the flag, its value and what is allowed */
function number(flag: string, text: string | undefined, otherwise: number, max: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`${flag} is ${JSON.stringify(text)}; allowed: 1 to ${max}`);
}

// Whoever is told to stop, once or twice, ends what it has started: that hangs on `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

main().then(
  (good) => process.exit(good ? 0 : 1),
  (error: Error) => {
    console.error(`\nchaos: ${error.message}`);
    process.exit(1);
  },
);
