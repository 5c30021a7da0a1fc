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
  ['EMAIL_DOMAIN', 'example.com>', 'a domain such as example.com'],
  ['EMAIL_DOMAIN', '-a.example', 'a domain such as example.com'],
])('When %s is %j, then the error names the variable, the value and the allowed values', (name, value, allowed) => {
  expect(() => readEmailConfig({ [name]: value })).toThrow(`${name} is ${JSON.stringify(value)}; allowed: ${allowed}`);
});

test.each(['http://u:secret@host', 'smtp://', 'u:secret@host:25', 'smtp//u:secret@h'])(
  'When SMTP_URL is %j, then the error does not show the password',
  (value) => {
    const read = () => readEmailConfig({ SMTP_URL: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/^SMTP_URL is not usable \(the value is not shown\); allowed: smtp:/);
    expect(read).not.toThrow(/secret/);
  },
);
