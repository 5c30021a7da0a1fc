import { expect, test } from 'vitest';
import { ConfigError } from '../common/config';
import { readEmailConfig } from './config';

test('When no variable is set, then mails go to this machine, with addresses in a reserved domain', () => {
  expect(readEmailConfig({})).toEqual({
    smtpUrl: 'smtp://127.0.0.1:1025',
    from: 'followers@example.test',
    domain: 'example.test',
  });
});

test('When the variables are set, then the configuration has their values', () => {
  const env = {
    SMTP_URL: 'smtps://u:p@mail.example.com',
    EMAIL_FROM: 'no-reply@shop.example',
    EMAIL_DOMAIN: 'x.example',
  };
  expect(readEmailConfig(env)).toEqual({ smtpUrl: env.SMTP_URL, from: env.EMAIL_FROM, domain: env.EMAIL_DOMAIN });
});

test.each([
  ['EMAIL_FROM', 'bob', 'an e-mail address such as followers@example.com'],
  ['EMAIL_FROM', 'a@b\r\nBcc: c@d', 'an e-mail address such as followers@example.com'],
  ['EMAIL_FROM', 'Followers <followers@example.com>', 'an e-mail address such as followers@example.com'],
  ['EMAIL_FROM', '.followers@example.com', 'an e-mail address such as followers@example.com'],
  ['EMAIL_FROM', 'a..b@example.com', 'an e-mail address such as followers@example.com'],
  ['EMAIL_FROM', 'followers@127.0.0.1', 'an e-mail address such as followers@example.com'],
  ['EMAIL_FROM', `${'x'.repeat(65)}@example.com`, 'an e-mail address such as followers@example.com'],
  ['EMAIL_FROM', 'a@b@example.com', 'an e-mail address such as followers@example.com'],
  ['EMAIL_DOMAIN', '@example.com', 'a domain such as example.com'],
  ['EMAIL_DOMAIN', 'https://example.com', 'a domain such as example.com'],
  ['EMAIL_DOMAIN', '192.168.0.1', 'a domain such as example.com'],
  ['EMAIL_DOMAIN', 'a.'.repeat(111), 'a domain such as example.com'],
  ['EMAIL_DOMAIN', 'example.com>', 'a domain such as example.com'],
  ['EMAIL_DOMAIN', '-a.example', 'a domain such as example.com'],
])('When %s is %j, then the error names the variable, the value and the allowed values', (name, value, allowed) => {
  expect(() => readEmailConfig({ [name]: value })).toThrow(`${name} is ${JSON.stringify(value)}; allowed: ${allowed}`);
});

test.each([
  'smtp://localhost',
  'SMTPS://Mail:465',
  'smtp://mail_server:25/',
  'smtp://[::1]:25',
  'smtps://me%40example.com:p%3Aw@mail.example.com:465',
  'smtp://mail.example.com:587?requireTLS=true&tls.rejectUnauthorized=false&name=shop.example',
])('When SMTP_URL is %j, then it is accepted', (value) => {
  expect(readEmailConfig({ SMTP_URL: value }).smtpUrl).toBe(value);
});

test.each(["o'brien+x@example.com", 'a=b@x.example', 'a&b/c@xn--bcher-kva.example'])(
  'When EMAIL_FROM is %j, then it is accepted',
  (value) => {
    expect(readEmailConfig({ EMAIL_FROM: value }).from).toBe(value);
  },
);

test('When EMAIL_DOMAIN makes the longest address longer than all servers allow, then it is refused', () => {
  const domain = (length: number) => `${'a.'.repeat(length / 2 - 1)}${length % 2 ? 'bcd' : 'bc'}`;
  const read = (length: number) => readEmailConfig({ EMAIL_DOMAIN: domain(length) }).domain.length;
  expect(read(220)).toBe(220);
  expect(() => read(221)).toThrow('of at most 220 characters');
});

test.each([
  'smtp://u:secret%00@host',
  'http://u:secret@host',
  'smtp://',
  'u:secret@host:25',
  'smtp//u:secret@h',
  'smtp://host:0',
  'smtp://host:99999',
  'smtp://1025',
  'smtp://256.0.0.1:25',
  'smtp://host:25/inbox',
  'smtp://host:25#x',
  'smtp://host name:25',
  'smtp://host:25\n',
  ' smtp://host:25',
  'smtp://user@host:25',
  'smtp://user:@host:25',
  'smtp://u:se%cret@host:25',
  'smtp://host:25?requireTLS=false',
  'smtp://host:25?ignoreTLS=true',
  'smtp://host:25?maxRequeues=5',
  'smtp://host:25?pool=false',
])('When SMTP_URL is %j, then the error does not show the password', (value) => {
  const read = () => readEmailConfig({ SMTP_URL: value });
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/^SMTP_URL is not usable \(the value is not shown\); allowed: smtp:/);
  expect(read).not.toThrow(/secret/);
});
