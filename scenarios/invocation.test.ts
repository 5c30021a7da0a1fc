import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalStack, startLocalStack } from './stacks/local-stack';
import { SUBSCRIBERS } from './stacks/stack';

// Who may call a service through service invocation, on npm start. scenarios/compose/invocation.ts has the tests on Dapr.

let stack: LocalStack;
beforeAll(async () => {
  stack = await startLocalStack();
});
afterAll(async () => {
  expect(await stack.stop()).toBe(0);
});

const EVENT = JSON.stringify({ specversion: '1.0', id: 'invoked-1', data: { follower: 'alice', followee: 'bob' } });

test.each(
  SUBSCRIBERS.flatMap((service) => [
    { service, headers: {} },
    { service, headers: { 'dapr-caller-app-id': `${service}-replay` } },
  ]),
)(
  'When the sidecar of api-facade invokes followerAdded of $service with $headers, then nobody is notified',
  async ({ service, headers }) => {
    const answer = await fetch(`${stack.facadeSidecarUrl}/v1.0/invoke/${service}/method/followerAdded`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json', ...headers },
      body: EVENT,
    });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('may not invoke this route');
    expect(stack.log.filter(({ msg }) => msg.startsWith('notified'))).toEqual([]);
  },
);
