import type { Server, Socket } from 'node:net';
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import type { Log } from '../log';
import type { Chaos, TriggerName } from './faults';
import type { Envelope } from './mail';
import { printable } from './printable';

export interface SmtpOptions {
  chaos: Chaos;
  /** Stores a mail; the sender is told 250 once that is done. */
  store: (raw: Buffer, envelope: Envelope) => Promise<void>;
  log: Log;
}

export interface Smtp {
  /** Listens nowhere yet. */
  server: Server;
  /** Ends every connection, in whatever state it is. */
  close(): Promise<void>;
}

const MAX_MAIL_BYTES = 10 * 1024 * 1024;
/** Of all mails that are being received at a time: what they take up is not yet counted anywhere else. */
const MAX_UNDER_WAY_BYTES = 128 * 1024 * 1024;
const IDLE_TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 500;
/** Mailpit's. */
const MAX_RECIPIENTS = 100;

type Callback = (error?: Error | null) => void;

/**
 * An SMTP server for senders on this machine: without TLS, and any name and password will do.
 *
 * @throws when the package smtp-server is not there: it is an optional one
 */
export async function createSmtp({ chaos, store, log }: SmtpOptions): Promise<Smtp> {
  const { SMTPServer } = await import('smtp-server');
  const sockets = new Map<string, Socket>();
  let underWayBytes = 0;

  /** Passes, or refuses on purpose. */
  const pass = (trigger: Exclude<TriggerName, 'AfterData'>, done: Callback) => {
    if (!chaos.strikes(trigger)) return done();
    const { ErrorCode } = chaos.triggers[trigger];
    done(refusal(ErrorCode, `refused on purpose (${trigger})`));
  };

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession, done: Callback): Promise<void> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      // Leaves with an error when the sender does not finish: then there is nobody to answer and nothing to store.
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        length += chunk.length;
        underWayBytes += chunk.length;
        if (length <= MAX_MAIL_BYTES && underWayBytes <= MAX_UNDER_WAY_BYTES) chunks.push(chunk);
        else chunks.length = 0;
      }
      const raw = Buffer.concat(chunks);
      if (raw.length < length) return done(refusal(452, 'too much mail at a time, try again'));
      await store(raw, {
        recipients: session.envelope.rcptTo.map(({ address }) => address),
        username: userOf(session),
      });
      if (chaos.strikes('AfterData')) return void sockets.get(peer(session))?.destroy();
      done();
    } catch (error) {
      if (stream.destroyed && !stream.readableEnded) return;
      log.warn(printable(`inbox: a mail cannot be read: ${error}`));
      done(refusal(554, 'this mail cannot be read'));
    } finally {
      underWayBytes -= length;
    }
  }

  const smtp = new SMTPServer({
    name: 'localhost',
    banner: 'inbox',
    size: MAX_MAIL_BYTES,
    rejectOversized: true,
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    socketTimeout: IDLE_TIMEOUT_MS,
    maxClients: MAX_CONNECTIONS,
    maxRecipients: MAX_RECIPIENTS,
    logger: false,
    onAuth: ({ username }, _session, done) =>
      pass('Authentication', (error) => (error ? done(error) : done(null, { user: username ?? '' }))),
    onMailFrom: (_address, _session, done) => pass('Sender', done),
    onRcptTo: (_address, _session, done) => pass('Recipient', done),
    onData: (stream, session, done) => void receive(stream, session, done),
  });
  // A connection that breaks off is the sender's affair; not being able to listen is told to who tried.
  smtp.on('error', () => {});
  smtp.server.on('connection', (socket) => {
    const name = peer(socket);
    sockets.set(name, socket);
    socket.once('close', () => sockets.delete(name));
  });
  return {
    server: smtp.server,
    close: () =>
      new Promise((resolve) => {
        smtp.close(resolve);
        for (const socket of sockets.values()) socket.destroy();
      }),
  };
}

const peer = ({ remoteAddress, remotePort }: { remoteAddress?: string | undefined; remotePort?: number | undefined }) =>
  `${remoteAddress} ${remotePort}`;

const userOf = ({ user }: SMTPServerSession): string => (typeof user === 'string' ? user : '');

const refusal = (responseCode: number, message: string): Error => Object.assign(new Error(message), { responseCode });
