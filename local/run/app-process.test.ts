import { afterEach, describe, expect, test, vi } from 'vitest';
import { AppProcess } from './app-process';

const PROGRAM = `
  process.on('SIGTERM', () => { console.log('received SIGTERM'); process.exit(); });
  setInterval(() => {}, 1_000);
  console.log(process.pid);
`;

/** The program under a shell, as npm runs a script. */
const underShell = ['/bin/sh', '-c', '"$0" -e "$1"; exit 1', process.execPath, PROGRAM];

const started: AppProcess[] = [];

function start(command: string[]): { app: AppProcess; lines: string[] } {
  const lines: string[] = [];
  const app = new AppProcess({
    name: 'shop',
    command,
    directory: process.cwd(),
    env: process.env,
    onLine: (line) => lines.push(line),
  });
  started.push(app);
  return { app, lines };
}

const programOf = (lines: string[]) => vi.waitFor(() => Number(lines[0] ?? expect.fail('not up')), { timeout: 30_000 });

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe.skipIf(process.platform === 'win32')('the process of an app', () => {
  afterEach(() => {
    for (const app of started.splice(0)) app.kill();
  });

  test('When the shell is stopped, then the program receives SIGTERM too, and stop waits for its end', async () => {
    const { app, lines } = start(underShell);
    const program = await programOf(lines);

    await app.stop();

    expect(lines).toContain('received SIGTERM');
    expect(isRunning(program)).toBe(false);
  });

  test('When a program without a SIGTERM handler is stopped, then that is a normal end', async () => {
    const { app, lines } = start([process.execPath, '-e', 'setInterval(() => {}, 1_000); console.log(process.pid)']);
    await programOf(lines);
    expect(await app.stop()).toEqual({ ok: true, reason: 'signal SIGTERM' });
  });

  test('When the shell is killed, then the program ends too', async () => {
    const { app, lines } = start(underShell);
    const program = await programOf(lines);

    process.kill(app.pid ?? expect.fail('no process'), 'SIGKILL');
    const { reason } = await app.ended;

    expect(reason).toBe('signal SIGKILL');
    expect(isRunning(program)).toBe(false);
  });
});
