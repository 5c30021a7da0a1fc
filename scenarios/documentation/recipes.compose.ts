import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hasImage, missingForCompose } from '../stacks/compose-requirements';
import { type ComposeStack, startComposeStack } from '../stacks/compose-stack';
import { postFollow } from '../stacks/post-follow';
import { runCommand } from '../stacks/shell-command';
import { waitUntilNotified } from '../stacks/wait-until-notified';
import { RepositoryCopy, recipe } from './repository-copy';

// Makes changes of README.md and docs/another-broker.md in a copy of this repository, and runs it on Docker Compose.

let copy: RepositoryCopy;
let stack: ComposeStack | undefined;
beforeEach(() => {
  copy = new RepositoryCopy();
});
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  copy.remove();
}, 90_000);

const missing = missingForCompose();
describe.skipIf(missing)(`A third service [${missing ?? 'available'}]`, () => {
  test('When audit-service is added, then up --wait starts it with the others, and it writes each follow to its file', async () => {
    copy.apply(recipe('README.md', '**A third service.**'));
    const running = await startComposeStack({ root: copy.root });
    stack = running;
    const { body } = await postFollow(running, { follower: 'carol', followee: 'dave' });
    const audited = () => running.exec('audit-service', 'cat', '/tmp/audit.log');
    await vi.waitFor(async () => expect(await audited()).toBe(`${JSON.stringify(body)}\n`), { timeout: 20_000 });
    await waitUntilNotified(running, body.id, 20_000);
  }, 600_000);
});

describe.skipIf(missing)(`Valkey as the broker [${missing ?? 'available'}]`, () => {
  test('When its two component files and its profile are added, then a follow is delivered, and a dead letter can be replayed', async (context) => {
    const blocks = recipe('docs/another-broker.md', '## Valkey');
    const [shell] = blocks.filter(({ language }) => language === 'sh');
    await runCommand('sh', ['-ec', shell?.text ?? 'exit 1'], { cwd: copy.root });
    copy.apply(blocks);
    if (!hasImage('valkey/valkey:8-alpine')) putRedisInPlaceOfValkey();
    const running = await startComposeStack({ root: copy.root, broker: 'valkey' });
    stack = running;
    const { body } = await postFollow(running, { follower: 'valkey-1', followee: 'bob' });
    await waitUntilNotified(running, body.id, 20_000);
    expect(await running.redisCli('EXISTS', 'followerAdded')).toBe('0\n');
    if (running.replayUnavailable) context.skip(running.replayUnavailable);

    await running.inbox.setFaults({ mail: { code: 550, percent: 100 } });
    const { body: refused } = await postFollow(running, { follower: 'valkey-2', followee: 'bob' });
    const dead = () =>
      running.log.filter(({ eventId, msg }) => eventId === refused.id && msg.startsWith('dead letter'));
    await vi.waitFor(() => expect(dead()).toHaveLength(1), { timeout: 20_000 });
    await running.inbox.clearFaults();
    const { output } = await running.replay('email-notification-service');
    expect(output).toMatch(/^found 1, replayed 1, returned 0$/m);
    await waitUntilNotified(running, refused.id, 20_000);
  }, 600_000);
});

/** Changes the image of the copy where Docker cannot pull Valkey. Both speak the same protocol. */
function putRedisInPlaceOfValkey(): void {
  const file = join(copy.root, 'docker-compose.yml');
  const text = readFileSync(file, 'utf8').replace('valkey/valkey:8-alpine', 'redis:8-alpine');
  writeFileSync(
    file,
    text.replace('[valkey-server,', '[redis-server,').replace('[CMD, valkey-cli,', '[CMD, redis-cli,'),
  );
}
