import type { AddressObject, EmailAddress, ParsedMail } from 'mailparser';
import { randomId } from './random-id';

/** As Mailpit names and spells it. */
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
  /** Without the angle brackets; empty when the mail has none. */
  messageId: string;
  from: Address;
  to: Address[];
  cc: Address[];
  /** Those of the header, and who the mail was for without being named in it. */
  bcc: Address[];
  replyTo: Address[];
  returnPath: string;
  subject: string;
  /** The mail's own, if it has one that can be read. */
  date: Date | undefined;
  text: string;
  html: string;
  attachments: Attachment[];
  inline: Attachment[];
  /** Who sent it, if the sender logged in. */
  username: string;
  read: boolean;
  raw: Buffer;
}

export interface Envelope {
  recipients: readonly string[];
  username: string;
}

export type ParseMail = (raw: Buffer, envelope: Envelope) => Promise<MailContent>;

/** What a mail costs in memory beside its texts. */
const OVERHEAD_BYTES = 1024;

/** Turning HTML into text takes time in which nobody else is served. */
const MAX_HTML_TO_TEXT = 500_000;

/**
 * Loads what reads mails.
 *
 * @throws when the package mailparser is not there: it is an optional one
 */
export async function loadMailParser(): Promise<ParseMail> {
  const { simpleParser } = await import('mailparser');
  const options = { skipTextToHtml: true, skipImageLinks: true, maxHtmlLengthToParse: MAX_HTML_TO_TEXT };
  return async (raw, envelope) => toContent(await simpleParser(raw, options), raw, envelope);
}

function toContent(parsed: ParsedMail, raw: Buffer, { recipients, username }: Envelope): MailContent {
  const { subject = '', text = '', date, attachments } = parsed;
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
    date: date && !Number.isNaN(date.getTime()) ? date : undefined,
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

/** The headers of a mail, undecoded, by name as Go's `net/textproto` spells it (`Message-Id`), as Mailpit has them. */
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
