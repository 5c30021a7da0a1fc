import { type Environment, parseUrl, type Rule, token, variable } from '../common/config';

/** The configuration that only this service has. */
export interface PushConfig {
  /** The URL of an ntfy server. */
  pushUrl: string;
  /** With the prefix `followers-`, messages for bob go to the topic `followers-bob`. */
  topicPrefix: string;
  /** An access token of the ntfy server. */
  token: string | undefined;
}

const httpUrl: Rule<string> = {
  allowed: 'http://host:port or https://host:port, without a user or a query',
  parse: (text) => {
    const url = parseUrl(text);
    const usable = url && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === '';
    return usable ? text : undefined;
  },
};

// A topic of ntfy has up to 64 letters, digits, "_" and "-". A name has up to 32 of them.
const topicPrefix: Rule<string> = {
  allowed: 'up to 32 letters, digits, "_" and "-"',
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
