import { parseArgs } from 'node:util';
import { DEFAULT_KEEP, DEFAULT_PORTS } from './inbox';

/** A command line that cannot be understood. The message says what was wrong and what is allowed. */
export class UsageError extends Error {}

export interface Flags {
  mailPort: number;
  pushPort: number;
  smtpPort: number;
  keep: number;
  help: boolean;
}

export const USAGE = `usage: main.js [flags]    receives mails and push messages, and shows them on a page
  --mail-port N    the page and Mailpit's API (${DEFAULT_PORTS.mailPort}); 0: any free port, as for the others
  --push-port N    ntfy's API and the page (${DEFAULT_PORTS.pushPort})
  --smtp-port N    SMTP (${DEFAULT_PORTS.smtpPort})
  --keep N         how many of the newest mails are kept, and how many of the newest pushes (${DEFAULT_KEEP})
  --help`;

const MOST_KEPT = 1_000_000;

/** Reads the command line. @throws {UsageError} */
export function parseFlags(args: string[]): Flags {
  const values = parse(args);
  const port = (flag: 'mail-port' | 'push-port' | 'smtp-port', usual: number) =>
    numberIn([0, 65_535], values[flag] ?? String(usual), `--${flag}`);
  return {
    mailPort: port('mail-port', DEFAULT_PORTS.mailPort),
    pushPort: port('push-port', DEFAULT_PORTS.pushPort),
    smtpPort: port('smtp-port', DEFAULT_PORTS.smtpPort),
    keep: numberIn([1, MOST_KEPT], values.keep ?? String(DEFAULT_KEEP), '--keep'),
    help: values.help ?? false,
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const options = {
    'mail-port': text,
    'push-port': text,
    'smtp-port': text,
    keep: text,
    help: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function numberIn([least, most]: [number, number], text: string, flag: string): number {
  if (/^\d{1,7}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw new UsageError(`${flag} is ${JSON.stringify(text)}; allowed: a whole number from ${least} to ${most}`);
}
