import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeAccount, settle } from './accounting/account';
import { postFollows } from './accounting/traffic';
import { type Service, type Stack, SUBSCRIBERS } from './stacks/stack';

/** A stack whose services can be stopped and started one by one. */
export interface StoppableStack extends Stack {
  /** Stops the services at once, as `docker compose stop` does. Resolves with the highest exit code, null for a signal. */
  stopServices(services: readonly Service[]): Promise<number | null>;
  /** Starts the services again. Resolves when they are ready. */
  startServices(services: readonly Service[]): Promise<void>;
}

const FOLLOWS = 600;
const MAX_CONCURRENT = 24;
/** The stop meets deliveries in progress when this number of mails has been sent. */
const MAILS_BEFORE_STOP = 50;
/** The longest time of all retries of a delivery (components/common/resiliency.yaml), and a few seconds for the stop. */
const RETRIES_END_S = 50;

/** Defines the tests of a stop: it finishes the deliveries in progress, and takes no longer than they do. */
export function gracefulStopScenarios(startStack: () => Promise<StoppableStack>, rounds = 1): void {
  let stack: StoppableStack;
  beforeAll(async () => {
    stack = await startStack();
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  const stopSubscribers = async () => {
    const startedAt = Date.now();
    const code = await stack.stopServices(SUBSCRIBERS);
    return { code, seconds: (Date.now() - startedAt) / 1_000 };
  };

  test.each(Array.from({ length: rounds }, (_, i) => i + 1))(
    'When both subscribers are stopped under load (round %i), then they exit with 0 in 15 s, and nothing is lost or doubled',
    async () => {
      const mails = () => stack.log.filter(({ msg }) => msg.startsWith('notified') && msg.includes('by e-mail')).length;
      const before = mails();
      const posting = postFollows(stack, { follows: FOLLOWS, repeated: 0, maxConcurrent: MAX_CONCURRENT });
      await vi.waitFor(() => expect(mails() - before).toBeGreaterThanOrEqual(MAILS_BEFORE_STOP), { timeout: 30_000 });
      const { code, seconds } = await stopSubscribers();
      const accepted = await posting;
      await stack.startServices(SUBSCRIBERS);
      const account = await settle(stack, accepted, { deadlineMs: 240_000 });
      console.log(`${stack.name}, stopped in ${seconds} s: ${describeAccount(account)}`);
      expect(account).toMatchObject({ accepted: FOLLOWS, lost: 0, doubled: 0 });
      expect(code).toBe(0);
      expect(seconds).toBeLessThan(15);
    },
    400_000,
  );

  test('When both subscribers are stopped while mails are retried, then they exit with 0 after the retries, and the mails arrive after the next start', async (context) => {
    // local/ makes events whose retries have ended dead letters, also during a stop. Only a replay brings them back.
    if (stack.replayUnavailable) context.skip(stack.replayUnavailable);
    await stack.inbox.setFaults({ mail: { code: 451, percent: 100 } });
    const retried = () => stack.log.filter(({ msg }) => msg.startsWith('will be retried: e-mail')).length;
    const before = retried();
    const accepted = await postFollows(stack, { follows: 40, repeated: 0 });
    await vi.waitFor(() => expect(retried() - before).toBeGreaterThanOrEqual(40), { timeout: 20_000 });
    const { code, seconds } = await stopSubscribers();
    await stack.inbox.clearFaults();
    await stack.startServices(SUBSCRIBERS);
    const account = await settle(stack, accepted, { deadlineMs: 240_000 });
    console.log(`${stack.name}, stopped in ${seconds} s: ${describeAccount(account)}`);
    expect(account).toMatchObject({ accepted: 40, lost: 0, doubled: 0 });
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(RETRIES_END_S);
  }, 400_000);

  test('When both subscribers are stopped at rest, then they exit with 0 in 3 s', async () => {
    const { code, seconds } = await stopSubscribers();
    await stack.startServices(SUBSCRIBERS);
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(3);
  }, 60_000);
}
