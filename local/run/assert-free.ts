import { createServer } from 'node:net';
import type { AppSpec } from './app-spec';
import { RunError } from './run-error';

/**
 * Checks that the port of an app is free. Otherwise the app would fail later, with a less clear message.
 *
 * @throws {RunError} for a port in use
 */
export async function assertFree({ sidecar: { appId, appPort }, command }: AppSpec): Promise<void> {
  if (appPort === undefined || command.length === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', ({ message, code }: NodeJS.ErrnoException) => {
      reject(new RunError(code === 'EADDRINUSE' ? `${appId}: port ${appPort} is in use` : `${appId}: ${message}`));
    });
    probe.listen(appPort, '127.0.0.1', () => probe.close(() => resolve()));
  });
}
