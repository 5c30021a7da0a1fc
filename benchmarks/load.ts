import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';

const HEADERS = { 'content-type': 'application/json' };

/** Connections at full load: enough to keep two cores busy, few enough to keep the latency of each request low. */
const CONNECTIONS = 32;

/**
 * Posts so many follows, as fast as the answers come.
 *
 * @throws {Error} when a request is not answered with a 2xx
 */
export async function fullLoad(url: string, follows: number): Promise<void> {
  const body = JSON.stringify({ follower: 'alice', followee: 'bob' });
  const connections = Math.min(CONNECTIONS, follows);
  // It looks once in every interval whether it is done, and that would count.
  const sampleInt = 20;
  const load = { url, method: 'POST', headers: HEADERS, body, connections, amount: follows, sampleInt } as const;
  const result = await autocannon(load);
  const failed = result.non2xx + result.errors + result.timeouts;
  if (failed > 0) throw new Error(`${url}: ${failed} of ${follows} requests failed`);
}

export interface Posted {
  follower: string;
  /** When it was due, in milliseconds since the epoch: a generator that comes late makes nothing look faster. */
  dueAtMs: number;
  /** From then until the answer. */
  tookMs: number;
}

/**
 * Posts at a fixed rate, whatever the answers do, each follow by somebody else.
 *
 * @throws {Error} when a request is not answered with a 2xx
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
    posted.catch(() => {}); // it is waited for below, once all are sent
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

const BULK = 100;
const BULKS_AT_A_TIME = 4;

/** Publishes events through the bulk endpoint of a sidecar, as fast as it takes them. @throws {Error} when it does not */
export async function publishMany(publishUrl: string, count: number): Promise<void> {
  const url = publishUrl.replace('/publish/', '/publish/bulk/');
  let left = count;
  const worker = async () => {
    while (left > 0) {
      const size = Math.min(BULK, left);
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
  await Promise.all(Array.from({ length: BULKS_AT_A_TIME }, worker));
}
