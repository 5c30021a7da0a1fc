import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from './testing/free-port';
import { npm, npmEnvironment, type PackedPackage, packPackage } from './testing/package';
import { hasRedisServer, RedisServer } from './testing/redis-server';

const TIMEOUT_MS = 300_000;

let packed: PackedPackage;
let folder: string;
beforeAll(() => {
  packed = packPackage();
  folder = mkdtempSync(join(tmpdir(), 'samples-'));
}, TIMEOUT_MS);
afterAll(() => {
  packed.remove();
  rmSync(folder, { recursive: true, force: true });
});

test(
  'When the package is packed, then it has the README, the types and the command, and needs no other package',
  () => {
    const list = execFileSync('tar', ['-tzf', packed.tarball], { encoding: 'utf8' }).trim().split('\n');
    const files = list.map((name) => name.replace('package/', ''));
    expect(files).toEqual(expect.arrayContaining(['README.md', 'package.json', 'dist/main.js', 'dist/index.js']));
    const known = /^(README\.md|package\.json|dist\/[\w-]+\.js|dist\/types\/[\w/-]+\.d\.ts)$/;
    expect(files.filter((name) => !known.test(name))).toEqual([]);
    const manifest = JSON.parse(
      execFileSync('tar', ['-xzOf', packed.tarball, 'package/package.json'], { encoding: 'utf8' }),
    );
    expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining([manifest.main, manifest.types, manifest.bin['dapr-local']]));
  },
  TIMEOUT_MS,
);

test(
  'When a project installs the package, then its types are complete',
  () => {
    const project = join(folder, 'types');
    cpSync(join(__dirname, 'samples', 'components'), project, { recursive: true });
    writeFileSync(join(project, 'package.json'), '{"name":"project","private":true}');
    npm(['install', '--no-audit', '--no-fund', packed.tarball], project, folder);
    const text = `import { startTestSidecar, type Delivery } from 'dapr-local';
export async function check(): Promise<number | undefined> {
  const dapr = await startTestSidecar({ appId: 'shop' });
  const delivery: Delivery = await dapr.delivered('orders', { data: { item: 'tea' } }, { timeoutMs: 5 });
  // @ts-expect-error the data is unknown
  delivery.data.item;
  // @ts-expect-error an unknown kind
  dapr.fail('publsh', { status: 500 });
  return delivery.status;
}`;
    writeFileSync(join(project, 'check.ts'), text);
    const tsc = require.resolve('typescript/bin/tsc');
    const types = join(__dirname, '../node_modules/@types');
    const flags = ['--noEmit', '--strict', '--module', 'node20', '--typeRoots', types, '--types', 'node'];
    execFileSync(process.execPath, [tsc, ...flags, 'check.ts'], { cwd: project, encoding: 'utf8' });
  },
  TIMEOUT_MS,
);

test(
  'When the examples of the README run in a project with the package, then all their tests pass',
  () => {
    const project = join(folder, 'examples');
    mkdirSync(join(project, 'node_modules'), { recursive: true });
    symlinkSync(join(__dirname, '../node_modules/vitest'), join(project, 'node_modules/vitest'));
    execFileSync('tar', ['-xzf', packed.tarball, '-C', join(project, 'node_modules')]);
    renameSync(join(project, 'node_modules/package'), join(project, 'node_modules/dapr-local'));
    const readme = readFileSync(join(__dirname, 'README.md'), 'utf8');
    const examples = [...readme.matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)];
    for (const [, name = '', text = ''] of examples) writeFileSync(join(project, name), text);
    expect(examples.map(([, name]) => name)).toEqual(['shop.mjs', 'shop.test.mjs', 'shop.spec.mjs']);
    const { VITEST: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
    const options = { cwd: project, env, encoding: 'utf8' } as const;
    const byNode = execFileSync(process.execPath, ['--test', 'shop.test.mjs'], options);
    expect(byNode).toMatch(/pass 3\b/);
    const vitest = join(__dirname, '../node_modules/vitest/vitest.mjs');
    const byVitest = execFileSync(process.execPath, [vitest, 'run', '--root', project, 'shop.spec.mjs'], options);
    expect(byVitest).toMatch(/1 passed/);
  },
  TIMEOUT_MS,
);

