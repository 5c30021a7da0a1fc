import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

export interface Place {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** What the port is for, for whoever has to find out why it cannot be had. */
  purpose: string;
}

/**
 * Makes a server listen. Returns its port.
 *
 * @throws when it cannot have the port; the message says which port, for what, and why
 */
export async function listen(server: Server, { host, port, purpose }: Place): Promise<number> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'it is in use' : message;
    throw new Error(`the inbox cannot have port ${port} of ${host} for ${purpose}: ${reason}`, { cause: error });
  }
  return (server.address() as AddressInfo).port;
}
