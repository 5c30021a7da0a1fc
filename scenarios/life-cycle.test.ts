import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { freePort } from '../local/testing/free-port';
import { allEnded } from './stacks/all-ended';
import {
  type LocalStack,
  npmStartCommand,
  type RunFileDocument,
  startLocalStack,
  writeRunFile,
} from './stacks/local-stack';
import { servicesThatNotified } from './stacks/log-queries';
import { postFollow } from './stacks/post-follow';
import { ROOT } from './stacks/root';
import { SUBSCRIBERS } from './stacks/stack';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** The number of processes: the three services and the inbox. */
const PROCESSES = 4;

const SOON = { timeout: 30_000 };

const WAITING = /^1 delivery is unfinished: waiting at most \d+ s more; another Ctrl-C ends everything at once$/;
const LOSS = '1 delivery is lost: the in-memory broker ends with this process';

/** Posts a follow whose mail the mail server refuses, and stops. Resolves when the stop waits for the retry. */
async function stopDuringRetry(stack: LocalStack) {
  await stack.inbox.setFaults({ mail: { code: 451, percent: 100 } });
  const { body } = await postFollow(stack);
  await vi.waitFor(() => expect(servicesThatNotified(stack, body.id)).toEqual(['push-notification-service']), SOON);
  const ended = stack.stop();
  await vi.waitFor(() => expect(stack.output).toContainEqual(expect.stringMatching(WAITING)), SOON);
  return { id: body.id, ended };
}

/** Runs the command of `npm start` with a changed run file. Resolves when it has ended without a stop. */
async function runUntilEnd(change: (file: RunFileDocument) => void, more: string[] = []) {
  const runFile = await writeRunFile(change);
  cleanUps.push(runFile.remove);
  const [program = '', ...args] = [...npmStartCommand(runFile.path), ...more];
  const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, LOG_FORMAT: 'json' } });
  let stderr = '';
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stderr, stdout };
}

describe('Ctrl-C', () => {
  test('When no notification is in flight, then all processes end and the exit code is 0', async () => {
    const stack = await startLocalStack();
    const pids = stack.pids;
    expect(pids).toHaveLength(PROCESSES);
    expect(await stack.stop()).toBe(0);
    await allEnded(pids);
  });

  test('When notifications are in flight, then the services finish them first, and none is lost', async () => {
    const stack = await startLocalStack();
    for (const service of SUBSCRIBERS) stack.suspend(service);
    const answers = await Promise.all(Array.from({ length: 20 }, () => postFollow(stack)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202));
    const ended = stack.stop();
    await vi.waitFor(
      () =>
        expect(stack.log).toContainEqual(
          expect.objectContaining({ service: 'api-facade', msg: 'stopping on SIGTERM' }),
        ),
      { timeout: 30_000 },
    );
    for (const service of SUBSCRIBERS) stack.resume(service);
    expect(await ended).toBe(0);
    for (const { body } of answers) expect(servicesThatNotified(stack, body.id)).toEqual([...SUBSCRIBERS]);
  });

  test('When a mail is being retried, then one line names the unfinished delivery and the longest wait, and the mail still arrives', async () => {
    const stack = await startLocalStack();
    const { id, ended } = await stopDuringRetry(stack);
    await stack.inbox.clearFaults();
    expect(await ended).toBe(0);
    expect(servicesThatNotified(stack, id)).toEqual([...SUBSCRIBERS]);
    expect(stack.output.join('\n')).not.toContain('lost');
  });

  test('When a second Ctrl-C arrives during the wait, then all processes end at once, the last line reports the loss, and the exit code is 1', async () => {
    const stack = await startLocalStack();
    const { pids } = stack;
    const { ended } = await stopDuringRetry(stack);
    // This line is two seconds after the first, and a second Ctrl-C counts after one second.
    await vi.waitFor(() => expect(stack.output.filter((line) => WAITING.test(line))).toHaveLength(2), SOON);
    expect(await stack.stop()).toBe(1);
    expect(await ended).toBe(1);
    expect(stack.output.at(-1)).toBe(LOSS);
    expect(stack.output.filter((line) => WAITING.test(line))).toHaveLength(2);
    await allEnded(pids);
  });

  test('When a service is killed during the wait, then lines name the service and the lost delivery, and the exit code is 1', async () => {
    const stack = await startLocalStack();
    stack.suspend('push-notification-service');
    await postFollow(stack);
    const ended = stack.stop();
    await vi.waitFor(() => expect(stack.output).toContainEqual(expect.stringMatching(WAITING)), SOON);
    stack.kill('push-notification-service');
    expect(await ended).toBe(1);
    expect(stack.output).toContain('push-notification-service ended with signal SIGKILL');
    expect(stack.output.at(-1)).toBe(LOSS);
  });
});