/** Returns whether a command runs on this machine. */
function runs([program = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const EXPECTED = [
  ...[1, 2, 3].flatMap((id) => [`Published: ${id} 204`, `Subscriber received: {"orderId":${id}}`]),
  'Retrieved: {"orderId":1}',
  'Deleted: 204',
  'Order passed: {"orderId":4}',
];

describe.sequential('samples in the form of the official quickstarts', () => {
  for (const [language, check] of [
    ['javascript', ['node', '--version']],
    ['python', ['python3', '--version']],
    ['go', ['go', 'version']],
    ['java', ['java', '-version']],
  ] as const) {
    const isHere = runs(check);
    const title = `When the ${language} sample runs with npx, then it publishes, subscribes, keeps state and invokes`;
    test.skipIf(!isHere)(isHere ? title : `${title} [${check[0]} is not installed]`, () => run(language), TIMEOUT_MS);
  }
});

test.skipIf(!hasRedisServer())(
  'When the command uses a Redis that wants a login, then an event comes back to the app, and a state is in the database of the component [needs redis-server]',
  async () => {
    const redis = await RedisServer.start();
    const client = createClient({ url: `redis://127.0.0.1:${redis.port}/3` });
    const received: unknown[] = [];
    const app = createServer(async (req, res) => {
      if (req.url === '/dapr/subscribe') return res.end('[{"pubsubname":"pubsub","topic":"orders","route":"/orders"}]');
      if (req.url === '/orders') received.push(JSON.parse(Buffer.concat(await req.toArray()).toString()).data);
      return res.end();
    }).listen(0, '127.0.0.1');
    await Promise.all([once(app, 'listening'), client.connect()]);
    await client.sendCommand(['ACL', 'SETUSER', 'dapr', 'on', '>secret', '~*', '&*', '+@all']);
    const project = join(folder, 'redis');
    mkdirSync(join(project, 'components'), { recursive: true });
    const metadata = Object.entries({
      redisHost: `127.0.0.1:${redis.port}`,
      redisUsername: 'dapr',
      redisPassword: 'secret',
      redisDB: '3',
    }).map(([name, value]) => ({ name, value }));
    for (const [name, type] of Object.entries({ pubsub: 'pubsub.redis', statestore: 'state.redis' })) {
      const component = { kind: 'Component', metadata: { name }, spec: { type, version: 'v1', metadata } };
      writeFileSync(join(project, 'components', `${name}.yaml`), JSON.stringify(component));
    }
    execFileSync('tar', ['-xzf', packed.tarball, '-C', project]);
    const port = await freePort();
    const appPort = String((app.address() as AddressInfo).port);
    const ports = ['--app-port', appPort, '--dapr-http-port', String(port)];
    const args = ['package/dist/main.js', 'run', '--app-id', 'shop', ...ports, '--resources-path', 'components'];
    const child = spawn(process.execPath, args, { cwd: project, stdio: 'ignore' });
    const exited = once(child, 'exit');
    try {
      const api = `http://127.0.0.1:${port}/v1.0`;
      const post = (path: string, body: unknown) =>
        fetch(api + path, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        });
      await vi.waitFor(async () => expect((await fetch(`${api}/healthz`)).status).toBe(204), { timeout: 20_000 });
      expect((await post('/publish/pubsub/orders', { item: 'tea' })).status).toBe(204);
      await vi.waitFor(() => expect(received).toEqual([{ item: 'tea' }]), { timeout: 20_000 });
      expect((await post('/state/statestore', [{ key: 'tea', value: 7 }])).status).toBe(204);
      expect(await client.hGet('shop||tea', 'data')).toBe('7');
    } finally {
      child.kill('SIGTERM');
      await exited;
      app.close();
      client.destroy();
      await redis.kill();
    }
  },
  TIMEOUT_MS,
);

/** Runs a sample until its output is complete, and stops it. */
async function run(language: string): Promise<void> {
  const sample = join(folder, language);
  cpSync(join(__dirname, 'samples', language), sample, { recursive: true });
  cpSync(join(__dirname, 'samples', 'components'), join(folder, 'components'), { recursive: true });
  const file = join(sample, 'dapr.yaml');
  // Only the port differs, because another program may use it.
  writeFileSync(file, readFileSync(file, 'utf8').replace('6001', String(await freePort())));
  const args = ['exec', '--yes', `--package=${packed.tarball}`, '--', 'dapr-local', 'run', '-f', 'dapr.yaml'];
  const child = spawn('npm', args, {
    cwd: sample,
    env: npmEnvironment(folder),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const exited = once(child, 'exit');
  let hasExited = false;
  void exited.then(() => (hasExited = true));
  const isComplete = () => EXPECTED.every((line) => output.includes(line));
  while (!isComplete() && !hasExited) await Promise.race([once(child.stdout, 'data'), exited]);
  if (child.pid !== undefined && !hasExited) process.kill(-child.pid, 'SIGTERM');
  await exited;
  expect(
    EXPECTED.filter((line) => !output.includes(line)),
    output,
  ).toEqual([]);
}
