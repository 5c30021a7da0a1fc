import { isJsonObject, parseWholeJson } from '../json/parse';
import { type RedisReply, replyText } from '../redis/connection';
import type { Message } from './broker';

/** Returns the message in the fields of a stream entry. Calls `warn` for metadata that cannot be used. */
export function toMessage(fields: RedisReply[], warn: (reason: string) => void): Message {
  const message: Message = { data: Buffer.alloc(0), metadata: undefined };
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [replyText(fields[i]), fields[i + 1]];
    if (name === 'data' && Buffer.isBuffer(value)) message.data = value;
    if (name === 'metadata') message.metadata = toMetadata(replyText(value), warn);
  }
  return message;
}

function toMetadata(json: string, warn: (reason: string) => void): Map<string, string> | undefined {
  try {
    const value = parseWholeJson(json);
    if (!isJsonObject(value)) throw new Error('the JSON is not an object');
    return new Map(
      Object.entries(value).map(([name, member]) => {
        if (typeof member === 'string') return [name, member];
        warn(`the metadata ${name} is not a string and is replaced by an empty string`);
        return [name, ''];
      }),
    );
  } catch (error) {
    warn(`the metadata is ignored: ${(error as Error).message}`);
  }
  return undefined;
}
