import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const DIST = resolve(__dirname, '../../dist/local');

/** Starts and closes 100 sidecars of one kind, with an app that gets an event, and prints what is left. */
const script = (module: string, start: string) => `
const { createServer } = require('node:http');
const { once } = require('node:events');
const { ${start} } = require(${JSON.stringify(join(DIST, module))});
const kinds = ['beforeExit', 'exit', 'SIGTERM', 'warning', 'unhandledRejection'];
async function round() {
  const app = createServer(async (req, res) => {
    for await (const _ of req);
    if (req.url === '/dapr/subscribe') return res.end('[{"pubsubname":"pubsub","topic":"orders","route":"/orders"}]');
    res.end();
    if (req.url === '/orders') app.emit('order');
  }).listen(0);
  await once(app, 'listening');
  const startedAt = performance.now();
  const dapr = await ${start}({ appId: 'shop', appPort: app.address().port });
  const tookMs = performance.now() - startedAt;
  if (dapr.fail) {
    dapr.fail('publish', { delayMs: 3_600_000, name: 'slow' });
    fetch(dapr.url + '/v1.0/publish/pubsub/slow', { method: 'POST', body: '1' }).catch(() => {});
    dapr.delivered('orders', { data: 'never' }, { timeoutMs: 3_600_000 });
  }
  const ordered = once(app, 'order');
  await fetch('http://127.0.0.1:' + dapr.port + '/v1.0/publish/pubsub/orders', { method: 'POST', body: '1' });
  await ordered;
  await dapr.close();
  app.close();
  app.closeAllConnections();
  return tookMs;
}
async function main() {
  void [process.stdout, process.stderr]; // Node opens these pipes when something reads them, and it reads them itself.
  const listeners = () => kinds.map((kind) => process.listenerCount(kind));
  const before = { count: process.getActiveResourcesInfo().length, listeners: listeners() };
  const times = [];
  for (let i = 0; i < 100; i += 1) times.push(await round());
  // The sockets of fetch close a moment after the servers.
  const deadline = performance.now() + 5_000;
  const left = () => process.getActiveResourcesInfo().length - before.count;
  while (left() > 0 && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  const fastestMs = Math.min(...times);
  console.log(JSON.stringify({ left: left(), listeners: listeners().map((count, i) => count - before.listeners[i]), fastestMs }));
}
main();
`;

test.each([
  ['sidecar.js', 'startSidecar'],
  ['testkit/test-sidecar.js', 'startTestSidecar'],
])(
  'When 100 sidecars of %s have started and closed, then the process ends by itself and leaves nothing',
  (module, start) => {
    const folder = mkdtempSync(join(tmpdir(), 'leftovers-'));
    try {
      writeFileSync(join(folder, 'main.cjs'), script(module, start));
      const env = { ...process.env, TMPDIR: folder };
      const { stdout, stderr, status } = spawnSync(process.execPath, ['main.cjs'], {
        cwd: folder,
        env,
        timeout: 100_000,
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
      const { left, listeners, fastestMs } = JSON.parse(stdout);
      expect(left).toBe(0);
      expect(listeners).toEqual([0, 0, 0, 0, 0]);
      // The fastest of them, because other tests run at the same time.
      expect(fastestMs).toBeLessThan(50);
      expect(readdirSync(folder)).toEqual(['main.cjs']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  120_000,
);
