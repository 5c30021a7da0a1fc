import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { allEnded } from './stacks/all-ended';
import { type LocalStack, startLocalStack, startLocalStackWithNpm, writeRunFile } from './stacks/local-stack';
import { servicesThatNotified } from './stacks/log-queries';
import { postFollow } from './stacks/post-follow';
import { ROOT } from './stacks/root';
import { SERVICES, SUBSCRIBERS } from './stacks/stack';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const;
const SOON = { timeout: 30_000 };

const isFree = (url: string) =>
  fetch(url).then(
    () => false,
    () => true,
  );

describe.each(['start', 'dev'] as const)('npm run %s', (script) => {
  test.each(SIGNALS)(
    'When only npm receives %s, then the services finish, all processes end, and the ports are free',
    async (signal) => {
      const stack = await startLocalStackWithNpm(script);
      const { pids, facadeUrl, facadeSidecarUrl } = stack;
      expect(pids).toHaveLength(4);
      await stack.inbox.setFaults({ mail: { code: 451, percent: 100 } });
      const { body } = await postFollow(stack);
      stack.signal(signal);
      await vi.waitFor(() => expect(stack.output.join('\n')).toContain(' unfinished: waiting at most '), SOON);
      await stack.inbox.clearFaults();
      // The output ends after the last process that has inherited it.
      await stack.ended;
      await allEnded(pids);
      expect(servicesThatNotified(stack, body.id)).toEqual([...SUBSCRIBERS]);
      expect(stack.output.join('\n')).not.toContain('lost');
      expect(await isFree(facadeUrl)).toBe(true);
      expect(await isFree(facadeSidecarUrl)).toBe(true);
    },
  );
});

describe('npm run replay', () => {
  let stack: LocalStack;
  beforeAll(async () => {
    stack = await startLocalStack();
  });
  afterAll(() => stack?.stop());

  test.each(SIGNALS)('When only npm receives %s, then the replay ends, and the services continue', async (signal) => {
    const { child: npm, result, url } = await stack.startReplayWithNpm('email-notification-service');
    await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), SOON);
    npm.kill(signal);
    const { output } = await result;
    // A replay that is not interrupted ends with its counts.
    expect(output).not.toContain('found 0');
    expect(await isFree(url)).toBe(true);
    expect((await fetch(`${stack.facadeUrl}/readyz`)).status).toBe(200);
  });
});

test('When npm start runs as in the README, then it starts all services, and Ctrl-C ends them', async () => {
  const runFile = await writeRunFile();
  onTestFinished(runFile.remove);
  // A separate process group, as in a shell. Ctrl-C sends SIGINT to npm and to all processes that npm has started.
  const child = spawn('npm', ['start', '--', '-f', runFile.path], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  await vi.waitFor(() => expect(output).toContain('try:   curl -X POST localhost:8080/followers'), { timeout: 15_000 });
  for (const service of SERVICES) expect(output).toContain(`ready: ${service} http://localhost:`);
  const pids = [...output.matchAll(/pid (\d+)$/gm)].map(([, pid]) => Number(pid));
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await once(child, 'close');
  await allEnded(pids);
  expect(output).not.toContain('lost');
});