describe('failures', () => {
  test('When a service is killed, then one line names the service and the signal, the exit code is 1, and all processes end', async () => {
    const stack = await startLocalStack();
    const pids = stack.pids;
    stack.kill('push-notification-service');
    expect(await stack.ended).toBe(1);
    expect(stack.output).toContain('push-notification-service ended with signal SIGKILL');
    await allEnded(pids);
  });

  test('When the program itself is killed, then all processes end', async () => {
    const runFile = await writeRunFile();
    cleanUps.push(runFile.remove);
    const [program = '', ...args] = npmStartCommand(runFile.path);
    const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await vi.waitFor(() => expect(output).toContain('try:'), { timeout: 30_000 });
    const pids = [...output.matchAll(/pid (\d+)$/gm)].map(([, pid]) => Number(pid));
    expect(pids).toHaveLength(PROCESSES);
    child.kill('SIGKILL');
    await allEnded(pids);
  });

  test('When a port is in use, then one line names the service and the port', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    cleanUps.push(() => blocker.close());
    const { port } = blocker.address() as { port: number };
    const { code, stderr, stdout } = await runUntilEnd((file) => {
      for (const app of file.apps) if (app.appID === 'api-facade') app.appPort = port;
    });
    expect(code).toBe(1);
    expect(stderr).toBe(`api-facade: port ${port} is in use\n`);
    expect(stdout).toBe('');
  });

  test('When a variable of a service is invalid, then one line names the variable, and the program ends', async () => {
    const { code, stdout, stderr } = await runUntilEnd((file) => {
      for (const app of file.apps) if (app.appID === 'api-facade') app.env = { LOG_LEVEL: 'loud' };
    });
    expect(code).toBe(1);
    expect(stdout).toContain(
      '== APP - api-facade == api-facade: LOG_LEVEL is "loud"; allowed: debug, info, warn, error, silent\n',
    );
    expect(stderr).toBe('api-facade ended with exit code 1\n');
  });

  test('When the command of a service does not exist, then one line names the service and the command', async () => {
    const { code, stderr } = await runUntilEnd((file) => {
      for (const app of file.apps) if (app.appID === 'api-facade') app.command = ['no-such-program'];
    });
    expect(code).toBe(1);
    expect(stderr).toBe('api-facade ended with spawn no-such-program ENOENT\n');
  });

  test.each([
    ['broken YAML', 'a: [', /pubsub\.yaml: not YAML: /],
    [
      'an unknown type',
      'kind: Component\nmetadata: {name: p}\nspec: {type: pubsub.pigeon, version: v1}',
      /component p: spec\.type is pubsub\.pigeon; allowed: /,
    ],
    [
      'a field of the wrong kind',
      'kind: Component\nmetadata: {name: [1]}\nspec: {type: pubsub.in-memory, version: v1}',
      /pubsub\.yaml: metadata\.name is \[1\]; allowed: a string/,
    ],
  ])(
    'When a resource file has %s, then one line names the file or the component, and the error',
    async (_, text, message) => {
      const folder = mkdtempSync(join(tmpdir(), 'resources-'));
      cleanUps.push(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, 'pubsub.yaml'), text);
      const { code, stderr } = await runUntilEnd(() => {}, ['--resources-path', folder]);
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    },
  );

  test('When the run file has an invalid field, then one line names the file and the field', async () => {
    const { code, stderr } = await runUntilEnd((file) => {
      for (const app of file.apps) app.appDirPath = '/no/such/folder';
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/dapr\.yaml: apps\[0\]\.appDirPath is "\/no\/such\/folder"; allowed: a path that exists/);
  });
});

describe('api-facade without a sidecar', () => {
  test('When a follow is posted, then the status is 503 with Retry-After, and the service is live but not ready', async () => {
    const port = await freePort();
    const env = { ...process.env, APP_PORT: String(port), DAPR_HTTP_PORT: String(await freePort()) };
    const child = spawn(process.execPath, ['dist/api-facade/main.js'], { cwd: ROOT, env, stdio: 'ignore' });
    cleanUps.push(() => child.kill('SIGKILL'));
    const url = `http://127.0.0.1:${port}`;
    await vi.waitFor(async () => expect((await fetch(`${url}/livez`)).status).toBe(200), { timeout: 20_000 });

    const res = await fetch(`${url}/followers`, { method: 'POST' });
    expect(res.status).toBe(503);
    expect(Number(res.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(res.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);

    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });
});
