import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDapr, type Dapr } from '../dapr/client';

/** A sidecar that records the last request and answers as the test says. */
export interface RecordingSidecar {
  dapr: Dapr;
  port: number;
  last: { method: string | undefined; url: string | undefined; headers: IncomingMessage['headers']; body: string };
  answer: (res: ServerResponse) => void;
  close(): void;
}

/** Starts a sidecar that answers 204 until the test sets another answer, and a client of it. */
export async function startRecordingSidecar(): Promise<RecordingSidecar> {
  const server: Server = createServer(async (req, res) => {
    const body = Buffer.concat(await req.toArray()).toString();
    sidecar.last = { method: req.method, url: req.url, headers: req.headers, body };
    sidecar.answer(res);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sidecar: RecordingSidecar = {
    dapr: createDapr({
      daprHttpPort: port,
      daprApiToken: 'sesame',
      pubsubName: 'pubsub',
      stateStoreName: 'statestore',
    }),
    port,
    last: { method: undefined, url: undefined, headers: {}, body: '' },
    answer: (res) => res.writeHead(204).end(),
    close: () => void server.close().closeAllConnections(),
  };
  return sidecar;
}

/** Returns an answer in JSON. */
export const json = (status: number, body: object) => (res: ServerResponse) => {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
