import type { Server } from 'node:http';
import type { Log } from '../log';
import { describeTriggers, Faults } from './faults';
import { createHttp, type HttpError } from './http';
import { listen } from './listen';
import { type Envelope, loadMailParser } from './mail';
import { mailRoutes } from './mail-api';
import { Messages } from './messages';
import { pageRoutes } from './page';
import { printable } from './printable';
import { ntfyError, pushRoutes } from './push-api';
import { createSmtp } from './smtp';

export const DEFAULT_PORTS = { mailPort: 8025, pushPort: 8090, smtpPort: 1025 };
export const DEFAULT_KEEP = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** The default of ntfy. */
const KEEPALIVE_MS = 45_000;

export interface InboxOptions {
  /** The port of Mailpit's API and of the page. 0: any free port. */
  mailPort?: number;
  /** The port of ntfy's API and of the page. 0: any free port. */
  pushPort?: number;
  /** 0: any free port. */
  smtpPort?: number;
  /** The number of mails, and the number of pushes, that are kept. The oldest are removed first. */
  keep?: number;
  /** The approximate memory limit for all mails and pushes together. */
  maxBytes?: number;
  log: Log;
  /** A loopback address. */
  host?: '127.0.0.1' | '::1';
  /** The interval of keepalives on an open stream. */
  keepaliveMs?: number;
  /** Decides whether a fault occurs. It returns a number from 0 up to, but not including, 1. */
  random?: () => number;
}

export interface Inbox {
  mailUrl: string;
  pushUrl: string;
  smtpUrl: string;
  /** Closes the servers and all open connections. The content of the inbox is lost. */
  close(): Promise<void>;
}

/**
 * Resolves with an inbox that replaces Mailpit and ntfy in development. It receives mails and pushes, shows them on a
 * page, and has the parts of both APIs that clients and tests use.
 *
 * @throws {Error} when a port is not available or an optional package is missing; then no server listens
 */
export async function startInbox(options: InboxOptions): Promise<Inbox> {
  const { mailPort, pushPort, smtpPort } = { ...DEFAULT_PORTS, ...options };
  const { keep = DEFAULT_KEEP, maxBytes = MAX_BYTES, keepaliveMs = KEEPALIVE_MS, host = '127.0.0.1', log } = options;
  const messages = new Messages({ keep, maxBytes });
  const faults = new Faults(options.random ?? Math.random);
  const parser = await loadMailParser().catch(missingPackage);
  const store = async (raw: Buffer, envelope: Envelope) => void messages.addMail(await parser.parse(raw, envelope));
  const smtp = await createSmtp({ faults, store, log }).catch(missingPackage);
  const shared = { messages, faults, keepaliveMs };
  const page = { ...shared, htmlOf: parser.htmlWithImages };
  const mail = createHttp({
    routes: [...pageRoutes({ ...page, path: /^\/$/ }), ...mailRoutes(messages, faults)],
    errorBody: ({ message }: HttpError) => ({ Error: message }),
    log,
  });
  const push = createHttp({
    // Like ntfy, the inbox has a page for every topic.
    routes: [...pageRoutes({ ...page, path: /^\/(?:[-_A-Za-z0-9]{1,64})?$/ }), ...pushRoutes(shared)],
    errorBody: ntfyError,
    log,
  });
  logChanges(messages, faults, log);

  const close = async () => void (await Promise.all([stop(mail), stop(push), smtp.close()]));
  try {
    const httpUrl = (port: number) => `http://${host === '::1' ? '[::1]' : host}:${port}`;
    const pushUrl = httpUrl(await listen(push, { host, port: pushPort, purpose: 'the push API' }));
    const smtpAt = await listen(smtp.server, { host, port: smtpPort, purpose: 'the SMTP server' });
    // The last one, because the inbox counts as started when this port listens (dapr.yaml).
    const mailUrl = httpUrl(await listen(mail, { host, port: mailPort, purpose: 'the mail API' }));
    return { mailUrl, pushUrl, smtpUrl: httpUrl(smtpAt).replace('http:', 'smtp:'), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Logs one line for each message that arrives, each removal and each change of the faults. */
function logChanges(messages: Messages, faults: Faults, log: Log): void {
  messages.listen((change) => {
    if ('removed' in change) return log.info(`inbox: messages removed: ${change.removed}`);
    if ('restored' in change) return log.info(`inbox: messages restored: ${change.restored}`);
    const { arrived } = change;
    const [to, title] =
      arrived.kind === 'mail'
        ? [[...arrived.to, ...arrived.cc, ...arrived.bcc].map(({ Address }) => Address).join(', '), arrived.subject]
        : [arrived.ntfy.topic, arrived.ntfy.title ?? arrived.ntfy.message];
    log.info(printable(`inbox: ${arrived.kind} to ${to}: ${title}${arrived.again ? ' (again)' : ''}`));
  });
  faults.listen(() => log.info(`inbox: deliberate faults: ${describeTriggers(faults.triggers)}`));
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function missingPackage(cause: NodeJS.ErrnoException): never {
  if (cause.code !== 'ERR_MODULE_NOT_FOUND' && cause.code !== 'MODULE_NOT_FOUND') throw cause;
  throw new Error('the inbox needs the packages smtp-server and mailparser: npm install smtp-server mailparser', {
    cause,
  });
}
