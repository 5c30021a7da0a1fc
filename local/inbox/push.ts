import { isUtf8 } from 'node:buffer';
import { type Call, HttpError, parseJsonBody } from './http';
import { isOn, paramReader, parsePriority, type ReadParam } from './push-params';
import { randomId } from './random-id';

/** A message as ntfy sends it to publishers and readers. Fields without a value are omitted. */
export interface NtfyMessage {
  id: string;
  /** The publisher's id. Messages with the same sequence id are versions of one message. */
  sequence_id?: string;
  /** In seconds since the epoch, like `expires`. */
  time: number;
  /** Missing when the publisher forbids to keep the message. */
  expires?: number;
  event: 'message';
  topic: string;
  title?: string;
  message: string;
  priority?: number;
  tags?: string[];
  click?: string;
  icon?: string;
  content_type?: 'text/markdown';
}

export interface PushContent {
  kind: 'push';
  id: string;
  sameAs: string | undefined;
  bytes: number;
  /** Whether readers that come later get the message, too. The page always shows it. */
  cached: boolean;
  ntfy: NtfyMessage;
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

/** The fields of the JSON that are strings. */
const JSON_TEXTS = new Set(['topic', 'message', 'title', 'click', 'icon', 'sequence-id', 'cache', 'firebase']);

/**
 * What ntfy does and the inbox refuses, with all names that ntfy's documentation has for it. Each name also has a form
 * with `x-`. Most of them change when or where a message arrives, so a publisher must not believe that it was done.
 */
const REFUSED: Record<string, readonly string[]> = {
  delay: ['delay', 'at', 'in'],
  email: ['email', 'e-mail', 'mail', 'e'],
  call: ['call'],
  attach: ['attach', 'a'],
  filename: ['filename', 'file', 'f'],
  actions: ['actions', 'action'],
  template: ['template', 'tpl'],
  unifiedpush: ['unifiedpush', 'up'],
  'poll-id': ['poll-id'],
};

/**
 * Returns the push of a request to `/{topic}`. Its body is the message. Headers or query parameters are other fields.
 *
 * @throws {HttpError} 400, 413 or 415 as ntfy answers, and 400 for what the inbox does not support
 */
export function readPublish(call: Call): PushContent {
  const { params, body } = call;
  const [topic = '', sequenceId = ''] = params;
  const param = paramReader(call);
  refuseUnsupported(param);
  if (!isUtf8(body)) throw bad('message must be UTF-8 encoded', 40011);
  const message = body.toString() || param('x-message', 'message', 'm').replaceAll('\\n', '\n');
  return toContent(topic, sequenceId || param('x-sequence-id', 'sequence-id', 'sid'), message, param);
}

/**
 * Returns the push of a request to `/`, whose body is JSON. As in ntfy, each field of the JSON replaces a header, and
 * the other headers and the query parameters are read, too.
 *
 * @throws {HttpError} 400, 413 or 415 as ntfy answers, and 400 for what the inbox does not support
 */
export function readJsonPublish(call: Call): PushContent {
  if (call.body.length > MAX_JSON_BYTES) throw new HttpError(413, 'JSON body too large', 41303);
  const given = parseJsonBody(call.body, 40024);
  if (typeof given !== 'object' || given === null) throw bad('request body must be message JSON', 40017);
  const { topic = '', message, ...fields } = textFields(given);
  if (!NAME.test(topic)) throw bad('topic invalid', 40009);
  const asHeaders = Object.entries(fields).map(([name, text]) => [`x-${name}`, Buffer.from(text).toString('latin1')]);
  const headers = { ...call.headers, ...Object.fromEntries(asHeaders) };
  return readPublish({ ...call, headers, params: [topic], body: Buffer.from(message || NO_TEXT) });
}

/** Returns the fields of the JSON that have a value, as texts. As Go reads JSON, the case of names is ignored. */
function textFields(given: object): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [key, value] of Object.entries(given)) {
    const name = key.toLowerCase().replaceAll('_', '-').replace(/^x-/, '');
    const text = fieldText(name, value);
    if (text) fields[name] = text;
  }
  return fields;
}

