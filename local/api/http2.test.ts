import { once } from 'node:events';
import { connect } from 'node:http2';
import { expect, test } from 'vitest';
import { startSidecar } from '../sidecar';

test('When a client uses HTTP/2 without TLS, then all its requests over one connection are answered', async () => {
  const sidecar = await startSidecar({ appId: 'shop' });
  const client = connect(`http://127.0.0.1:${sidecar.port}`);
  const send = async (method: string, path: string, body = '') => {
    const headers = { ':method': method, ':path': path, 'content-type': 'application/json' };
    const stream = client.request(headers, { endStream: body === '' });
    if (body !== '') stream.end(body);
    const [answer] = await once(stream, 'response');
    const chunks = await stream.toArray();
    return { status: answer[':status'], text: Buffer.concat(chunks).toString(), type: answer['content-type'] };
  };
  try {
    const saved = await send(
      'POST',
      '/v1.0/state/statestore',
      JSON.stringify([{ key: 'tea', value: 'x'.repeat(200_000) }]),
    );
    expect(saved.status).toBe(204);
    const values = await Promise.all(Array.from({ length: 20 }, () => send('GET', '/v1.0/state/statestore/tea')));
    for (const { status, text } of values) expect([status, text.length]).toEqual([200, 200_002]);
    expect(await send('GET', '/v1.0/nothing')).toMatchObject({ status: 404, type: 'application/json' });
  } finally {
    client.destroy();
    await sidecar.close();
  }
});
