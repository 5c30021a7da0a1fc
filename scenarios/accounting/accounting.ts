import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { postFollower } from '../stacks/post-follow';
import { type Service, type Stack, SUBSCRIBERS } from '../stacks/stack';
import { type Kill, notByKill } from './kills';

/** Where every accepted follow has ended. */
export interface Account {
  accepted: number;
  mailed: number;
  pushed: number;
  /** Dead letters, all of which were replayed. */
  dead: number;
  /** Accepted, and no mail or no push message came of it. */
  lost: number;
  /** More than one mail or push message of one follow. */
  doubled: number;
  /**
   * Doubled because its service was killed after the server had taken it and before it could be marked as done. No
   * order of the two steps closes that gap; the receiver can, by the Message-ID or the push message's sequence id.
   */
  doubledByKill: number;
}

export interface TrafficOptions {
  follows: number;
  /** How many of them are posted a second time, with the same Idempotency-Key. */
  repeated: number;
  /**
   * Each is called once, spread evenly over the traffic: the posting goes on while it strikes, and waits before the next
   * one until it is over. No more than there are posts.
   */
  faults?: readonly (() => Promise<void>)[];
}

const AT_A_TIME = 16;
const POLL_MS = 500;
/** Longer than the longest wait between two attempts: what has not moved for so long is a dead letter. */
const STILL_MS = 8_000;
/** Followees are spread over topics, of which ntfy gives back several at a time. */
const FOLLOWEES = ['bob', 'carol', 'dave', 'erin'];

/** A follow that was answered with 202. Nobody else has the same follower. */
export interface Accepted {
  id: string;
  follower: string;
}

/** Posts follows, and posts again what was not accepted, as a client with an Idempotency-Key may. */
export async function postFollows(
  stack: Stack,
  { follows, repeated, faults = [] }: TrafficOptions,
): Promise<Accepted[]> {
  const name = `f-${randomUUID().slice(0, 8)}`;
  const numbers = Array.from({ length: follows + repeated }, (_, i) => i % follows);
  const ids = new Map<number, Accepted>();
  const strikes = new Map(
    faults.map((strike, i) => [Math.floor(((i + 1) * numbers.length) / (faults.length + 1)), strike]),
  );
  if (strikes.size < faults.length) throw new Error(`${faults.length} faults are too many for ${follows} follows`);
  let [before, striking] = [Promise.resolve(), Promise.resolve()];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < numbers.length; at = next++) {
      const strike = strikes.get(at);
      if (strike) {
        before = striking;
        striking = before.then(strike);
        striking.catch(() => {}); // it is waited for below, or by the next one
      }
      await before;
      const number = numbers[at] ?? 0;
      ids.set(number, await postUntilAccepted(stack, number, `${name}-${number}`));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  await striking;
  return [...ids.values()];
}

async function postUntilAccepted(stack: Stack, number: number, follower: string): Promise<Accepted> {
  const followee = FOLLOWEES[number % FOLLOWEES.length] ?? 'bob';
  for (const deadline = Date.now() + 60_000; ; await sleep(100)) {
    const headers = { 'idempotency-key': follower };
    const answer = await postFollower(stack, { follower, followee }, headers).catch(() => undefined);
    if (answer?.status === 202) return answer.body;
    if (Date.now() > deadline) throw new Error(`follow ${number} is not accepted: ${JSON.stringify(answer)}`);
  }
}

/** When each follower was named, by each service: milliseconds since the epoch, ascending. */
type Arrivals = Record<(typeof SUBSCRIBERS)[number], Map<string, number[]>>;

async function arrivalsOf(stack: Stack, follows: readonly Accepted[]): Promise<Arrivals> {
  const expected = new Set(follows.map(({ follower }) => `${follower} follows you`));
  const group = (notifications: { text: string; atMs: number }[]) => {
    const times = new Map<string, number[]>();
    for (const { text, atMs } of notifications.toSorted((one, other) => one.atMs - other.atMs)) {
      if (!expected.has(text)) continue;
      const follower = text.slice(0, text.indexOf(' '));
      times.set(follower, [...(times.get(follower) ?? []), atMs]);
    }
    return times;
  };
  const [mails, pushes] = await Promise.all([stack.inbox.mails(), stack.inbox.pushes(...FOLLOWEES)]);
  return {
    'email-notification-service': group(
      mails.map(({ Subject, Created }) => ({ text: Subject, atMs: Date.parse(Created) })),
    ),
    'push-notification-service': group(pushes.map(({ message, time }) => ({ text: message, atMs: 1_000 * time }))),
  };
}

/**
 * Waits until every event has arrived, replaying dead letters whenever nothing moves, and counts.
 *
 * @param kills of the services, during the traffic
 */
export async function settle(
  stack: Stack,
  follows: readonly Accepted[],
  { deadlineMs, kills = [] }: { deadlineMs: number; kills?: readonly Kill[] },
): Promise<Account> {
  const deadline = Date.now() + deadlineMs;
  let dead = 0;
  let arrivals = await arrivalsOf(stack, follows);
  const missing = (service: Service, times: Arrivals) =>
    follows.filter(({ follower }) => !times[service as keyof Arrivals].has(follower)).length;
  const allMissing = () => SUBSCRIBERS.reduce((sum, service) => sum + missing(service, arrivals), 0);
  let changedAt = Date.now();
  for (let before = allMissing(); before > 0 && Date.now() < deadline; before = allMissing()) {
    if (Date.now() - changedAt > STILL_MS) {
      for (const service of SUBSCRIBERS) {
        dead += Number(/^found \d+, replayed (\d+)/m.exec(await stack.replay(service))?.[1] ?? 0);
      }
      changedAt = Date.now();
    }
    await sleep(POLL_MS);
    arrivals = await arrivalsOf(stack, follows);
    if (allMissing() !== before) changedAt = Date.now();
  }
  // What is delivered once more may come twice.
  await stack.idle?.(Math.max(1_000, deadline - Date.now())).catch(({ message }: Error) => console.error(message));
  arrivals = await arrivalsOf(stack, follows);
  const doubles = SUBSCRIBERS.flatMap((service) =>
    [...arrivals[service]].flatMap(([follower, [first = 0, ...more]]) =>
      more.length > 0 ? [{ service, follower, first, more }] : [],
    ),
  );
  const others = notByKill(doubles, kills);
  if (others.length > 0) console.error('doubled, and by no kill:', JSON.stringify({ others, kills }));
  return {
    accepted: follows.length,
    mailed: arrivals['email-notification-service'].size,
    pushed: arrivals['push-notification-service'].size,
    dead,
    lost: allMissing(),
    doubled: others.length,
    doubledByKill: doubles.length - others.length,
  };
}

export const table = (account: Account): string =>
  Object.entries(account)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
