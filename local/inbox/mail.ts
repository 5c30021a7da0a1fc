import type { AddressObject, EmailAddress, ParsedMail } from 'mailparser';
import { randomId } from './random-id';

/** An address, with the field names of Mailpit. */
export interface Address {
  Name: string;
  Address: string;
}

export interface Attachment {
  PartID: string;
  FileName: string;
  ContentType: string;
  ContentID: string;
  Size: number;
}

export interface MailContent {
  kind: 'mail';
  id: string;
  sameAs: string | undefined;
  bytes: number;
  /** The `Message-ID` header without angle brackets; empty if the mail has none. */
  messageId: string;
  from: Address;
  to: Address[];
  cc: Address[];
  /** The addresses in the header, and the recipients of the envelope that no header names. */
  bcc: Address[];
  replyTo: Address[];
  returnPath: string;
  subject: string;
  /** The `Date` header, if it is valid. */
  date: Date | undefined;
  text: string;
  html: string;
  attachments: Attachment[];
  inline: Attachment[];
  /** The name of the sender's login; empty without a login. */
  username: string;
  read: boolean;
  raw: Buffer;
}

export interface Envelope {
  recipients: readonly string[];
  username: string;
}

export interface MailParser {
  parse(raw: Buffer, envelope: Envelope): Promise<MailContent>;
  /** Resolves with the HTML part of a mail, in which the images of the mail itself are `data:` URLs. */
  htmlWithImages(raw: Buffer): Promise<string>;
}

/** The approximate memory of a mail in addition to its texts. */
const OVERHEAD_BYTES = 1024;

/** The conversion of HTML to text blocks the process, so its input has a limit. */
const MAX_HTML_TO_TEXT = 500_000;

/**
 * Resolves with a parser for mails.
 *
 * @throws {Error} when the optional package mailparser is missing
 */
export async function loadMailParser(): Promise<MailParser> {
  const { simpleParser } = await import('mailparser');
  const options = { skipTextToHtml: true, maxHtmlLengthToParse: MAX_HTML_TO_TEXT };
  return {
    parse: async (raw, envelope) =>
      toContent(await simpleParser(raw, { ...options, skipImageLinks: true }), raw, envelope),
    htmlWithImages: async (raw) => (await simpleParser(raw, { ...options, skipHtmlToText: true })).html || '',
  };
}

function toContent(parsed: ParsedMail, raw: Buffer, { recipients, username }: Envelope): MailContent {
  const { subject = '', text = '', attachments } = parsed;
  const html = parsed.html || '';
  const messageId = (parsed.messageId ?? '').trim().replace(/^<|>$/g, '');
  const [from = { Name: '', Address: '' }] = addresses(parsed.from);
  const [to, cc, bcc] = [addresses(parsed.to), addresses(parsed.cc), addresses(parsed.bcc)];
  const named = new Set([...to, ...cc, ...bcc].map(({ Address }) => Address.toLowerCase()));
  const unnamed = recipients.filter((recipient) => !named.has(recipient.toLowerCase()));
  const isInline = (a: ParsedMail['attachments'][number]) => a.contentDisposition === 'inline' || a.related === true;
  return {
    kind: 'mail',
    id: randomId(22),
    sameAs: messageId || undefined,
    bytes: raw.length + 2 * (text.length + html.length) + OVERHEAD_BYTES,
    messageId,
    from,
    to,
    cc,
    bcc: [...bcc, ...unnamed.map((recipient) => ({ Name: '', Address: recipient }))],
    replyTo: addresses(parsed.replyTo),
    returnPath: headerText(parsed, 'return-path') || from.Address,
    subject,
    date: dateOf(parsed),
    text,
    html,
    attachments: attachments.filter((a) => !isInline(a)).map(describe),
    inline: attachments.filter(isInline).map(describe),
    username,
    read: false,
    raw,
  };
}

function addresses(header: AddressObject | AddressObject[] | undefined): Address[] {
  return [header ?? []].flat().flatMap(({ value }) => value.flatMap(members));
}

function members({ name, address = '', group }: EmailAddress): Address[] {
  return group ? group.flatMap(members) : [{ Name: name, Address: address }];
}

/** Returns the valid `Date` header. For an invalid one, mailparser returns the present time. */
function dateOf({ headerLines, date }: ParsedMail): Date | undefined {
  const line = headerLines.find(({ key }) => key === 'date')?.line ?? '';
  return Number.isNaN(Date.parse(line.replace(/^[^:]*:/, ''))) ? undefined : date;
}

function headerText({ headers }: ParsedMail, name: string): string {
  const value = headers.get(name);
  if (typeof value === 'string') return value.replace(/^<|>$/g, '');
  return typeof value === 'object' && 'text' in value ? String(value.text) : '';
}

function describe({ partId, filename, contentType, contentId, size }: ParsedMail['attachments'][number]): Attachment {
  return {
    PartID: partId ?? '',
    FileName: filename ?? '',
    ContentType: contentType,
    ContentID: (contentId ?? '').replace(/^<|>$/g, ''),
    Size: size,
  };
}

/** Returns the headers of a mail without decoding. As in Mailpit, Go spells the names (`Message-Id`). */
export function headersOf(raw: Buffer): Record<string, string[]> {
  const end = /\r?\n\r?\n/.exec(raw.toString('latin1'))?.index ?? raw.length;
  const headers = new Map<string, string[]>();
  const lines = raw
    .subarray(0, end)
    .toString()
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/);
  for (const line of lines) {
    const [name = '', value] = line.split(/:(.*)/s);
    if (value === undefined) continue;
    const spelled = name
      .trim()
      .toLowerCase()
      .replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
    headers.set(spelled, [...(headers.get(spelled) ?? []), value.trim()]);
  }
  return Object.fromEntries(headers);
}
