import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daprd-'));
  writeFileSync(join(folder, 'daprd'), '#!/bin/sh\necho "$$ $REDIS_PASSWORD $*"; env >"$0.env"\n');
  chmodSync(join(folder, 'daprd'), 0o755);
  writeFileSync(join(folder, 'password'), 'secret');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the script with another daprd. Resolves with what that daprd has printed. */
async function run(args: string[], variables: Record<string, string> = {}): Promise<string> {
  const files = { SIDECAR_PID_FILE: join(folder, 'pid'), REDIS_PASSWORD_FILE: join(folder, 'password') };
  const env = { PATH: process.env.PATH, DAPRD: join(folder, 'daprd'), ...files, ...variables };
  const child = spawn('sh', [join(__dirname, 'daprd.sh'), ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  return Buffer.concat(await child.stdout.toArray()).toString();
}

test('When the sidecar starts, then its process id is in the file, and only daprd has the password', async () => {
  const [, pid, args] = /^(\d+) secret (.*)\n$/.exec(await run(['--app-id', 'shop'])) ?? [];
  expect(readFileSync(join(folder, 'pid'), 'utf8')).toBe(`${pid}\n`);
  expect(args).toMatch(/^--dapr-graceful-shutdown-seconds 30 .*--app-id shop$/);
});

test('When the CLI asks for the version, then that process is not taken for the sidecar', async () => {
  expect(await run(['--version'])).toMatch(/^\d+ {2}--version\n$/);
  expect(existsSync(join(folder, 'pid'))).toBe(false);
});

test.each([
  ['one by one', '1', '100ms'],
  ['in batches', '100', '4s'],
])(
  'When events are delivered %s and the sidecar stops, then its API stays open for the marks',
  async (_, size, open) => {
    const printed = await run(['--app-id', 'shop'], { EVENTS_PER_DELIVERY: size });
    expect(printed).toContain(`--dapr-block-shutdown-duration ${open} `);
  },
);

test.each([
  ['in a container, then daprd does not use it', { DAPR_HOST_IP: '127.0.0.1' }, false],
  ['on a host, then daprd may use it', {}, true],
])('When a proxy is set %s', async (_, place, used) => {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
  await run(['--app-id', 'shop'], {
    ...place,
    ...Object.fromEntries(names.map((name) => [name, 'http://proxy:3128'])),
  });
  expect(readFileSync(join(folder, 'daprd.env'), 'utf8').includes('proxy:3128')).toBe(used);
});
