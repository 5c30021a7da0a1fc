#!/usr/bin/env node
import { UsageError } from '../usage-error';
import { parseInboxFlags, USAGE } from './flags';
import { startInbox } from './inbox';

async function main(): Promise<void> {
  const { help, ...settings } = parseInboxFlags(process.argv.slice(2));
  if (help) return console.log(USAGE);
  const log = { info: console.log, warn: console.error, error: console.error };
  const inbox = await startInbox({ ...settings, log });
  console.log(`inbox: mail at ${inbox.mailUrl} (SMTP ${inbox.smtpUrl})`);
  console.log(`inbox: push at ${inbox.pushUrl}`);

  const stop = () => inbox.close().then(() => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  // The reader of our output has exited, as in `main.js | head`.
  process.stdout.on('error', stop);
}

main().catch((error: Error) => {
  console.error(`inbox: ${error.message}`);
  if (error instanceof UsageError) console.error(USAGE);
  process.exit(1);
});
