import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type LocalStack, startLocalStack } from '../stacks/local-stack';
import { postFollow } from '../stacks/post-follow';
import { runCommand, runInShell } from '../stacks/shell-command';
import { editsOf } from './edits';
import { RepositoryCopy, recipe } from './repository-copy';

// Makes the changes of the README's section 'Change it' in copies of this repository. The Japanese README has the same
// recipes (languages.test.ts). recipes.compose.ts runs the third service on Docker Compose.

let copy: RepositoryCopy;
let stack: LocalStack | undefined;
beforeEach(() => {
  copy = new RepositoryCopy();
});
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  copy.remove();
}, 30_000);

const SOON = { timeout: 15_000 };

const start = async (script: 'start' | 'dev' = 'start') => {
  stack = await startLocalStack(undefined, { root: copy.root, script });
  return stack;
};

/** Runs the tests of one file in the copy, as the README says. */
const vitest = (file: string) =>
  runCommand(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', file], {
    cwd: copy.root,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, VITEST: undefined },
  });

test('When the mail text is changed, then the next mail has the new subject', async () => {
  copy.apply(recipe('README.md', '**Another mail text.**'));
  copy.build();
  const { inbox } = await start();
  const { body } = await postFollow(stack as LocalStack);
  await vi.waitFor(async () => expect(await inbox.mailsOf(body.id)).toHaveLength(1), SOON);
  expect(await inbox.mailsOf(body.id)).toMatchObject([{ Subject: 'bob, you have a new follower: alice' }]);
}, 180_000);

test('When the retry budget is changed, then the durations are in order, and a forgotten part is named', async () => {
  const blocks = recipe('README.md', '**Another retry budget.**');
  const [first] = blocks.flatMap(editsOf).map(({ file }) => file);
  copy.apply(blocks, ['components/redis/pubsub.yaml']);
  const half = await vitest('scenarios/timing');
  expect(first).toBe('components/common/resiliency.yaml');
  expect(half.code).toBe(1);
  expect(half.output).toContain('Redis does not hand it to another replica');
  copy.apply(blocks, ['components/common/resiliency.yaml']);
  const { code, output } = await vitest('scenarios/timing');
  expect(code, output).toBe(0);
}, 180_000);

describe('a third service', () => {
  const blocks = recipe('README.md', '**A third service.**');
  const files = blocks
    .filter(({ language }) => language === 'diff')
    .flatMap(editsOf)
    .map(({ file }) => file);
  const audited = () => readFileSync(join(copy.root, 'audit.log'), 'utf8').trim().split('\n');

  test('When the edits are counted, then there are five at most', () => {
    expect(new Set(files).size).toBeLessThanOrEqual(5);
  });

  test.each(['start', 'dev'] as const)(
    'When it is added and npm %s runs it, then it writes each follow to its file',
    async (script) => {
      copy.apply(blocks);
      if (script === 'start') copy.build();
      const running = await start(script);
      const { body } = await postFollow(running, { follower: 'carol', followee: 'dave' });
      await vi.waitFor(() => expect(audited()).toEqual([JSON.stringify(body)]), SOON);
      await vi.waitFor(async () => expect(await running.inbox.mailsOf(body.id)).toHaveLength(1), SOON);
    },
    180_000,
  );

  test('When it is added, then the checks pass', async () => {
    copy.apply(blocks);
    const checks = await runCommand('npm', ['run', 'check'], { cwd: copy.root });
    expect(checks.code, checks.output).toBe(0);
    const services = await vitest('scenarios/services');
    expect(services.code, services.output).toBe(0);
  }, 180_000);

  test.each(files.filter((file) => file !== 'dapr.yaml'))(
    'When the edit of %s is forgotten, then a test names it',
    async (file) => {
      copy.apply(blocks, [file]);
      const { code, output } = await vitest('scenarios/services');
      expect(code).toBe(1);
      expect(output).toContain(file);
    },
    180_000,
  );
});

test('When a second event is added, then it has a handler, and its dead letters are replayed to its route', async () => {
  const blocks = recipe('docs/another-broker.md', '## A second event');
  copy.apply(blocks);
  copy.build();
  const running = await start();
  const [curl = ''] = blocks.flatMap(({ language, text }) => (language === 'sh' ? [text] : []));
  const publish = (command: string) =>
    runInShell(command.replace('localhost:3500', running.facadeSidecarUrl.replace('http://', '')));
  await publish(curl);
  await vi.waitFor(() => expect(running.output.join('\n')).toContain('alice no longer follows bob'), SOON);

  // Not a follow: it becomes a dead letter, and comes back as one.
  await publish(curl.replace('"alice"', '"<b>"'));
  const logged = () => running.log.filter(({ msg }) => msg.startsWith('dead letter: ')).length;
  await vi.waitFor(() => expect(logged()).toBe(1), SOON);
  const { output } = await running.replay('push-notification-service');
  expect(output).toContain('found 1, replayed 0, returned 1');
  const paths = running.log.filter(
    ({ service, method }) => service === 'push-notification-service' && method === 'POST',
  );
  expect(paths.map(({ path }) => path)).toEqual(['/followerRemoved', '/followerRemoved', '/followerRemoved']);
  expect(await running.inbox.pushes('bob')).toEqual([]);
}, 90_000);

test('When Valkey becomes the broker, then its files name every service', async () => {
  const blocks = recipe('docs/another-broker.md', '## Valkey');
  const [shell] = blocks.filter(({ language }) => language === 'sh');
  expect((await runCommand('sh', ['-ec', shell?.text ?? 'exit 1'], { cwd: copy.root })).code).toBe(0);
  copy.apply(blocks);
  const { code, output } = await vitest('scenarios/services');
  expect(code, output).toBe(0);
  expect(readFileSync(join(copy.root, 'components/valkey/pubsub.yaml'), 'utf8')).toContain('envRef: VALKEY_HOST');
}, 180_000);

test('When a topic is added to the scopes of the brokers, then the files are still valid', async () => {
  copy.apply(recipe('docs/another-broker.md', '## Topics in the scopes of a broker'));
  const { code, output } = await vitest('scenarios/services');
  expect(code, output).toBe(0);
  for (const broker of ['redis', 'kafka']) {
    const text = readFileSync(join(copy.root, `components/${broker}/pubsub.yaml`), 'utf8');
    expect(text.match(/followerRemoved/g)).toHaveLength(3);
  }
}, 180_000);
