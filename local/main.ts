#!/usr/bin/env node
import { ResourceError } from './resources/document';
import { runApps, USAGE } from './run/run-apps';
import { RunError } from './run/run-error';
import { UsageError } from './usage-error';

/** Prints one line for an error that the user can fix, and the stack trace for a bug in this program. */
function explain(error: unknown): void {
  const expected = [UsageError, ResourceError, RunError].some((kind) => error instanceof kind);
  process.stderr.write(`${expected ? (error as Error).message : (error as Error).stack}\n`);
  if (error instanceof UsageError) process.stderr.write(`${USAGE}\n`);
}

runApps(process.argv.slice(2), explain).then(
  (code) => process.exit(code),
  (error: unknown) => {
    explain(error);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
