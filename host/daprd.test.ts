import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const SCRIPT = join(__dirname, '.dapr/bin/daprd');
const SOON = { timeout: 10_000 };

/** Replaces daprd: writes what happens to it into files, and ends half a second after SIGTERM. */
const DAPRD = `
echo "$@" >"$FOLDER/arguments"
trap 'echo TERM >>"$FOLDER/log"; sleep 0.5; echo ended >>"$FOLDER/log"; exit 0' TERM
{ ps -o pgid= -p $$ 2>/dev/null || cut -d ' ' -f 5 /proc/$$/stat; } >"$FOLDER/group" # not every machine has ps
echo $$ >"$FOLDER/pid"
[ -z "$EXIT" ] || exit "$EXIT"
while :; do sleep 0.05; done
`;

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'host-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  const pid = Number(read('pid'));
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // the process has already ended
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim() : '');

function installDaprd(): void {
  const bin = join(folder, '.dapr/bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'daprd'), `#!/bin/sh\n${DAPRD}`);
  chmodSync(join(bin, 'daprd'), 0o755);
}

/** Starts the script as the dapr CLI does, in a process group of its own, as a terminal does with the CLI. */
function start({ exit = '' } = {}): Promise<number | null> {
  const env = { PATH: process.env.PATH, DAPR_RUNTIME_PATH: folder, FOLDER: folder, EXIT: exit };
  child = spawn(SCRIPT, ['--app-id', 'inbox'], { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  return once(child, 'exit').then(([code]) => code);
}
const running = () => vi.waitFor(() => expect(read('pid')).not.toBe(''), SOON);
const stopped = () => vi.waitFor(() => expect(read('log')).toBe('TERM\nended'), SOON);

test('When the CLI kills its daprd, then the real one gets one SIGTERM and ends by itself', async () => {
  installDaprd();
  start();
  await running();
  expect(read('arguments')).toMatch(/--dapr-block-shutdown-duration \S+ --app-id inbox$/);
  child?.kill('SIGKILL');
  await stopped();
});

test('When Ctrl-C reaches the whole process group and then the CLI kills its daprd, then the real one gets one SIGTERM', async () => {
  installDaprd();
  start();
  await running();
  // A shell ignores SIGINT here, but daprd would take it for the first signal to stop.
  expect(Number(read('group'))).not.toBe(child?.pid);
  process.kill(-(child?.pid ?? 0), 'SIGINT');
  await vi.waitFor(() => expect(read('log')).toBe('TERM'), SOON);
  child?.kill('SIGKILL');
  await stopped();
});

test('When the script gets SIGTERM, then it ends after daprd, with the exit code of daprd', async () => {
  installDaprd();
  const ended = start();
  await running();
  child?.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(read('log')).toBe('TERM\nended');
});

test('When daprd fails, then the script ends with the same exit code', async () => {
  installDaprd();
  expect(await start({ exit: '3' })).toBe(3);
});

test('When Dapr is not installed, then the script says what is missing', async () => {
  const ended = start();
  let output = '';
  child?.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  expect(await ended).toBe(127);
  expect(output).toBe(`${folder}/.dapr/bin/daprd is missing: install Dapr with 'dapr init'\n`);
});
