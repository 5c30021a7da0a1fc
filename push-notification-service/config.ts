import { type Environment, type Rule, token, variable } from '../common/config';
import { isHost } from '../common/host';

/** The configuration that only this service has. */
export interface PushConfig {
  /** The URL of an ntfy server, without a path and without a slash at the end. */
  pushUrl: string;
  /** With the prefix `followers-`, messages for bob go to the topic `followers-bob`. */
  topicPrefix: string;
  /** An access token of the ntfy server. */
  token: string | undefined;
}

const httpUrl: Rule<string> = {
  allowed: 'http://host:port or https://host:port, without a path (a topic), a user, a query or a fragment',
  parse: (text) => {
    if (!/^https?:\/\/[\x21-\x7e]+$/i.test(text) || !URL.canParse(text)) return undefined;
    const { origin, hostname, port } = new URL(text);
    // A name such as 8090 would become the address 0.0.31.154. An IPv6 address has several spellings.
    const isAsGiven =
      hostname.startsWith('[') || text.toLowerCase().startsWith(`${origin.split('//')[0]}//${hostname}`);
    return isAsGiven && isHost(hostname) && port !== '0' && isOnlyOrigin(text) ? origin : undefined;
  },
  // A user is written before "@", and a token of ntfy may be in the query.
  secret: (text) => /[@?]/.test(text),
};

const isOnlyOrigin = (text: string) => /^\w+:\/\/[^/\\?#@]+\/?$/.test(text);

// A topic of ntfy has up to 64 of these characters. A name has up to 32 of them.
const topicPrefix: Rule<string> = {
  allowed: '1 to 32 of A-Z, a-z, 0-9, "_" and "-"',
  parse: (text) => (/^[A-Za-z0-9_-]{1,32}$/.test(text) ? text : undefined),
};

/** @throws {ConfigError} for the first variable whose value is not allowed */
export function readPushConfig(env: Environment): PushConfig {
  return {
    pushUrl: variable(env, 'PUSH_URL', httpUrl, 'http://127.0.0.1:8090'),
    topicPrefix: variable(env, 'PUSH_TOPIC_PREFIX', topicPrefix, 'followers-'),
    token: variable(env, 'PUSH_TOKEN', token, undefined),
  };
}
