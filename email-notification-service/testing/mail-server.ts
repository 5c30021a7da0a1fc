import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { captureLog } from '../../common/testing/captured-log';
import { createEmailSender } from '../send-email';

export const { logger, lines } = captureLog();
export const cleanUps: (() => void)[] = [];
/** The mails that the servers of a test have accepted. */
export const mails: ParsedMail[] = [];
/** The connections that the servers of a test have accepted. */
export const connections = { count: 0 };

/** Closes every server and sender of a test, and forgets its mails and lines. */
export function cleanUp(): void {
  for (const end of cleanUps.splice(0).reverse()) end();
  mails.length = 0;
  lines.length = 0;
  connections.count = 0;
}

/** Returns an error that makes the server refuse a command with this reply code. */
export const refusal = (responseCode: number, text = 'no') => Object.assign(new Error(text), { responseCode });

/** Closes every connection of a server. The types of smtp-server do not have the set of open connections. */
export function closeAll(server: SMTPServer): void {
  const { connections: open } = server as unknown as { connections: Set<{ close(): void }> };
  for (const connection of open) connection.close();
}

/** Starts an SMTP server. Returns it with a sender that sends to it. */
export async function startServer(options: SMTPServerOptions = {}, credentials = '') {
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    onConnect: (_session, callback) => {
      connections.count += 1;
      callback();
    },
    onData: (stream, _session, callback) => {
      simpleParser(stream).then((mail) => {
        mails.push(mail);
        callback();
      }, callback);
    },
    ...options,
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  cleanUps.push(() => server.close());
  return { ...sender(`smtp://${credentials}127.0.0.1:${port}`), server };
}

/** Returns a sender that `cleanUp` closes. */
export function sender(smtpUrl: string, timeoutMs?: number) {
  const config = { smtpUrl, from: 'followers@example.test', domain: 'example.test' };
  const created = createEmailSender(config, logger, timeoutMs);
  cleanUps.push(created.close);
  return created;
}

/** Resolves with the error of a mail that is not sent. @throws {Error} when it is sent */
export const failure = (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => Promise.reject(new Error('the mail was sent')),
    (error) => error,
  );
