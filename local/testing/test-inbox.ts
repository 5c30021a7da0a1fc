import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import { afterAll, vi } from 'vitest';
import { type Inbox, type InboxOptions, startInbox } from '../inbox/inbox';
import { silent } from '../log';

/** How long a test waits for what should come at once. */
export const SOON = { timeout: 5_000, interval: 5 };

const ends: (() => unknown)[] = [];
afterAll(() => Promise.all(ends.map((end) => end())));

/** Cleans up after the tests of a file: they mostly wait, side by side. */
export const atTheEnd = (end: () => unknown) => void ends.push(end);

/** An inbox for one test, on free ports. */
export async function anInbox(options: Partial<InboxOptions> = {}): Promise<Inbox> {
  const inbox = await startInbox({ mailPort: 0, pushPort: 0, smtpPort: 0, log: silent, ...options });
  atTheEnd(() => inbox.close());
  return inbox;
}

/** Connections are kept: on a new one, smtp-server takes a tenth of a second to say hello. */
const transports = new WeakMap<Inbox, Transporter>();

/** Sends a mail as the sample does, unless told otherwise. */
export function sendMail(inbox: Inbox, mail: SendMailOptions = {}) {
  return transportTo(inbox).sendMail({
    from: 'followers@example.test',
    to: 'bob@example.test',
    subject: 'alice follows you',
    text: 'Hello bob, alice follows you now.',
    ...mail,
  });
}

function transportTo(inbox: Inbox): Transporter {
  const known = transports.get(inbox);
  if (known) return known;
  const transport = createTransport({ url: inbox.smtpUrl, pool: true, maxConnections: 1 });
  transports.set(inbox, transport);
  atTheEnd(() => transport.close());
  return transport;
}

export interface HttpReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** Undefined unless the answer is JSON. */
  json: ReturnType<JSON['parse']>;
}

/** A request with any header, `Host` too. */
export function call(url: string, { body, ...options }: RequestOptions & { body?: string | Buffer } = {}) {
  return new Promise<HttpReply>((resolve, reject) => {
    const framing = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const headers = { ...framing, ...options.headers };
    const req = request(url, { agent: false, ...options, headers }, async (res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of res) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      const isJson = text !== '' && res.headers['content-type'] === 'application/json';
      resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: isJson ? JSON.parse(text) : undefined });
    });
    req.on('error', reject);
    // A text would take the headers with it into its own encoding.
    req.end(body === undefined ? undefined : Buffer.from(body));
  });
}

export const setChaos = ({ mailUrl }: Inbox, triggers: object) =>
  call(`${mailUrl}/api/v1/chaos`, { method: 'PUT', body: JSON.stringify(triggers) });

export const listMails = async ({ mailUrl }: Inbox) => (await call(`${mailUrl}/api/v1/messages`)).json;

/** A stream that stays open: what has come so far, and whether it has ended. */
export async function openStream(url: string) {
  const stream = { text: '', ended: false, status: 0 };
  const req = request(url, { agent: false });
  atTheEnd(() => req.destroy());
  req.on('error', () => {});
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  stream.status = res.statusCode ?? 0;
  res.setEncoding('utf8');
  res.on('data', (text: string) => {
    stream.text += text;
  });
  res.on('error', () => {});
  res.on('close', () => {
    stream.ended = true;
  });
  return stream;
}

/** Speaks SMTP by hand. */
export class Telnet {
  heard = '';
  closed = false;
  private readonly socket: Socket;

  constructor({ smtpUrl }: Inbox) {
    this.socket = connect(Number(new URL(smtpUrl).port), '127.0.0.1');
    this.socket.setEncoding('utf8');
    this.socket.on('data', (text: string) => {
      this.heard += text;
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    atTheEnd(() => this.socket.destroy());
  }

  /** Waits until the other side has said something that fits, and forgets what was said before that. */
  async hear(pattern: RegExp): Promise<string> {
    const [said] = await vi.waitFor(() => {
      const match = pattern.exec(this.heard);
      if (!match) throw new Error(`heard ${JSON.stringify(this.heard)}, not ${pattern}`);
      return match;
    }, SOON);
    this.heard = this.heard.slice(this.heard.indexOf(said) + said.length);
    return said;
  }

  /** Says a line, and waits for the answer's code. */
  async say(line: string, code: number): Promise<void> {
    this.write(`${line}\r\n`);
    await this.hear(new RegExp(`^${code} .*\\r\\n`, 'm'));
  }

  write(text: string): void {
    this.socket.write(text);
  }

  leave(): void {
    this.socket.destroy();
  }
}
