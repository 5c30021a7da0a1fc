import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crashScenarios } from './compose/crashes';
import { imageScenarios } from './compose/image';
import { invocationScenarios } from './compose/invocation';
import { isolationScenarios } from './compose/isolation';
import { networkScenarios } from './compose/networks';
import { redisUserScenarios } from './compose/redis-users';
import { stopScenarios } from './compose/stops';
import { deliveryScenarios } from './delivery';
import { missingForCompose } from './stacks/compose-requirements';
import { type ComposeStack, startComposeStack } from './stacks/compose-stack';
import { postFollow } from './stacks/post-follow';
import { waitUntilNotified } from './stacks/wait-until-notified';

const missing = missingForCompose();

// Building and starting the containers takes minutes, so all scenarios share one stack.
describe.skipIf(missing)(`Docker Compose [${missing ?? 'available'}]`, () => {
  let stack: ComposeStack;
  const sharedStack = () => stack;
  beforeAll(async () => {
    stack = await startComposeStack();
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  test('When up --wait has returned, then both services notify about a follow', async () => {
    const { status, body } = await postFollow(stack);
    expect(status).toBe(202);
    await waitUntilNotified(stack, body.id, 15_000);
  });

  // These scenarios stop their stack at the end. Here the stop does nothing, because the next scenarios need the stack.
  deliveryScenarios(async () => Object.assign(Object.create(stack), { stop: async () => 0 }));
  isolationScenarios(sharedStack);
  networkScenarios(sharedStack, ['redis 6379']);
  invocationScenarios(sharedStack);
  redisUserScenarios(sharedStack);
  imageScenarios(sharedStack);
  crashScenarios(sharedStack);
  stopScenarios(sharedStack);
});
