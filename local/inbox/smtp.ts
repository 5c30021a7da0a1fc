import type { Server, Socket } from 'node:net';
import type { SMTPServerAddress, SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import type { Log } from '../log';
import type { Faults, TriggerName } from './faults';
import type { Envelope } from './mail';
import { printable } from './printable';

export interface SmtpOptions {
  faults: Faults;
  /** Stores a mail. The client gets 250 after it resolves. */
  store: (raw: Buffer, envelope: Envelope) => Promise<void>;
  log: Log;
}

export interface Smtp {
  /** Does not listen yet. */
  server: Server;
  /** Closes the server and every connection. */
  close(): Promise<void>;
}

const MAX_MAIL_BYTES = 10 * 1024 * 1024;
/** The limit for all mails that are being received. The limit of stored messages does not include them. */
const MAX_RECEIVING_BYTES = 128 * 1024 * 1024;
const IDLE_TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 500;
/** The default of Mailpit. */
const MAX_RECIPIENTS = 100;

/**
 * The parameters that MAIL may have: those of the extensions that EHLO offers (RFC 1870, 6152, 6531, 4954). RCPT has
 * none. Other parameters change when or where a mail arrives, or who is told: BY, HOLDFOR, HOLDUNTIL, MT-PRIORITY,
 * NOTIFY, ORCPT. A server must refuse what it does not do (RFC 5321, section 4.1.1.11).
 */
const MAIL_PARAMETERS = new Set(['SIZE', 'BODY', 'SMTPUTF8', 'AUTH']);

type Callback = (error?: Error | null) => void;

/**
 * Resolves with an SMTP server for clients on this machine. It has no TLS and accepts any name and password.
 *
 * @throws {Error} when the optional package smtp-server is missing
 */
export async function createSmtp({ faults, store, log }: SmtpOptions): Promise<Smtp> {
  const { SMTPServer } = await import('smtp-server');
  const sockets = new Map<string, Socket>();
  let receivingBytes = 0;

  /** Accepts the command unless the fault occurs. */
  const accept = (trigger: Exclude<TriggerName, 'AfterData'>, done: Callback) => {
    if (!faults.occurs(trigger)) return done();
    const { ErrorCode } = faults.triggers[trigger];
    done(refusal(ErrorCode, `deliberate fault (${trigger})`));
  };

  const acceptAddress = (trigger: 'Sender' | 'Recipient', { args }: SMTPServerAddress, done: Callback) => {
    const names = Object.keys(args || {});
    const other = names.find((name) => trigger === 'Recipient' || !MAIL_PARAMETERS.has(name));
    if (other === undefined) return accept(trigger, done);
    done(refusal(555, printable(`this inbox does not support the parameter ${other}`)));
  };

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession, done: Callback): Promise<void> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      // The stream fails when the client disconnects. Then there is no mail to store and no client to answer.
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        length += chunk.length;
        receivingBytes += chunk.length;
        if (length <= MAX_MAIL_BYTES && receivingBytes <= MAX_RECEIVING_BYTES) chunks.push(chunk);
        else chunks.length = 0;
      }
      const raw = Buffer.concat(chunks);
      if (raw.length < length) return done(refusal(452, 'too many mails at the same time, try again later'));
      await store(raw, {
        recipients: session.envelope.rcptTo.map(({ address }) => address),
        username: userOf(session),
      });
      if (faults.occurs('AfterData')) return void sockets.get(peer(session))?.destroy();
      done();
    } catch (error) {
      if (stream.destroyed && !stream.readableEnded) return;
      log.warn(printable(`inbox: a mail cannot be parsed: ${error}`));
      done(refusal(554, 'the mail cannot be parsed'));
    } finally {
      receivingBytes -= length;
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
      accept('Authentication', (error) => (error ? done(error) : done(null, { user: username ?? '' }))),
    // The inbox sends no reports about the delivery.
    hideDSN: true,
    onMailFrom: (address, _session, done) => acceptAddress('Sender', address, done),
    onRcptTo: (address, _session, done) => acceptAddress('Recipient', address, done),
    onData: (stream, session, done) => void receive(stream, session, done),
  });
  // A broken connection needs no action here. `listen` in listen.ts reports a server that cannot listen.
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
