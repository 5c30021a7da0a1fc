import { parseArgs } from 'node:util';
import { UsageError } from '../usage-error';
import { DEFAULT_KEEP, DEFAULT_PORTS } from './inbox';

export interface InboxFlags {
  mailPort: number;
  pushPort: number;
  smtpPort: number;
  keep: number;
  help: boolean;
}

export const USAGE = `usage: main.js [flags]    receives mails and push messages, and shows them on a page
  --mail-port N    port of the page and of Mailpit's API (default ${DEFAULT_PORTS.mailPort}; 0: any free port)
  --push-port N    port of ntfy's API and of the page (default ${DEFAULT_PORTS.pushPort}; 0: any free port)
  --smtp-port N    port of SMTP (default ${DEFAULT_PORTS.smtpPort}; 0: any free port)
  --keep N         keeps the newest N mails and the newest N pushes (default ${DEFAULT_KEEP})
  --help           prints this text`;

const MAX_KEEP = 1_000_000;

/** Returns the flags of the command line, with defaults. @throws {UsageError} for an invalid flag or value */
export function parseInboxFlags(args: string[]): InboxFlags {
  const values = parse(args);
  const port = (flag: 'mail-port' | 'push-port' | 'smtp-port', usual: number) =>
    numberIn([0, 65_535], values[flag] ?? String(usual), `--${flag}`);
  return {
    mailPort: port('mail-port', DEFAULT_PORTS.mailPort),
    pushPort: port('push-port', DEFAULT_PORTS.pushPort),
    smtpPort: port('smtp-port', DEFAULT_PORTS.smtpPort),
    keep: numberIn([1, MAX_KEEP], values.keep ?? String(DEFAULT_KEEP), '--keep'),
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
