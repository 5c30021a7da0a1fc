import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { accessLogLines } from './stacks/log-queries';
import { postFollow } from './stacks/post-follow';
import { DAPR_WITH_REDIS, missingForDapr } from './stacks/redis-stack';
import { ROOT } from './stacks/root';
import { type RunStack, startRunStack } from './stacks/run-stack';
import { SERVICES } from './stacks/stack';
import { waitUntilNotified } from './stacks/wait-until-notified';

// These tests need no containers. They check that the sidecars export the traces and metrics that the Compose profile
// `observability` shows.
describe.skipIf(missingForDapr)(
  'Traces and metrics of the sidecars [needs the dapr CLI, daprd and redis-server]',
  () => {
    let stack: RunStack;
    let collector: Server;
    /** The received batches of spans, in protobuf. Names and trace ids appear unencoded in the bytes. */
    const batches: Buffer[] = [];

    beforeAll(async () => {
      collector = createServer(async (req, res) => {
        batches.push(Buffer.concat(await req.toArray()));
        res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      });
      await once(collector.listen(0, '127.0.0.1'), 'listening');
      vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `127.0.0.1:${(collector.address() as AddressInfo).port}`);
      vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/protobuf');
      vi.stubEnv('OTEL_EXPORTER_OTLP_INSECURE', 'true');
      stack = await startRunStack(DAPR_WITH_REDIS);
    }, 60_000);

    afterAll(async () => {
      vi.unstubAllEnvs();
      await stack?.stop();
      collector.closeAllConnections();
      collector.close();
    }, 30_000);

    test('When a follow is posted, then all three sidecars export spans with the trace id of the access log', async () => {
      const { body } = await postFollow(stack);
      await waitUntilNotified(stack, body.id, 10_000);
      const traceId = Buffer.from(accessLogLines(stack, body.id)[0]?.traceId ?? '', 'hex');
      expect(traceId).toHaveLength(16);
      const traced = () => {
        const ours = batches.filter((batch) => batch.includes(traceId));
        return SERVICES.filter((service) => ours.some((batch) => batch.includes(service)));
      };
      await vi.waitFor(() => expect(traced()).toEqual([...SERVICES]), { timeout: 15_000 });
    }, 30_000);

    test('When follows are notified, retried and dead letters, then each panel of the dashboard counts them', async () => {
      const before = await figures(stack);
      await stack.inbox.setFaults({ mail: { code: 451, percent: 100 } });
      const { body } = await postFollow(stack);
      await vi.waitFor(() => expect(stack.log.some(({ msg }) => msg.startsWith('will be retried'))).toBe(true));
      await stack.inbox.clearFaults();
      await waitUntilNotified(stack, body.id, 20_000);
      await stack.publishWithoutFacade('poison', { follower: '<b>' });
      await vi.waitFor(async () => {
        const now = await figures(stack);
        const more = Object.fromEntries(Object.entries(now).map(([title, n]) => [title, n - (before[title] ?? 0)]));
        expect(more).toEqual({
          // The invalid event is published without api-facade, but through its sidecar, so it counts, too.
          'Follows accepted': 2,
          'Notifications sent': 2,
          Retries: expect.toSatisfy((n: number) => n >= 1),
          'Dead letters': 2,
        });
      });
    }, 40_000);
  },
);

/** Resolves with the value of each panel of type `stat`: the sum over all three sidecars, as Prometheus computes it. */
async function figures(stack: RunStack): Promise<Record<string, number>> {
  const lines = (await Promise.all(SERVICES.map((service) => stack.metrics(service)))).join('\n').split('\n');
  const { panels } = JSON.parse(readFileSync(join(ROOT, 'observability/grafana/follows.json'), 'utf8')) as {
    panels: { title: string; type: string; targets: { expr: string }[] }[];
  };
  return Object.fromEntries(
    panels
      .filter(({ type }) => type === 'stat')
      .map(({ title, targets }) => {
        const [, name = '', labels = ''] = /\((\w+)\{(.*)\}\)$/.exec(targets[0]?.expr ?? '') ?? [];
        const selectors = labels.split(',');
        const samples = lines.filter(
          (line) => line.startsWith(`${name}{`) && selectors.every((selector) => line.includes(selector)),
        );
        return [title, samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)];
      }),
  );
}
