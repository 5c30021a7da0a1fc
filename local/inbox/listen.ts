import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

export interface Place {
  host: string;
  /** 0: any free port. */
  port: number;
  /** The purpose of the port, for the error message. */
  purpose: string;
}

/**
 * Makes a server listen and resolves with its port.
 *
 * @throws {Error} when the port is not available; the message names the port, its purpose and the reason
 */
export async function listen(server: Server, { host, port, purpose }: Place): Promise<number> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'another process uses it' : message;
    throw new Error(`port ${port} of ${host} is not available for ${purpose} of the inbox: ${reason}`, {
      cause: error,
    });
  }
  return (server.address() as AddressInfo).port;
}
