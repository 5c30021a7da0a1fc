import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import { afterAll, vi } from 'vitest';
import { type Inbox, type InboxOptions, startInbox } from '../inbox/inbox';
import { silent } from '../log';

/** The deadline of `vi.waitFor` for a change that should be immediate. */
export const SOON = { timeout: 20_000, interval: 5 };

const ends: (() => unknown)[] = [];
afterAll(() => Promise.all(ends.map((end) => end())));

/** Calls `end` after all tests of the file, because the tests run concurrently. */
export const afterTests = (end: () => unknown) => void ends.push(end);

/** Resolves with an inbox on free ports. It closes after the tests of the file. */
export async function startTestInbox(options: Partial<InboxOptions> = {}): Promise<Inbox> {
  const inbox = await startInbox({ mailPort: 0, pushPort: 0, smtpPort: 0, log: silent, ...options });
  afterTests(() => inbox.close());
  return inbox;
}

/** One transport for each inbox, because smtp-server needs a tenth of a second to greet a new connection. */
const transports = new WeakMap<Inbox, Transporter>();

/** Sends a mail like the mail of the sample. `mail` replaces its fields. */
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
  afterTests(() => transport.close());
  return transport;
}

export interface HttpReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** Undefined unless the answer is JSON. */
  json: ReturnType<JSON['parse']>;
}

/** Sends a request. Unlike `fetch`, it can set every header, including `Host`. */
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
    // With a string, Node would write the headers in the encoding of the body.
    req.end(body === undefined ? undefined : Buffer.from(body));
  });
}

export const setFaults = ({ mailUrl }: Inbox, triggers: object) =>
  call(`${mailUrl}/api/v1/chaos`, { method: 'PUT', body: JSON.stringify(triggers) });

export const listMails = async ({ mailUrl }: Inbox) => (await call(`${mailUrl}/api/v1/messages`)).json;

/** Resolves with an open stream, which collects the text that it receives. */
export async function openStream(url: string) {
  const stream = { text: '', ended: false, status: 0 };
  const req = request(url, { agent: false });
  afterTests(() => req.destroy());
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

/** An SMTP client that sends raw lines. */
export class RawSmtpClient {
  received = '';
  closed = false;
  private readonly socket: Socket;

  constructor({ smtpUrl }: Inbox) {
    this.socket = connect(Number(new URL(smtpUrl).port), '127.0.0.1');
    this.socket.setEncoding('utf8');
    this.socket.on('data', (text: string) => {
      this.received += text;
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    afterTests(() => this.socket.destroy());
  }

  /** Resolves with the first match in the received text, and drops the text up to its end. */
  async waitFor(pattern: RegExp): Promise<string> {
    const [match] = await vi.waitFor(() => {
      const found = pattern.exec(this.received);
      if (!found) throw new Error(`received ${JSON.stringify(this.received)}, not ${pattern}`);
      return found;
    }, SOON);
    this.received = this.received.slice(this.received.indexOf(match) + match.length);
    return match;
  }

  /** Sends a line and waits for an answer with this code. */
  async command(line: string, code: number): Promise<void> {
    this.write(`${line}\r\n`);
    await this.waitFor(new RegExp(`^${code} .*\\r\\n`, 'm'));
  }

  write(text: string): void {
    this.socket.write(text);
  }

  disconnect(): void {
    this.socket.destroy();
  }
}
