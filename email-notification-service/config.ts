import { type Environment, parseUrl, type Rule, variable } from '../common/config';

/** The configuration that only this service has. */
export interface EmailConfig {
  /** `smtp://` or `smtps://`, with credentials and nodemailer's options if needed. */
  smtpUrl: string;
  from: string;
  /** The mail to bob goes to bob@domain. */
  domain: string;
}

const smtpUrl: Rule<string> = {
  allowed: 'smtp://host:port or smtps://host:port, with user:password@ before the host where needed',
  parse: (text) => {
    const { protocol = '', hostname = '' } = parseUrl(text) ?? {};
    return /^smtps?:$/.test(protocol) && hostname !== '' ? text : undefined;
  },
  secret: true,
};

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'i');

const domain: Rule<string> = {
  allowed: 'a domain such as example.com',
  parse: (text) => (DOMAIN.test(text) ? text : undefined),
};

const address: Rule<string> = {
  allowed: 'an e-mail address such as followers@example.com',
  parse: (text) => {
    const [, local, host] = /^([\w.+-]{1,64})@(.+)$/.exec(text) ?? [];
    return local && DOMAIN.test(host ?? '') ? text : undefined;
  },
};

/** @throws {ConfigError} for the first variable whose value is not allowed */
export function readEmailConfig(env: Environment): EmailConfig {
  return {
    smtpUrl: variable(env, 'SMTP_URL', smtpUrl, 'smtp://127.0.0.1:1025'),
    from: variable(env, 'EMAIL_FROM', address, 'followers@example.test'),
    domain: variable(env, 'EMAIL_DOMAIN', domain, 'example.test'),
  };
}
