import { isUtf8 } from 'node:buffer';
import { type Call, HttpError, parseJsonBody } from './http';
import { randomId } from './random-id';
import { decodeHeader } from './rfc2047';

/** A message as ntfy sends it to publishers and readers. Fields without a value are omitted. */
export interface NtfyMessage {
  id: string;
  /** The publisher's id. Messages with the same sequence id are versions of one message. */
  sequence_id?: string;
  /** In seconds since the epoch, like `expires`. */
  time: number;
  expires: number;
  event: 'message';
  topic: string;
  title?: string;
  message: string;
  priority?: number;
  tags?: string[];
  click?: string;
}

export interface PushContent {
  kind: 'push';
  id: string;
  sameAs: string | undefined;
  bytes: number;
  ntfy: NtfyMessage;
}

interface Draft {
  topic: string;
  message: string;
  title: string;
  priority: string;
  tags: string[];
  click: string;
  sequenceId: string;
}

/** ntfy treats a message of this length or longer as an attachment, and refuses attachments by default. */
const MAX_MESSAGE_BYTES = 4096;
const MAX_JSON_BYTES = 2 * MAX_MESSAGE_BYTES;
/** The default of ntfy, for the field `expires`. The inbox itself keeps messages until a limit is exceeded. */
const EXPIRES_AFTER_S = 12 * 3600;
/** The text that ntfy gives a message without text. */
const NO_TEXT = 'triggered';
const OVERHEAD_BYTES = 512;

const NAME = /^[-_A-Za-z0-9]{1,64}$/;

const PRIORITIES: Record<string, number> = { min: 1, low: 2, default: 3, high: 4, max: 5, urgent: 5 };

/** Fields that ntfy supports and the inbox refuses. */
const UNSUPPORTED = ['delay', 'attach', 'filename', 'email', 'call', 'template', 'unifiedpush', 'poll-id'];

/**
 * Returns the push of a request to `/{topic}`. Its body is the message. Headers or query parameters are other fields.
 *
 * @throws {HttpError} 400 or 413 as ntfy answers
 */
export function readPublish({ params: [topic = '', sequenceId = ''], headers, query, body }: Call): PushContent {
  const param = (...names: string[]): string => {
    for (const name of names) {
      const value = headers[name];
      const text = typeof value === 'string' ? decodeHeader(value).trim() : '';
      // The header `Priority` of RFC 9218, with values such as `u=3`, is not ntfy's.
      if (text && !(name === 'priority' && /^u=\d(?:,\s*(?:i|\d))?$/.test(text))) return text;
    }
    return names.map((name) => query.get(name)?.trim()).find(Boolean) ?? '';
  };
  for (const name of UNSUPPORTED) if (param(`x-${name}`, name)) throw unsupported(name);
  if (!isUtf8(body)) throw bad('message must be UTF-8 encoded', 40011);
  return toContent({
    topic,
    message: body.toString() || param('x-message', 'message', 'm').replaceAll('\\n', '\n'),
    title: param('x-title', 'title', 'ti', 't'),
    priority: param('x-priority', 'priority', 'prio', 'p'),
    tags: param('x-tags', 'tags', 'tag', 'ta').split(','),
    click: param('x-click', 'click'),
    sequenceId: sequenceId || param('x-sequence-id', 'sequence-id', 'sid'),
  });
}

/** Returns the push of a request to `/`, whose body is JSON. @throws {HttpError} 400 or 413 as ntfy answers */
export function readJsonPublish({ body }: Call): PushContent {
  if (body.length > MAX_JSON_BYTES) throw new HttpError(413, 'JSON body too large', 41303);
  const given = parseJsonBody(body, 40024);
  if (typeof given !== 'object' || given === null) throw bad('request body must be message JSON', 40017);
  const fields = new Map<string, unknown>(Object.entries(given));
  for (const name of UNSUPPORTED) if (fields.get(name)) throw unsupported(name);
  const text = (name: string): string => {
    const value = fields.get(name) ?? '';
    if (typeof value === 'string') return value;
    throw bad(`request body must be message JSON; ${name} is not a string`, 40017);
  };
  const { priority, tags } = { priority: fields.get('priority') ?? 0, tags: fields.get('tags') ?? [] };
  if (typeof priority !== 'number') throw bad('request body must be message JSON; priority is not a number', 40017);
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) {
    throw bad('request body must be message JSON; tags is not a list of strings', 40017);
  }
  return toContent({
    topic: text('topic'),
    message: text('message'),
    title: text('title'),
    priority: priority === 0 ? '' : String(priority),
    tags,
    click: text('click'),
    sequenceId: text('sequence_id'),
  });
}

function toContent(draft: Draft): PushContent {
  const { topic, sequenceId, click } = draft;
  if (!NAME.test(topic)) throw bad('topic invalid', 40009);
  if (sequenceId && !NAME.test(sequenceId)) throw bad('sequence ID invalid', 40049);
  if (Buffer.byteLength(draft.message) >= MAX_MESSAGE_BYTES) {
    throw new HttpError(413, 'attachment too large, or bandwidth limit reached', 41301);
  }
  const priority = /^[1-5]$/.test(draft.priority) ? Number(draft.priority) : PRIORITIES[draft.priority.toLowerCase()];
  if (draft.priority && priority === undefined) throw new HttpError(400, 'invalid priority parameter', 40007);
  const id = randomId(12);
  const time = Math.floor(Date.now() / 1000);
  const title = clean(draft.title);
  const tags = draft.tags.map((tag) => clean(tag).trim()).filter(Boolean);
  const ntfy: NtfyMessage = {
    id,
    ...(sequenceId && { sequence_id: sequenceId }),
    time,
    expires: time + EXPIRES_AFTER_S,
    event: 'message',
    topic,
    ...(title && { title }),
    message: clean(draft.message).trim() || NO_TEXT,
    ...(priority !== undefined && { priority }),
    ...(tags.length > 0 && { tags }),
    ...(click && { click }),
  };
  const sameAs = sequenceId ? `${topic}/${sequenceId}` : undefined;
  return { kind: 'push', id, sameAs, bytes: 2 * JSON.stringify(ntfy).length + OVERHEAD_BYTES, ntfy };
}

const clean = (text: string): string => text.replaceAll('\0', '');

const bad = (message: string, code: number) => new HttpError(400, `invalid request: ${message}`, code);

const unsupported = (name: string) => bad(`this inbox does not support ${name}`, 40000);
