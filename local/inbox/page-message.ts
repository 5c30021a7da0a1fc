import type { Address, Attachment } from './mail';
import type { InboxMessage, Mail, Push } from './messages';

/** The length of the text in the list. */
const PREVIEW_LENGTH = 300;
const MAX_SOURCE_BYTES = 256 * 1024;

/** A row about a message. The page writes a time in the reader's time zone. */
type Fact = { name: string; text: string } | { name: string; time: Date };

interface Details {
  kind: 'mail' | 'push';
  again: boolean;
  facts: Fact[];
  /** The parts of the message as text. A part with a `frame` is also shown as a web page. */
  parts: { name: string; text: string; frame?: string }[];
}

/** Returns what the list shows about a message. */
export function entry(message: InboxMessage): object {
  const { number, kind, again, receivedAt: time } = message;
  const common = { number, kind, again, time };
  if (message.kind === 'push') {
    const { id, sequence_id, topic, title, message: text } = message.ntfy;
    const path = `/pushes/${message.id}`;
    return { ...common, path, to: topic, title: title ?? '', text: preview(text), id: sequence_id ?? id };
  }
  const { id, messageId, subject, text, from } = message;
  const to = recipients(message).join(', ');
  const path = `/mails/${id}`;
  return { ...common, path, to, from: from.Address, title: subject, text: preview(text), id: messageId };
}

const recipients = ({ to, cc, bcc }: Mail): string[] => [...to, ...cc, ...bcc].map(({ Address }) => Address);

const preview = (text: string): string => (text.length > PREVIEW_LENGTH ? `${text.slice(0, PREVIEW_LENGTH)}…` : text);

/** Returns what the page shows about an opened message. */
export function details(message: InboxMessage): Details {
  const { kind, again } = message;
  const { facts, parts } = message.kind === 'mail' ? mailDetails(message) : pushDetails(message);
  return { kind, again, facts: facts.filter((fact) => 'time' in fact || fact.text !== ''), parts };
}

function mailDetails(mail: Mail): Pick<Details, 'facts' | 'parts'> {
  const { id, subject, from, to, cc, bcc, replyTo, date, receivedAt, messageId, attachments, inline, text, html } =
    mail;
  const facts: Fact[] = [
    { name: 'Subject', text: subject || '(no subject)' },
    { name: 'From', text: addressList([from]) || '(no sender)' },
    { name: 'To', text: addressList(to) },
    { name: 'Cc', text: addressList(cc) },
    { name: 'Bcc', text: addressList(bcc) },
    { name: 'Reply-To', text: addressList(replyTo) },
    date ? { name: 'Date', time: date } : { name: 'Date', text: '(no valid date)' },
    { name: 'Received', time: receivedAt },
    { name: 'Message-ID', text: messageId || '(none)' },
    { name: 'Files', text: [...attachments, ...inline].map(fileText).join('\n') },
  ];
  const parts = [
    ...(html ? [{ name: 'HTML', text: cut(Buffer.from(html)), frame: `/mails/${id}/html` }] : []),
    ...(text.trim() ? [{ name: 'Text', text: cut(Buffer.from(text)) }] : []),
    { name: 'Source', text: cut(mail.raw) },
  ];
  return { facts, parts };
}

function pushDetails({ ntfy, receivedAt }: Push): Pick<Details, 'facts' | 'parts'> {
  const { topic, title, priority, tags, click, icon, id, sequence_id } = ntfy;
  const facts: Fact[] = [
    { name: 'Title', text: title ?? '(no title)' },
    { name: 'Topic', text: topic },
    { name: 'Date', time: receivedAt },
    { name: 'Priority', text: priority === undefined ? '' : String(priority) },
    { name: 'Tags', text: tags?.join(', ') ?? '' },
    { name: 'Click', text: click ?? '' },
    { name: 'Icon', text: icon ?? '' },
    { name: 'Id', text: id },
    { name: 'Sequence id', text: sequence_id ?? '' },
  ];
  const source = { name: 'Source', text: JSON.stringify(ntfy, undefined, 2) };
  return { facts, parts: [{ name: 'Text', text: ntfy.message }, source] };
}

const addressList = (list: Address[]): string =>
  list.map(({ Name, Address }) => (Name ? `${Name} <${Address}>` : Address)).join(', ');

const fileText = ({ FileName, ContentType, Size }: Attachment): string =>
  `${FileName || '(no name)'} (${ContentType}, ${Size} bytes)`;

/** Returns the beginning of a long text, and says so. */
function cut(bytes: Buffer): string {
  if (bytes.length <= MAX_SOURCE_BYTES) return bytes.toString();
  return `${bytes.subarray(0, MAX_SOURCE_BYTES)}\n… the first ${MAX_SOURCE_BYTES} of ${bytes.length} bytes`;
}
