import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';

const HEADERS = { 'content-type': 'application/json' };

/** Connections at full load: enough to keep two cores busy, and few enough to keep the latency of each request low. */
const CONNECTIONS = 32;

/**
 * Resolves after all follows are posted and answered. Each connection posts the next follow when it has its answer.
 *
 * @throws {Error} when a request is not answered with a 2xx
 */
export async function fullLoad(url: string, follows: number): Promise<void> {
  const body = JSON.stringify({ follower: 'alice', followee: 'bob' });
  const connections = Math.min(CONNECTIONS, follows);
  // autocannon checks once in every interval whether it is done. A long interval would add to the measured time.
  const sampleInt = 20;
  const load = { url, method: 'POST', headers: HEADERS, body, connections, amount: follows, sampleInt } as const;
  const result = await autocannon(load);
  const failed = result.non2xx + result.errors + result.timeouts;
  if (failed > 0) throw new Error(`${url}: ${failed} of ${follows} requests failed`);
}

export interface Posted {
  follower: string;
  /**
   * When the post was due, in milliseconds since the epoch. Latencies count from here: if the load generator is late,
   * the latencies become higher and not lower.
   */
  dueAtMs: number;
  /** From `dueAtMs` until the answer. */
  tookMs: number;
}

/**
 * Posts at a fixed rate without waiting for answers, and each follow has a different follower. Resolves after all
 * answers have arrived.
 *
 * @throws {Error} when a request is not answered with 202 or 204
 */
export async function steadyLoad(url: string, perSecond: number, seconds: number): Promise<Posted[]> {
  const agent = new Agent({ keepAlive: true });
  const now = () => performance.timeOrigin + performance.now();
  const start = now() + 10;
  const posts: Promise<Posted>[] = [];
  for (let i = 0; i < perSecond * seconds; i += 1) {
    const dueAtMs = start + (i * 1_000) / perSecond;
    if (dueAtMs > now()) await sleep(dueAtMs - now());
    const follower = `s${i}`;
    const posted = post(url, agent, { follower, followee: 'bob' }).then(() => ({
      follower,
      dueAtMs,
      tookMs: now() - dueAtMs,
    }));
    posted.catch(() => {}); // Promise.all below handles the rejection
    posts.push(posted);
  }
  const posted = await Promise.all(posts);
  agent.destroy();
  return posted;
}

function post(url: string, agent: Agent, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const headers = { ...HEADERS, 'content-length': Buffer.byteLength(text) };
    request(url, { method: 'POST', agent, headers }, (res) => {
      const ok = res.statusCode === 202 || res.statusCode === 204;
      res.resume().on('end', () => (ok ? resolve() : reject(new Error(`${url}: ${res.statusCode}`))));
    })
      .on('error', reject)
      .end(text);
  });
}

const EVENTS_PER_REQUEST = 100;
const MAX_CONCURRENT_REQUESTS = 4;

/**
 * Resolves after `count` events are published through the bulk endpoint of a sidecar.
 *
 * @throws {Error} when the sidecar answers with an error
 */
export async function publishMany(publishUrl: string, count: number): Promise<void> {
  const url = publishUrl.replace('/publish/', '/publish/bulk/');
  let left = count;
  const worker = async () => {
    while (left > 0) {
      const size = Math.min(EVENTS_PER_REQUEST, left);
      left -= size;
      const event = { follower: 'alice', followee: 'bob' };
      const entries = Array.from({ length: size }, (_, i) => ({
        entryId: String(i),
        event,
        contentType: 'application/json',
      }));
      const answer = await fetch(url, { method: 'POST', headers: HEADERS, body: JSON.stringify(entries) });
      if (answer.status >= 300) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    }
  };
  await Promise.all(Array.from({ length: MAX_CONCURRENT_REQUESTS }, worker));
}
