import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { goBase64 } from '../json/go-base64';
import { printLikeGo } from '../json/go-print';
import type { JsonValue } from '../json/parse';
import type { Component } from '../resources/component';
import { ResourceError } from '../resources/document';

const [PRIMARY, SECONDARY] = ['primaryEncryptionKey', 'secondaryEncryptionKey'];

/** The metadata of a state component that encrypts its values. */
export const ENCRYPTION_METADATA = [PRIMARY, SECONDARY];

const SEPARATOR = '||';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHMS = { 16: 'aes-128-gcm', 24: 'aes-192-gcm', 32: 'aes-256-gcm' } as const;

interface Key {
  /** The name of the secret. It is stored with each value, so that the key can be found again. */
  name: string;
  bytes: Buffer;
  algorithm: (typeof ALGORITHMS)[keyof typeof ALGORITHMS];
}

/**
 * Encrypts the values of a store in daprd's format, so that both can share one store: the nonce, the encrypted text and
 * the tag in base64, `||`, and the name of the key.
 * https://docs.dapr.io/developing-applications/building-blocks/state-management/howto-encrypt-state/
 */
export class Encryption {
  constructor(
    private readonly store: string,
    private readonly primary: Key,
    private readonly secondary: Key | undefined,
  ) {}

  /** Returns what the store gets. As in daprd, a value that is not a string is encrypted as Go prints it, not as JSON. */
  encrypt(value: JsonValue): Buffer {
    const { name, bytes, algorithm } = this.primary;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(algorithm, bytes, nonce);
    const sealed = [nonce, cipher.update(printLikeGo(value)), cipher.final(), cipher.getAuthTag()];
    return Buffer.from(Buffer.concat(sealed).toString('base64') + SEPARATOR + name);
  }

  /** Returns the text that was encrypted. @throws {Error} with daprd's message when that fails */
  decrypt(stored: Buffer): Buffer {
    const text = stored.toString();
    if (text === '') return stored;
    const at = text.lastIndexOf(SEPARATOR);
    const name = at < 0 ? '' : text.slice(at + SEPARATOR.length);
    const problem = `could not decrypt data for state store ${this.store}`;
    if (name === '') throw new Error(`${problem}: encryption key name not found on record`);
    // daprd breaks the connection here, and for a value that is too short.
    const key = [this.primary, this.secondary].find((candidate) => candidate?.name === name);
    if (!key) throw new Error(`${problem}: there is no key with the name ${name}`);
    const sealed = goBase64(text.slice(0, at));
    if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error('cipher: message authentication failed');
    const decipher = createDecipheriv(key.algorithm, key.bytes, sealed.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch (error) {
      throw new Error('cipher: message authentication failed', { cause: error });
    }
  }
}

/**
 * Returns the encryption of a state component; undefined if it has no primary key. As with daprd, a key has no effect if
 * the component names no secret store.
 *
 * @throws {ResourceError} for a key that is not hexadecimal or has another length than 16, 24 or 32 bytes
 */
export function readEncryption(component: Component): Encryption | undefined {
  if (component.secretStore === '') return undefined;
  const primary = readKey(component, PRIMARY);
  const secondary = readKey(component, SECONDARY);
  return primary && new Encryption(component.name, primary, secondary);
}

function readKey({ file, name, metadata, secretNames }: Component, item: string): Key | undefined {
  const text = metadata.get(item);
  const secret = secretNames.get(item);
  if (text === undefined || (text === '' && secret === undefined)) return undefined;
  const bytes = Buffer.from(text, 'hex');
  const algorithm = ALGORITHMS[bytes.length as keyof typeof ALGORITHMS];
  if (bytes.length * 2 === text.length && algorithm) return { name: secret ?? '', bytes, algorithm };
  // The message does not contain the key.
  const length = text === '' ? 'empty' : `a text of ${text.length} characters`;
  throw new ResourceError(
    `${file}: component ${name}: metadata ${item} is ${length}; allowed: 16, 24 or 32 bytes in hexadecimal digits`,
  );
}
