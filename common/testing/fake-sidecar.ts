import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeSidecar {
  port: number;
  /** The last value that was saved under each key. */
  saved: ReadonlyMap<string, unknown>;
  close(): void;
}

/** Starts a sidecar that has a state store and nothing else. */
export async function startFakeSidecar(): Promise<FakeSidecar> {
  const saved = new Map<string, unknown>();
  const server = createServer(async (req, res) => {
    const body = JSON.parse(Buffer.concat(await req.toArray()).toString() || 'null');
    if (!req.url?.endsWith('/bulk')) {
      for (const { key, value } of body) saved.set(key, value);
      return void res.writeHead(204).end();
    }
    const items = body.keys.map((key: string) => ({
      key,
      data: saved.get(key),
      etag: saved.has(key) ? '1' : undefined,
    }));
    res.setHeader('content-type', 'application/json').end(JSON.stringify(items));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    saved,
    close: () => void server.close().closeAllConnections(),
  };
}
