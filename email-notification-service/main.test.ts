import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterEach, expect, test, vi } from 'vitest';
import { freePort } from '../local/testing/free-port';

const MAIN = resolve(__dirname, '../dist/email-notification-service/main.js');

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** A sidecar that knows nothing but state; what was saved last under each key. */
async function startSidecar() {
  const saved = new Map<string, unknown>();
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    if (!req.url?.endsWith('/bulk')) {
      for (const { key, value } of JSON.parse(body)) saved.set(key, value);
      return void res.writeHead(204).end();
    }
    const items = JSON.parse(body).keys.map((key: string) => ({ key, data: saved.get(key), etag: '1' }));
    res.setHeader('content-type', 'application/json').end(JSON.stringify(items));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close().closeAllConnections());
  return { saved, port: (server.address() as AddressInfo).port };
}

test('When the service is told to stop with a mail on its way that Dapr has ceased to wait for, then the mail is marked as done before it ends', async () => {
  const sidecar = await startSidecar();
  const taken: (() => void)[] = [];
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, _session, done) => void stream.resume().on('end', () => taken.push(() => done())),
  });
  smtp.listen(0, '127.0.0.1');
  await once(smtp.server, 'listening');
  cleanUps.push(() => smtp.close());
  const appPort = await freePort();
  const env = {
    ...process.env,
    APP_PORT: String(appPort),
    DAPR_HTTP_PORT: String(sidecar.port),
    SMTP_URL: `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
    LOG_FORMAT: 'json',
  };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUps.push(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const says = (text: string) => vi.waitFor(() => expect(output).toContain(text), { timeout: 10_000 });
  await says('listening on');

  const headers = { 'content-type': 'application/cloudevents+json' };
  const delivery = request({ host: '127.0.0.1', port: appPort, path: '/followerAdded', method: 'POST', headers });
  delivery.on('error', () => {}).end(JSON.stringify({ id: 'event-1', data: { follower: 'alice', followee: 'bob' } }));
  await vi.waitFor(() => expect(taken).toHaveLength(1), { timeout: 10_000 });
  delivery.destroy();
  await says('"status":499');
  child.kill('SIGTERM');
  await says('stopping on SIGTERM');
  const exited = once(child, 'exit');
  taken[0]?.();
  expect(await exited).toEqual([0, null]);
  expect(sidecar.saved.get('event-1')).toEqual({ done: true });
});
