import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const SCRIPT = join(__dirname, 'entrypoint.sh');
const SOON = { timeout: 30_000 };

let folder: string;
let child: ChildProcess | undefined;

/**
 * Replaces `dapr run`: starts daprd, and exits after daprd has exited. It exits at once on SIGTERM. Without `SIDECAR`, its
 * daprd ends at once, and it does not.
 */
const DAPR = `
echo "$@" >"$FOLDER/arguments"
echo "$DAPR_API_TOKEN $APP_API_TOKEN" >"$FOLDER/tokens"
trap 'echo "cli: TERM" >>"$FOLDER/log"; exit 0' TERM
if [ -n "$SIDECAR" ]; then
  sh -c 'trap "echo daprd: TERM >>$FOLDER/log; exit 0" TERM; while :; do sleep 0.05; done' &
  echo $! >"$SIDECAR_PID_FILE"
  wait $!
  exit "$CODE"
fi
sh -c 'echo $$ >"$SIDECAR_PID_FILE"'
while :; do sleep 0.05; done
`;

/** Replaces the resolver: the network has a host kafka. */
const GETENT = '[ "$*" = "hosts kafka." ]';

/** Replaces the check of the resource files. */
const NODE = `
echo "$@" >"$FOLDER/checked"
if [ -n "$PROBLEM" ]; then echo "$PROBLEM" >&2; exit 1; fi
echo "pubsub: components/redis/pubsub.yaml"
`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entrypoint-'));
  for (const [name, text] of Object.entries({ dapr: DAPR, getent: GETENT, node: NODE })) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
});
afterEach(() => {
  child?.kill('SIGKILL');
  const pid = read('sidecar');
  if (pid !== '') {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // the process has already ended
    }
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim() : '');

function start(args: string[], { sidecar = true, code = 0, problem = '', broker = 'redis' } = {}) {
  const env = {
    APP_PORT: '8080',
    BROKER: broker,
    FOLDER: folder,
    TMPDIR: folder,
    SIDECAR: sidecar ? '1' : '',
    CODE: String(code),
    PROBLEM: problem,
  };
  child = spawn('sh', [SCRIPT, ...args], { cwd: folder, env: { ...env, PATH: `${folder}:${process.env.PATH}` } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
  const ended = once(child, 'exit').then(([exitCode]) => exitCode as number);
  return { child, ended, output: () => output };
}

describe.each(['SIGTERM', 'SIGINT'] as const)('a stop with %s', (signal) => {
  test('When the container is stopped, then only daprd gets a SIGTERM, only once, and the exit code is that of the CLI', async () => {
    const { child, ended } = start(['api-facade']);
    await vi.waitFor(() => expect(read('sidecar')).not.toBe(''), SOON);
    child.kill(signal);
    child.kill(signal);
    expect(await ended).toBe(0);
    expect(read('log')).toBe('daprd: TERM');
  });
});

/** Acts as healthcheck.ts, when the container has failed. Resolves with the reason that the container gives. */
async function reportFailure(): Promise<string> {
  await vi.waitFor(() => expect(read('failed')).not.toBe(''), SOON);
  writeFileSync(join(folder, 'reported'), '');
  return read('failed');
}

describe('a start that fails', () => {
  test('When the sidecar cannot start, then the container ends with 1, prints the files of the components, and waits until its health check has reported it', async () => {
    const { child, ended, output } = start(['api-facade'], { sidecar: false });
    const reason = await reportFailure();
    expect(child.exitCode).toBeNull();
    expect(await ended).toBe(1);
    expect(reason).toMatch(/^the sidecar has ended; .* pubsub: components\/redis\/pubsub\.yaml$/);
    expect(output()).toContain(`api-facade: ${reason}`);
  });

  test('When a resource file has a problem, then the sidecar is not started, the problem is printed, and the container ends with 1', async () => {
    const { ended, output } = start(['api-facade'], { problem: 'components/redis/pubsub.yaml: not YAML' });
    expect(await reportFailure()).toBe('components/redis/pubsub.yaml: not YAML');
    expect(await ended).toBe(1);
    expect(output()).toBe('api-facade: components/redis/pubsub.yaml: not YAML\n');
    expect(read('arguments')).toBe('');
  });

  test('When the program ends before it was ready, then the container waits for its health check, too', async () => {
    const { ended } = start(['api-facade'], { code: 3 });
    await vi.waitFor(() => expect(read('sidecar')).not.toBe(''), SOON);
    process.kill(Number(read('sidecar')), 'SIGKILL');
    expect(await reportFailure()).toMatch(/./);
    expect(await ended).not.toBe(0);
  });

  test('When a replay cannot start, then it waits for nobody', async () => {
    const { ended } = start(['replay', 'email-notification-service'], { problem: 'components: not YAML' });
    expect(await ended).toBe(1);
    expect(existsSync(join(folder, 'failed'))).toBe(false);
  });
});

test('When the sidecar ends after the service was ready, then the CLI is told to end, and the container does not wait', async () => {
  const { ended } = start(['api-facade'], { code: 1 });
  await vi.waitFor(() => expect(read('sidecar')).not.toBe(''), SOON);
  writeFileSync(join(folder, 'ready'), '');
  process.kill(Number(read('sidecar')), 'SIGKILL');
  expect(await ended).toBe(1);
  expect(existsSync(join(folder, 'failed'))).toBe(false);
});

test('When a container starts, then its two tokens are new, random, different and not printed', async () => {
  const tokens: string[] = [];
  for (let i = 0; i < 2; i += 1) {
    const { child, ended, output } = start(['api-facade']);
    await vi.waitFor(() => expect(read('sidecar')).not.toBe(''), SOON);
    tokens.push(...read('tokens').split(' '));
    child.kill('SIGTERM');
    await ended;
    rmSync(join(folder, 'sidecar'));
    for (const token of tokens) expect(output()).not.toContain(token);
  }
  expect(new Set(tokens).size).toBe(4);
  for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{48}$/);
});

/** Starts and stops the script. Resolves with the arguments that it gave to `dapr`. */
async function argumentsOf(args: string[]): Promise<string> {
  const { child, ended } = start(args);
  await vi.waitFor(() => expect(read('sidecar')).not.toBe(''), SOON);
  child.kill('SIGTERM');
  await ended;
  return read('arguments');
}

test('When a service starts, then its name is the app id, and the Dapr API listens on 127.0.0.1', async () => {
  const given = await argumentsOf(['push-notification-service']);
  expect(given).toContain('--app-id push-notification-service --app-port 8080 --dapr-listen-addresses 127.0.0.1');
  expect(given).toContain('--resources-path components/common --resources-path components/redis ');
  const checked = 'components/config.yaml,components/no-invocation.yaml components/common components/redis';
  expect(read('checked')).toBe(`dist/container/check-resources.js ${checked}`);
  expect(given).toMatch(/-- node dist\/push-notification-service\/main\.js$/);
});

test('When a replay starts, then it has a separate app id, and separate components if the broker has such a folder', async () => {
  mkdirSync(join(folder, 'components/redis-replay'), { recursive: true });
  const given = await argumentsOf(['replay', 'email-notification-service', '--list']);
  expect(given).toContain('--app-id email-notification-service-replay ');
  expect(given).toContain('--resources-path components/redis-replay ');
  expect(given).toMatch(/-- node dist\/replay\/main\.js email-notification-service --list$/);
});

test.each([
  [
    'redis',
    'replay: reads Redis, but kafka runs, too. If the services use kafka, run: BROKER=kafka docker compose run --rm replay email-notification-service --list\n',
  ],
  ['kafka', ''],
])(
  'When a replay reads %s while kafka runs, then it says which other broker may have the dead letters',
  async (broker, hint) => {
    for (const name of ['redis', 'kafka', 'in-memory']) {
      mkdirSync(join(folder, 'components', name), { recursive: true });
      writeFileSync(join(folder, 'components', name, 'pubsub.yaml'), '');
    }
    const { child, ended, output } = start(['replay', 'email-notification-service', '--list'], { broker });
    await vi.waitFor(() => expect(read('sidecar')).not.toBe(''), SOON);
    child.kill('SIGTERM');
    await ended;
    expect(output()).toBe(hint);
  },
);
