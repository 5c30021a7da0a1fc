import type { Server } from 'node:http';
import type { Log } from '../log';
import { Chaos, describeTriggers } from './faults';
import { createHttp, type HttpError } from './http';
import { listen } from './listen';
import { loadMailParser } from './mail';
import { mailRoutes } from './mail-api';
import { Messages } from './messages';
import { pageRoutes } from './page';
import { printable } from './printable';
import { ntfyError, pushRoutes } from './push-api';
import { createSmtp } from './smtp';

export const DEFAULT_PORTS = { mailPort: 8025, pushPort: 8090, smtpPort: 1025 };
export const DEFAULT_KEEP = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** ntfy's. */
const KEEPALIVE_MS = 45_000;

export interface InboxOptions {
  /** Mailpit's API, and the page. 0: any free port, as for the others. */
  mailPort?: number;
  /** ntfy's API, and the page. */
  pushPort?: number;
  smtpPort?: number;
  /** How many of the newest mails are kept, and how many of the newest pushes. */
  keep?: number;
  /** How much memory all of them together may take, about. */
  maxBytes?: number;
  log: Log;
  /** An address of this machine that only this machine can reach. */
  host?: '127.0.0.1' | '::1';
  /** How often an open stream is shown to be alive. */
  keepaliveMs?: number;
  /** The dice for faults: from 0 up to, not including, 1. */
  random?: () => number;
}

export interface Inbox {
  mailUrl: string;
  pushUrl: string;
  smtpUrl: string;
  /** Ends everything, open connections too. What was in the inbox is gone. */
  close(): Promise<void>;
}

/**
 * Starts an inbox in the place of Mailpit and ntfy: it takes mails and pushes, shows them on a page, and answers what
 * clients of either ask.
 *
 * @throws when a port cannot be had, or an optional package is missing; then nothing is left listening
 */
export async function startInbox(options: InboxOptions): Promise<Inbox> {
  const { mailPort, pushPort, smtpPort } = { ...DEFAULT_PORTS, ...options };
  const { keep = DEFAULT_KEEP, maxBytes = MAX_BYTES, keepaliveMs = KEEPALIVE_MS, host = '127.0.0.1', log } = options;
  const messages = new Messages({ keep, maxBytes });
  const chaos = new Chaos(options.random ?? Math.random);
  const parseMail = await loadMailParser().catch(missingPackage);
  const store = async (...mail: Parameters<typeof parseMail>) => void messages.addMail(await parseMail(...mail));
  const smtp = await createSmtp({ chaos, store, log }).catch(missingPackage);
  const shared = { messages, chaos, keepaliveMs };
  const mail = createHttp({
    routes: [...pageRoutes({ ...shared, path: /^\/$/ }), ...mailRoutes(messages, chaos)],
    errorBody: ({ message }: HttpError) => ({ Error: message }),
    log,
  });
  const push = createHttp({
    // ntfy has a page for every topic.
    routes: [...pageRoutes({ ...shared, path: /^\/(?:[-_A-Za-z0-9]{1,64})?$/ }), ...pushRoutes(shared)],
    errorBody: ntfyError,
    log,
  });
  tell(messages, chaos, log);

  const close = async () => void (await Promise.all([stop(mail), stop(push), smtp.close()]));
  try {
    const httpUrl = (port: number) => `http://${host === '::1' ? '[::1]' : host}:${port}`;
    const mailUrl = httpUrl(await listen(mail, { host, port: mailPort, purpose: 'the mail page and API' }));
    const pushUrl = httpUrl(await listen(push, { host, port: pushPort, purpose: 'push messages' }));
    const smtpAt = await listen(smtp.server, { host, port: smtpPort, purpose: 'SMTP' });
    return { mailUrl, pushUrl, smtpUrl: httpUrl(smtpAt).replace('http:', 'smtp:'), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A line for whatever comes in, and for faults that are switched. */
function tell(messages: Messages, chaos: Chaos, log: Log): void {
  messages.listen((change) => {
    if (!('arrived' in change)) return log.info(`inbox: ${change.removed} removed`);
    const { arrived } = change;
    const [to, title] =
      arrived.kind === 'mail'
        ? [[...arrived.to, ...arrived.cc, ...arrived.bcc].map(({ Address }) => Address).join(', '), arrived.subject]
        : [arrived.ntfy.topic, arrived.ntfy.title ?? arrived.ntfy.message];
    log.info(printable(`inbox: ${arrived.kind} to ${to}: ${title}${arrived.again ? ' (again)' : ''}`));
  });
  chaos.listen(() => log.info(`inbox: faults on purpose: ${describeTriggers(chaos.triggers)}`));
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
