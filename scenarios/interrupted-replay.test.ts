import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type LocalStack, startLocalStack } from './stacks/local-stack';
import { postFollow } from './stacks/post-follow';

const EMAIL = 'email-notification-service';

/** A dead letter must stay visible whenever a listing or a replay ends. */
describe.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('a listing that ends with %s', (signal) => {
  let stack: LocalStack;
  let id: string;
  beforeAll(async () => {
    stack = await startLocalStack();
  });
  afterAll(() => stack.stop());
  beforeEach(async () => {
    await stack.inbox.setFaults({ mail: { code: 550, percent: 100 } });
    id = (await postFollow(stack)).body.id;
    const dead = () => stack.log.some(({ eventId, msg }) => eventId === id && msg.startsWith('dead letter: '));
    await vi.waitFor(() => expect(dead()).toBe(true), { timeout: 30_000 });
  });

  test('When it has printed the dead letter and is interrupted, then the next listing and the next replay find the dead letter', async () => {
    const { child, result } = await stack.startReplay(EMAIL, '--list');
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    await vi.waitFor(() => expect(output).toContain(id), { timeout: 15_000 });
    child.kill(signal);
    await result;

    const listed = await stack.replay(EMAIL, '--list');
    expect(listed.output).toContain(`${id} `);
    expect(listed.output).toMatch(/^1 dead letter$/m);
    await stack.inbox.clearFaults();
    expect((await stack.replay(EMAIL)).output).toMatch(/^found 1, replayed 1, returned 0$/m);
    await vi.waitFor(async () => expect(await stack.inbox.mailsOf(id)).toHaveLength(1), { timeout: 30_000 });
  }, 90_000);
});

test('When dead letters are listed, then neither the services nor their sidecars log a warning', async () => {
  const stack = await startLocalStack();
  try {
    await stack.publishWithoutFacade('poison-1', { follower: '<b>' });
    const dead = () => stack.log.filter(({ msg }) => msg.startsWith('dead letter: ')).length;
    await vi.waitFor(() => expect(dead()).toBe(2), { timeout: 30_000 });
    const [logged, printed] = [stack.log.length, stack.output.length];
    expect((await stack.replay(EMAIL, '--list')).output).toContain('poison-1 ');
    const warnings = stack.log.slice(logged).filter((line) => (line as { level?: string }).level === 'warn');
    expect(warnings).toEqual([]);
    expect(stack.output.slice(printed).filter((line) => /warn/i.test(line))).toEqual([]);
  } finally {
    await stack.stop();
  }
}, 60_000);
