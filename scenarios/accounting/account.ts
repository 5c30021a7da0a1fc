import { setTimeout as sleep } from 'node:timers/promises';
import { type Service, type Stack, SUBSCRIBERS } from '../stacks/stack';
import { type Kill, unexplainedBy } from './kills';
import { type Accepted, FOLLOWEES } from './traffic';

/** The accepted follows, and the notifications that resulted from them. */
export interface Account {
  accepted: number;
  /** Follows with at least one mail. */
  mailed: number;
  /** Follows with at least one push message. */
  pushed: number;
  /** Dead letters. All of them were replayed. */
  dead: number;
  /** Missing notifications: follows without a mail, plus follows without a push message. */
  lost: number;
  /** Notifications that arrived more than once, and that no kill explains. */
  doubled: number;
  /**
   * Notifications that arrived more than once because the service was killed after the server accepted the notification
   * and before the service marked it as done. No order of these two steps closes the gap. A receiver can recognise the
   * second notification by the Message-ID of the mail or the sequence id of the push message.
   */
  doubledByKill: number;
}

export interface SettleOptions {
  deadlineMs: number;
  kills?: readonly Kill[];
  logged?: (follower: string) => readonly string[];
}

const POLL_MS = 500;
/** Longer than the longest pause between two attempts: if nothing arrives for this time, the rest are dead letters. */
const NO_ARRIVALS_MS = 8_000;

/** For each service and follower: the arrival times, in milliseconds since the epoch, ascending. */
type ArrivalTimes = Record<(typeof SUBSCRIBERS)[number], Map<string, number[]>>;

/**
 * Resolves with the account after all notifications have arrived or the deadline has passed. If nothing arrives for a
 * while, the dead letters are replayed.
 *
 * @param kills of the services, during the traffic
 * @param logged returns what the services have logged about a follower, for an error message
 */
export async function settle(
  stack: Pick<Stack, 'inbox' | 'replay' | 'waitUntilDrained'>,
  follows: readonly Accepted[],
  { deadlineMs, kills = [], logged = () => [] }: SettleOptions,
): Promise<Account> {
  const deadline = Date.now() + deadlineMs;
  let dead = 0;
  let arrivals = await arrivalsOf(stack, follows);
  const missing = (service: Service, times: ArrivalTimes) =>
    follows.filter(({ follower }) => !times[service as keyof ArrivalTimes].has(follower)).length;
  const allMissing = () => SUBSCRIBERS.reduce((sum, service) => sum + missing(service, arrivals), 0);
  let changedAt = Date.now();
  for (let before = allMissing(); before > 0 && Date.now() < deadline; before = allMissing()) {
    if (Date.now() - changedAt > NO_ARRIVALS_MS) {
      for (const service of SUBSCRIBERS) {
        dead += Number(/^found \d+, replayed (\d+)/m.exec((await stack.replay(service)).output)?.[1] ?? 0);
      }
      changedAt = Date.now();
    }
    await sleep(POLL_MS);
    arrivals = await arrivalsOf(stack, follows);
    if (allMissing() !== before) changedAt = Date.now();
  }
  // The broker may still deliver an event again, and its notification may then arrive twice. So the count waits until
  // the broker has no events left.
  await stack
    .waitUntilDrained?.(Math.max(1_000, deadline - Date.now()))
    .catch(({ message }: Error) => console.error(message));
  arrivals = await arrivalsOf(stack, follows);
  const doubles = SUBSCRIBERS.flatMap((service) =>
    [...arrivals[service]].flatMap(([follower, [firstMs = 0, ...moreMs]]) =>
      moreMs.length > 0 ? [{ service, follower, firstMs, moreMs }] : [],
    ),
  );
  const unexplained = unexplainedBy(kills, doubles);
  if (unexplained.length > 0)
    console.error('arrived more than once, and no kill explains it:', JSON.stringify({ unexplained, kills }));
  for (const { follower } of unexplained) for (const line of logged(follower)) console.error(line);
  return {
    accepted: follows.length,
    mailed: arrivals['email-notification-service'].size,
    pushed: arrivals['push-notification-service'].size,
    dead,
    lost: allMissing(),
    doubled: unexplained.length,
    doubledByKill: doubles.length - unexplained.length,
  };
}

/** Returns all numbers of the account in one line. */
export const describeAccount = (account: Account): string =>
  Object.entries(account)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

async function arrivalsOf(stack: Pick<Stack, 'inbox'>, follows: readonly Accepted[]): Promise<ArrivalTimes> {
  const expected = new Set(follows.map(({ follower }) => `${follower} follows you`));
  const group = (notifications: { text: string; atMs: number }[]) => {
    const times = new Map<string, number[]>();
    for (const { text, atMs } of notifications.toSorted((a, b) => a.atMs - b.atMs)) {
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
