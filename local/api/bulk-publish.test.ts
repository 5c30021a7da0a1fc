import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { expect, test } from 'vitest';
import { startSidecar } from '../sidecar';
import { hasRedisServer, RedisServer } from '../testing/redis-server';

// daprd publishes the entries concurrently, so that their order is not certain there.
test.skipIf(!hasRedisServer())(
  'When entries are published in one request, then the stream has them in the order of the request [needs redis-server]',
  async () => {
    const server = await RedisServer.start();
    const folder = mkdtempSync(join(tmpdir(), 'bulk-publish-'));
    const component = { apiVersion: 'dapr.io/v1alpha1', kind: 'Component', metadata: { name: 'pubsub' } };
    const metadata = [{ name: 'redisHost', value: `127.0.0.1:${server.port}` }];
    const spec = { type: 'pubsub.redis', version: 'v1', metadata };
    writeFileSync(join(folder, 'pubsub.yaml'), JSON.stringify({ ...component, spec }));
    const client = createClient({ url: `redis://127.0.0.1:${server.port}` });
    const sidecar = await startSidecar({ appId: 'shop', resourcesPaths: [folder] });
    try {
      await client.connect();
      const numbers = Array.from({ length: 100 }, (_, i) => i);
      const entries = numbers.map((i) => ({ entryId: `e${i}`, event: i, contentType: 'application/json' }));
      for (const count of [2, 100]) {
        const answer = await fetch(`http://127.0.0.1:${sidecar.port}/v1.0/publish/bulk/pubsub/topic-${count}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(entries.slice(0, count)),
        });
        expect(answer.status).toBe(204);
        const stored = await client.xRange(`topic-${count}`, '-', '+');
        expect((stored ?? []).map(({ message }) => JSON.parse(message.data ?? '').data)).toEqual(
          numbers.slice(0, count),
        );
      }
    } finally {
      client.destroy();
      await sidecar.close();
      await server.kill();
      rmSync(folder, { recursive: true });
    }
  },
);
