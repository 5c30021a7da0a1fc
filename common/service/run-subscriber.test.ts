import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../../local/testing/free-port';
import { type FakeSidecar, startFakeSidecar } from '../testing/fake-sidecar';

const SERVICE = join(__dirname, '../testing/slow-service.ts');
const SOON = { timeout: 15_000 };

/** A server that receives the requests of the handlers. It answers a request when the test calls `finish`. */
let gate: Server;
const waiting = new Map<string, ServerResponse>();
let sidecar: FakeSidecar;
const children: ChildProcess[] = [];

beforeAll(async () => {
  sidecar = await startFakeSidecar();
  gate = createServer((req, res) => void waiting.set(req.url ?? '', res));
  await once(gate.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  gate.close().closeAllConnections();
  sidecar.close();
});

async function startService(env: Record<string, string> = {}) {
  const appPort = await freePort();
  const child = spawn(process.execPath, ['--require', 'ts-node/register/transpile-only', SERVICE], {
    env: {
      ...process.env,
      APP_PORT: String(appPort),
      DAPR_HTTP_PORT: String(sidecar.port),
      LOG_FORMAT: 'json',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const messages = () => output.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).msg as string]));
  const logs = (text: string) => vi.waitFor(() => expect(messages().join('\n')).toContain(text), SOON);
  await logs('listening on');
  /** Delivers an event. Resolves when its handler waits for the answer of the gate. */
  const deliver = async (id: string) => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const delivery = request({ host: '127.0.0.1', port: appPort, path: '/urls', method: 'POST', headers });
    const answered = once(delivery, 'response').then(([res]) => res.statusCode as number);
    const data = `http://127.0.0.1:${(gate.address() as AddressInfo).port}/${id}`;
    delivery.on('error', () => {}).end(JSON.stringify({ id, data }));
    await vi.waitFor(() => expect(waiting.has(`/${id}`)).toBe(true), SOON);
    return { delivery, answered, finish: () => void waiting.get(`/${id}`)?.end() };
  };
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const get = (path: string) => fetch(`http://127.0.0.1:${appPort}${path}`);
  return { child, messages, logs, get, deliver, exit };
}

describe.concurrent('a stop', { timeout: 60_000 }, () => {
  test('When a delivery is in progress, then its event is marked as done and the delivery answered before the service closes and exits', async () => {
    const { child, messages, logs, get, deliver, exit } = await startService();
    const { answered, finish } = await deliver('event-1');
    child.kill('SIGTERM');
    await logs('stopping on SIGTERM');
    await vi.waitFor(() => expect(get('/livez')).rejects.toThrow('fetch failed'), SOON);
    finish();
    expect(await answered).toBe(200);
    expect(await exit).toBe(0);
    expect(messages().filter((msg) => /^(stopping|handled|closing|closed)/.test(msg))).toEqual([
      'stopping on SIGTERM',
      'handled',
      'closing',
      'closed',
    ]);
    expect(sidecar.saved.get('urls.event-1')).toEqual({ done: true });
  });

  test('When Dapr has abandoned a delivery, then its event is still handled and marked as done before the service closes', async () => {
    const { child, messages, logs, deliver, exit } = await startService();
    const { delivery, answered, finish } = await deliver('event-2');
    answered.catch(() => {});
    delivery.destroy();
    await logs('POST /urls 499');
    child.kill('SIGINT');
    await logs('stopping on SIGINT');
    finish();
    expect(await exit).toBe(0);
    expect(messages().slice(-3)).toEqual(['handled', 'closing', 'closed']);
    expect(sidecar.saved.get('urls.event-2')).toEqual({ done: true });
  });

  test('When an event is not finished after nine seconds, then the service logs it and exits with 1', async () => {
    const { child, messages, deliver, exit } = await startService();
    const { answered } = await deliver('event-3');
    answered.catch(() => {});
    const stoppedAt = Date.now();
    child.kill('SIGTERM');
    expect(await exit).toBe(1);
    expect(Date.now() - stoppedAt).toBeGreaterThanOrEqual(8_900);
    expect(messages()).toContain('killed by timeout (9000ms)');
    expect(messages()).not.toContain('closed');
  });

  test('When SHUTDOWN_DELAY_MS is set, then /readyz answers 503 and deliveries are still handled until the delay is over, and then the service exits with 0', async () => {
    const { child, messages, logs, get, deliver, exit } = await startService({ SHUTDOWN_DELAY_MS: '5000' });
    const stoppedAt = Date.now();
    child.kill('SIGTERM');
    await logs('stopping on SIGTERM');
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('connection')).toBe('close'); // no request is on its way when the service closes
    expect(await answer.json()).toMatchObject({ detail: 'The service is stopping.' });
    expect((await get('/livez')).status).toBe(200);
    const { answered, finish } = await deliver('event-4');
    finish();
    expect(await answered).toBe(200);
    expect(await exit).toBe(0);
    expect(Date.now() - stoppedAt).toBeGreaterThanOrEqual(4_900);
    expect(messages().at(-1)).toBe('closed');
  });

  test('When SHUTDOWN_DELAY_MS is set and an event is not finished, then the nine seconds begin after the delay', async () => {
    const { child, messages, deliver, exit } = await startService({ SHUTDOWN_DELAY_MS: '1000' });
    const { answered } = await deliver('event-5');
    answered.catch(() => {});
    const stoppedAt = Date.now();
    child.kill('SIGTERM');
    expect(await exit).toBe(1);
    expect(Date.now() - stoppedAt).toBeGreaterThanOrEqual(9_900);
    expect(messages()).toContain('killed by timeout (10000ms)');
  });
});
