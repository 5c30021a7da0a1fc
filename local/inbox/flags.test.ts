import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { afterTests, call, SOON } from '../testing/test-inbox';
import { UsageError } from '../usage-error';
import { parseInboxFlags } from './flags';

test.concurrent('When no flags are given, then the ports are the ports of Mailpit and ntfy in Docker Compose', () => {
  const usual = { mailPort: 8025, pushPort: 8090, smtpPort: 1025, keep: 10_000, help: false };
  expect(parseInboxFlags([])).toEqual(usual);
});

test.concurrent('When flags are given, then their values replace the defaults', () => {
  const args = '--mail-port 1 --push-port=2 --smtp-port 0 --keep 5 --help'.split(' ');
  expect(parseInboxFlags(args)).toEqual({ mailPort: 1, pushPort: 2, smtpPort: 0, keep: 5, help: true });
});

test.concurrent.each([
  [['--mail-port', 'x'], '--mail-port is "x"; allowed: a whole number from 0 to 65535'],
  [['--push-port=65536'], '--push-port is "65536"; allowed: a whole number from 0 to 65535'],
  [['--smtp-port', ''], '--smtp-port is ""; allowed: a whole number from 0 to 65535'],
  [['--keep', '0'], '--keep is "0"; allowed: a whole number from 1 to 1000000'],
  [['--keep'], "Option '--keep <value>' argument missing"],
  [['--no-such-flag'], "Unknown option '--no-such-flag'"],
  [['stray'], "Unexpected argument 'stray'"],
])('When the arguments are %j, then the error names the wrong argument', (args, message) => {
  expect(() => parseInboxFlags(args)).toThrow(UsageError);
  expect(() => parseInboxFlags(args)).toThrow(message);
});

/** Starts the compiled command, as users do. */
function command(...args: string[]) {
  const child = spawn(process.execPath, [join(__dirname, '../../dist/local/inbox/main.js'), ...args]);
  afterTests(() => child.kill('SIGKILL'));
  const printed = { out: '', err: '' };
  child.stdout.on('data', (text) => {
    printed.out += text;
  });
  child.stderr.on('data', (text) => {
    printed.err += text;
  });
  return { child, printed, exit: once(child, 'exit').then(([code]) => code as number) };
}

test.concurrent.each(['SIGINT', 'SIGTERM'] as const)(
  'When the command receives %s, then it exits with 0',
  async (signal) => {
    const { child, printed, exit } = command('--mail-port', '0', '--push-port', '0', '--smtp-port', '0');
    const addresses = /^inbox: mail at (http:\S+) \(SMTP smtp:\/\/127\.0\.0\.1:\d+\)\ninbox: push at (http:\S+)\n$/;
    const [, mailUrl, pushUrl] = await vi.waitFor(() => {
      expect(printed.out).toMatch(addresses);
      return addresses.exec(printed.out) ?? [];
    }, SOON);
    expect(await call(`${mailUrl}/`)).toMatchObject({ status: 200 });
    expect(await call(`${pushUrl}/~/page.css`)).toMatchObject({ status: 200 });
    child.kill(signal);
    expect(await exit).toBe(0);
  },
);

test.concurrent('When a flag is invalid, then the command prints the problem and exits with 1', async () => {
  const { printed, exit } = command('--keep', 'all');
  expect(await exit).toBe(1);
  expect(printed.err).toMatch(/^inbox: --keep is "all"; allowed: a whole number from 1 to 1000000\nusage: /);
});
