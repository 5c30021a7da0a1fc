import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SidecarOptions } from '../sidecar-options';
import { startTestSidecar } from '../testkit/test-sidecar';

type Answer = { status?: number; body?: unknown };
type Handler = (event: { id: string; data: unknown }, attempt: number) => Answer | Promise<Answer>;

const SUBSCRIPTION = { pubsubname: 'pubsub', topic: 'orders', route: '/orders' };
const cleanUps: (() => unknown)[] = [];

/** Ends everything that was started. */
export async function stopShops(): Promise<void> {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
}

/** Calls a function at the next `stopShops`. */
export const atStop = (cleanUp: () => unknown) => cleanUps.push(cleanUp);

/** Starts an app that subscribes to `orders`, and its sidecar. Other POST requests are kept in `posts`. */
export async function startShop(
  handle: Handler = () => ({}),
  subscription = {},
  options: Partial<SidecarOptions> = {},
) {
  let attempts = 0;
  const posts: { url: string | undefined; body: unknown }[] = [];
  const app = createServer(async (req, res) => {
    if (req.url === '/dapr/subscribe') return res.end(JSON.stringify([{ ...SUBSCRIPTION, ...subscription }]));
    const text = Buffer.concat(await req.toArray()).toString();
    if (req.url !== '/orders') {
      if (req.method === 'POST') posts.push({ url: req.url, body: JSON.parse(text) });
      app.emit('post');
      return res.writeHead(req.method === 'POST' ? 200 : 404).end();
    }
    attempts += 1;
    const { status = 200, body } = await handle(JSON.parse(text), attempts);
    return res.writeHead(status).end(body === undefined ? '' : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  atStop(() => app.close());
  const dapr = await startTestSidecar({ appId: 'shop', appPort: (app.address() as AddressInfo).port, ...options });
  atStop(() => dapr.close());
  return Object.assign(dapr, { posts, nextPost: () => once(app, 'post') });
}

/** Returns a folder with a resource file that is removed at the end. */
export function resourcesFolder(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'resources-'));
  atStop(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'all.yaml'), text);
  return folder;
}

/** A broker and a policy that retries a delivery twice. */
export const WITH_RETRIES = `kind: Component
metadata: {name: pubsub}
spec: {type: pubsub.in-memory, version: v1}
---
kind: Resiliency
metadata: {name: r}
spec:
  policies: {retries: {twice: {policy: constant, duration: 5ms, maxRetries: 2}}}
  targets: {components: {pubsub: {inbound: {retry: twice}}}}
`;

export const publish = (dapr: { url: string }, data: unknown) =>
  fetch(`${dapr.url}/v1.0/publish/pubsub/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(data),
  });
