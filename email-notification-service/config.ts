import { type Environment, type Rule, variable } from '../common/config';
import { isHost } from '../common/host';

/** The configuration that only this service has. */
export interface EmailConfig {
  /** `smtp://` or `smtps://`, with credentials and some of nodemailer's options if needed. */
  smtpUrl: string;
  from: string;
  /** The mail to bob goes to bob@domain. */
  domain: string;
}

// Other options of nodemailer could switch off what send-email.ts relies on: encryption, time limits, one attempt.
const SMTP_OPTION = /^(requireTLS=true|tls\.rejectUnauthorized=(true|false)|(name|tls\.servername)=[\w.-]{1,253})$/;

const smtpUrl: Rule<string> = {
  allowed:
    'smtp://host:port or smtps://host:port, with user:password@ before the host where needed (special characters as %40), ' +
    'without a path; after "?", requireTLS=true, tls.rejectUnauthorized=false, tls.servername=… and name=…, joined by "&"',
  parse: (text) => (isSmtpUrl(text) ? text : undefined),
  secret: true,
};

function isSmtpUrl(text: string): boolean {
  if (!/^smtps?:\/\/[\x21-\x7e]+$/i.test(text) || !URL.canParse(text)) return false;
  const { hostname, port, username, password, pathname, search, hash } = new URL(text);
  const options = search === '' ? [] : search.slice(1).split('&');
  return (
    isHost(hostname) &&
    port !== '0' &&
    (username === '') === (password === '') &&
    [username, password].every(isSendable) &&
    ['', '/'].includes(pathname) &&
    options.every((option) => SMTP_OPTION.test(option)) &&
    hash === ''
  );
}

/** Whether a user or password can be sent. NUL separates the two in AUTH PLAIN (RFC 4616). */
function isSendable(text: string): boolean {
  try {
    return !decodeURIComponent(text).includes('\0');
  } catch {
    return false;
  }
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
// A domain of digits, such as an IP address, is not valid in a mail address.
const DOMAIN = new RegExp(`^(?!.*(?:^|\\.)\\d+$)${LABEL}(?:\\.${LABEL})*$`, 'i');
// RFC 5322 section 3.2.3: no dot at the start, at the end or beside another dot.
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
/** https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1 allows 254 without the angle brackets of a path, and smtp-server, which the inbox uses, 253. */
const MAX_ADDRESS = 253;
const MAX_LOCAL_PART = 64;
/** The longest name in common/follow.ts. */
const MAX_NAME = 32;

const domain: Rule<string> = {
  allowed: `a domain such as example.com, in ASCII (bücher.example as xn--bcher-kva.example), of at most ${MAX_ADDRESS - MAX_NAME - 1} characters`,
  parse: (text) => (DOMAIN.test(text) && text.length < MAX_ADDRESS - MAX_NAME ? text : undefined),
};

const address: Rule<string> = {
  allowed:
    'an e-mail address such as followers@example.com, in ASCII (a domain such as bücher.example as xn--bcher-kva.example)',
  parse: (text) => {
    const [, local = '', host = ''] = /^([^@]*)@([^@]*)$/.exec(text) ?? [];
    const isValid = LOCAL_PART.test(local) && local.length <= MAX_LOCAL_PART && DOMAIN.test(host);
    return isValid && text.length <= MAX_ADDRESS ? text : undefined;
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
