// npm run bench: measures the sample, the quickstart's style, and Dapr with Redis alone, and compares them.
// One run loads all versions in turn, round after round. A disturbance on the machine affects all of them, so that the
// ratios stay valid.
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { DAPR_WITH_REDIS, LOCAL_WITH_REDIS, missingForDapr, missingForRedis } from '../scenarios/stacks/redis-stack';
import { measure, type Plan, stepsOf } from './measure';
import { throughputChart } from './plot';
import { createProgress } from './progress';
import { report } from './report';

/** Takes about ten minutes on two cores. */
const FULL: Plan = {
  rounds: 5,
  seconds: 3.5,
  perSecond: 50,
  replicas: [1, 2, 4],
  warmUp: 3_000,
  backlogs: [1_000, 10_000, 100_000],
  backlogSeconds: 5,
};
/** Checks that the benchmark works and counts correctly. Its figures mean nothing. */
const SMOKE: Plan = {
  rounds: 1,
  seconds: 0.2,
  perSecond: 20,
  replicas: [1, 2],
  warmUp: 20,
  backlogs: [100],
  backlogSeconds: 20,
};

const USAGE = `npm run bench -- [--smoke] [--json FILE] [--svg FILE]
  --smoke      run each step once and briefly, to check that the benchmark works; the figures mean nothing
  --json FILE  write the figures to FILE (default: bench.json)
  --svg FILE   write the plot to FILE (default: bench.svg)`;

async function main(): Promise<void> {
  const options = {
    smoke: { type: 'boolean' },
    json: { type: 'string' },
    svg: { type: 'string' },
    help: { type: 'boolean' },
  } as const;
  const { values } = parseArgs({ options });
  if (values.help) return void console.log(USAGE);
  if (missingForRedis)
    throw new Error(
      'redis-server is not installed; the benchmark starts its own Redis servers, so install Redis 7 or newer',
    );
  const dapr = missingForDapr ? LOCAL_WITH_REDIS : DAPR_WITH_REDIS;
  const plan = values.smoke ? SMOKE : FULL;
  console.error(`Sidecars: ${dapr.name}${missingForDapr ? ' (the dapr CLI or daprd is not installed here)' : ''}.`);

  const progress = createProgress(stepsOf(plan));
  const startedAt = Date.now();
  const figures = await measure(plan, dapr, progress);
  progress.end();
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.version}`;
  const result = {
    sidecars: dapr.name,
    machine,
    at: new Date().toISOString(),
    seconds: Math.round((Date.now() - startedAt) / 1_000),
    plan,
    figures,
  };
  console.log(report(result));
  const [json, svg] = [values.json ?? 'bench.json', values.svg ?? 'bench.svg'];
  writeFileSync(json, `${JSON.stringify(result, undefined, 2)}\n`);
  writeFileSync(svg, throughputChart(result));
  console.error(`The figures are in ${json}, and the plot is in ${svg}.`);
}

// Each version has several processes, and each of them is killed at the exit.
process.setMaxListeners(50);

// The handlers of `exit` kill the child processes. So SIGINT and SIGTERM end this process through `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

main().then(
  () => process.exit(),
  (error: Error) => {
    console.error(`\nbench: ${error.message}`);
    process.exit(1);
  },
);
