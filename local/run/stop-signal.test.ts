import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';

const SOON = { timeout: 30_000 };
const TS_NODE = ['--require', 'ts-node/register/transpile-only'];

/** Reports on stderr. `orphan` comes after the stop signal that the end of the parent may cause. */
const PROGRAM = `
  const { waitForStopSignal } = require(${JSON.stringify(join(__dirname, 'stop-signal.ts'))});
  const { parentEnd } = require(${JSON.stringify(join(__dirname, 'parent-end.ts'))});
  const say = (text) => process.stderr.write(text + '\\n');
  waitForStopSignal(() => say('kill')).then(() => say('stop'));
  parentEnd().then(() => say('orphan'));
  setInterval(() => console.log('line'), 50);
  say('up ' + process.pid);
`;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

function watch(child: ChildProcess): () => string {
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  return () => stderr;
}

/** Starts the program below a shell, kills the shell and resolves with the report when the program is an orphan. */
async function orphan(env: NodeJS.ProcessEnv): Promise<string[]> {
  const shell = spawn('/bin/sh', ['-c', '"$@"; exit', 'sh', process.execPath, ...TS_NODE, '-e', PROGRAM], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const report = watch(shell);
  const pid = await vi.waitFor(() => Number(/up (\d+)/.exec(report())?.[1] ?? expect.fail('not up')), SOON);
  cleanUps.push(() => process.kill(pid, 'SIGKILL'));
  shell.kill('SIGKILL');
  await vi.waitFor(() => expect(report()).toContain('orphan'), SOON);
  return report().trim().split('\n').slice(1);
}

const { npm_lifecycle_event: _, ...withoutNpm } = process.env;

describe.skipIf(process.platform === 'win32')('the end of the parent', () => {
  test('When npm has started the program, then the end of npm is a stop signal', async () => {
    expect(await orphan({ ...withoutNpm, npm_lifecycle_event: 'start' })).toEqual(['stop', 'orphan']);
  });

  test('When the program runs without npm, then it survives its parent', async () => {
    expect(await orphan(withoutNpm)).toEqual(['orphan']);
  });
});

test('When the reader of the output exits, then that is one stop signal, and later lines do not end the program', async () => {
  // The program prints for longer than the time within which two signals count as one.
  const program = `${PROGRAM} setTimeout(() => say('end'), 2_000);`;
  const child = spawn(process.execPath, [...TS_NODE, '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  cleanUps.push(() => child.kill('SIGKILL'));
  const report = watch(child);
  child.stdout.destroy();
  const ended = once(child, 'exit');
  await Promise.race([ended, vi.waitFor(() => expect(report()).toContain('end'), SOON)]);
  expect(report()).toContain('stop\n');
  expect(report()).not.toContain('kill');
});