function fieldText(name: string, value: unknown): string {
  const isEmpty = value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return '';
  for (const [feature, names] of Object.entries(REFUSED)) if (names.includes(name)) throw unsupported(feature);
  const wrong = (type: string) => bad(`request body must be message JSON; ${name} is not ${type}`, 40017);
  if (name === 'priority') {
    if (typeof value !== 'number') throw wrong('a number');
    return value === 0 ? '' : String(value);
  }
  if (name === 'tags') {
    if (!Array.isArray(value) || !value.every((tag) => typeof tag === 'string')) throw wrong('a list of strings');
    return value.join(',');
  }
  if (name === 'markdown') {
    if (value !== true) throw wrong('a boolean');
    return 'yes';
  }
  if (typeof value === 'string') return value;
  if (JSON_TEXTS.has(name)) throw wrong('a string');
  return '';
}

function refuseUnsupported(param: ReadParam): void {
  for (const [feature, names] of Object.entries(REFUSED)) {
    const value = param(...names.flatMap((name) => [`x-${name}`, name]));
    if (feature === 'unifiedpush' ? isOn(value) : value) throw unsupported(feature);
  }
  // ntfy takes an encrypted message for UnifiedPush. It decodes no other encoding either.
  const encoding = param('content-encoding');
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new HttpError(415, `this inbox does not support the content encoding ${encoding}`);
  }
  // RFC 9110, section 14.5: a server that stores no part of a resource must not treat it as the whole.
  if (param('content-range')) throw unsupported('content-range');
}

function toContent(topic: string, sequenceId: string, message: string, param: ReadParam): PushContent {
  if (sequenceId && !NAME.test(sequenceId)) throw bad('sequence ID invalid', 40049);
  if (Buffer.byteLength(message) >= MAX_MESSAGE_BYTES) {
    throw new HttpError(413, 'attachment too large, or bandwidth limit reached', 41301);
  }
  const givenPriority = param('x-priority', 'priority', 'prio', 'p');
  const priority = parsePriority(givenPriority);
  if (givenPriority && priority === undefined) throw new HttpError(400, 'invalid priority parameter', 40007);
  const icon = param('x-icon', 'icon');
  if (icon && !/^https?:\/\//.test(icon)) throw bad('icon URL is invalid', 40021);
  const title = clean(param('x-title', 'title', 'ti', 't'));
  const tags = param('x-tags', 'tags', 'tag', 'ta').split(',');
  const shownTags = tags.map((tag) => clean(tag).trim()).filter(Boolean);
  const click = param('x-click', 'click');
  const contentType = param('content-type', 'content_type').toLowerCase();
  const isMarkdown = isOn(param('x-markdown', 'markdown', 'md')) || contentType === 'text/markdown';
  const cached = isOn(param('x-cache', 'cache') || 'yes');
  const id = randomId(12);
  const time = Math.floor(Date.now() / 1000);
  // `firebase` has no effect: the inbox never sends to Firebase.
  const ntfy: NtfyMessage = {
    id,
    ...(sequenceId && { sequence_id: sequenceId }),
    time,
    ...(cached && { expires: time + EXPIRES_AFTER_S }),
    event: 'message',
    topic,
    ...(title && { title }),
    message: clean(message).trim() || NO_TEXT,
    ...(priority !== undefined && { priority }),
    ...(shownTags.length > 0 && { tags: shownTags }),
    ...(click && { click }),
    ...(icon && { icon }),
    ...(isMarkdown && { content_type: 'text/markdown' }),
  };
  const sameAs = sequenceId ? `${topic}/${sequenceId}` : undefined;
  return { kind: 'push', id, sameAs, bytes: 2 * JSON.stringify(ntfy).length + OVERHEAD_BYTES, cached, ntfy };
}

const clean = (text: string): string => text.replaceAll('\0', '');

const bad = (message: string, code: number) => new HttpError(400, `invalid request: ${message}`, code);

const unsupported = (name: string) => bad(`this inbox does not support ${name}`, 40000);
