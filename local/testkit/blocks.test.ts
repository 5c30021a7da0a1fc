import { afterEach, expect, test } from 'vitest';
import { resourcesFolder, startShop, stopShops } from '../testing/shop';

afterEach(stopShops);

const bind = (dapr: { url: string }, name: string, request: unknown) =>
  fetch(`${dapr.url}/v1.0/bindings/${name}`, { method: 'POST', body: JSON.stringify(request) });

test('When a binding is a stub, then its calls are captured and nothing else is called', async () => {
  const dapr = await startShop();
  const mail = dapr.binding('mail', ({ data }) => ({ data: { sent: data }, metadata: { id: '7' } }));
  const answer = await bind(dapr, 'mail', { operation: 'create', data: { to: 'bob' }, metadata: { subject: 'Hi' } });
  expect([answer.status, answer.headers.get('metadata.id')]).toEqual([200, '7']);
  expect(await answer.json()).toEqual({ sent: { to: 'bob' } });
  expect(mail.calls).toMatchObject([{ operation: 'create', data: { to: 'bob' }, metadata: { subject: 'Hi' } }]);
  dapr.binding('mail', { error: 'mailbox full' });
  const failed = await bind(dapr, 'mail', { operation: 'create' });
  expect([failed.status, await failed.json()]).toEqual([
    500,
    { errorCode: 'ERR_INVOKE_OUTPUT_BINDING', message: 'error invoking output binding mail: mailbox full' },
  ]);
  dapr.fail('bind', { name: 'mail', disconnect: true });
  await expect(bind(dapr, 'mail', { operation: 'create' })).rejects.toThrow();
  expect(() => dapr.binding('mail', { result: 1 } as never)).toThrow(
    "binding('mail'): the answer has the unknown field result; allowed: data, metadata, error",
  );
});

const CONFIGURATION = `kind: Component
metadata: {name: config}
spec: {type: configuration.in-memory, version: v1, metadata: [{name: limit, value: "5"}, {name: colour, value: red}]}
`;

test('When a configuration changes, then the app gets the changes of its subscriptions', async () => {
  const dapr = await startShop(() => ({}), {}, { resourcesPaths: [resourcesFolder(CONFIGURATION)] });
  const get = async (path: string) => {
    const answer = await fetch(`${dapr.url}/v1.0/configuration/${path}`);
    return [answer.status, answer.status === 204 ? undefined : await answer.json()];
  };
  // These answers are those of daprd 1.18.3 with configuration.redis.
  expect(await get('config?key=limit')).toEqual([200, { limit: { value: '5' } }]);
  expect(await get('config')).toEqual([200, { limit: { value: '5' }, colour: { value: 'red' } }]);
  expect(await get('config?key=none')).toEqual([204, undefined]);
  expect(await get('other?key=limit')).toEqual([
    400,
    { errorCode: 'ERR_CONFIGURATION_STORE_NOT_FOUND', message: 'configuration store other not found' },
  ]);
  const [, { id }] = (await get('config/subscribe?key=limit')) as [number, { id: string }];
  const changed = dapr.nextPost();
  dapr.configure('config', { colour: 'blue' });
  dapr.configure('config', { limit: '6' });
  await changed;
  expect(dapr.posts).toEqual([{ url: '/configuration/config/limit', body: { id, items: { limit: { value: '6' } } } }]);
  const removed = dapr.nextPost();
  dapr.configure('config', { limit: undefined });
  await removed;
  expect(dapr.posts.at(-1)?.body).toEqual({ id, items: { limit: {} } });
  expect(await get(`config/${id}/unsubscribe`)).toEqual([200, { ok: true }]);
  const message = `failed to unsubscribe to configuration request ${id}: subscription with id ${id} does not exist`;
  expect(await get(`config/${id}/unsubscribe`)).toEqual([500, { message }]);
  expect(() => dapr.configure('confg', {})).toThrow('no configuration store has the name "confg"; allowed: config');
  expect(() => dapr.configure('config', { limit: 7 as never })).toThrow('limit is 7; allowed: a string');
});

test('When an API is not supported, then its first call writes one line to the log', async () => {
  const lines: string[] = [];
  const warn = (line: string) => lines.push(line);
  const dapr = await startShop(() => ({}), {}, { log: { info() {}, warn, error() {} } });
  for (let i = 0; i < 2; i += 1) {
    const answer = await fetch(`${dapr.url}/v1.0/actors/cart/1/method/add`, { method: 'POST' });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { errorCode: 'ERR_ACTOR_NO_PLACEMENT', message: 'placement service is not configured' },
    ]);
  }
  await fetch(`${dapr.url}/v1.0-alpha1/jobs/nightly`);
  expect(lines.filter((line) => line.startsWith('not supported'))).toEqual([
    'not supported: actors. The API answers as daprd does when it is not configured',
    'not supported: jobs. The API answers as daprd does when it is not configured',
  ]);
});
