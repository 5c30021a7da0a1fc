#!/usr/bin/env node
import { ResourceError } from './resources/document';
import { appFromFlags } from './run/app-spec';
import { type CommandLine, parseFlags, UsageError } from './run/flags';
import { Run, RunError } from './run/run';
import { loadRunFile, type RunFile } from './run/run-file';

const USAGE = `usage: run [flags] [--] [command ...]              one app, with the flags of "dapr run"
       run -f FILE [--resources-path FOLDER ...]   the apps of a dapr.yaml; the folders replace the file's own
       run --join APP-ID [flags] [--] command ...  one more app for the run in which that app is, with its in-memory broker`;

/** A signal so soon after the first is the same one: a terminal and npm both pass a Ctrl-C on. */
const SAME_SIGNAL_MS = 1_000;

async function main([subcommand, ...args]: string[]): Promise<number> {
  if (subcommand !== 'run') throw new UsageError(`unknown command: ${subcommand ?? '(none)'}`);
  const line = parseFlags(args);
  if (line.flags.help) {
    console.log(USAGE);
    return 0;
  }
  const run = new Run({
    ...readApps(line),
    join: line.flags.join,
    env: process.env,
    onTerminal: Boolean(process.stdout.isTTY),
    print: (text) => console.log(text),
  });
  const asked = askedToStop(run);
  const running = run.start().then(() => run.failed);
  const failure = await Promise.race([asked, run.shutdownAsked, running, run.failed]).catch((error: unknown) => error);
  if (failure) explain(failure);
  const clean = await run.stop();
  return clean && !failure ? 0 : 1;
}

function readApps(line: CommandLine): RunFile {
  const { flags, command } = line;
  if (flags['run-file'] === undefined) return { apps: [appFromFlags(line)], hint: undefined };
  if (command.length > 0) throw new UsageError('a command cannot be given together with --run-file');
  return loadRunFile(flags['run-file'], flags['resources-path']);
}

/** Resolves at the first signal to stop. A second one ends the apps at once. */
function askedToStop(run: Run): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const stop = () => {
      if (firstAt !== undefined && Date.now() - firstAt > SAME_SIGNAL_MS) {
        run.kill();
        process.exit(1);
      }
      firstAt ??= Date.now();
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
    // Whoever read our output is gone, as in `npm start | head`.
    process.stdout.on('error', stop);
  });
}

/** One line for what a person can mend; everything for what is a mistake in this program. */
function explain(error: unknown): void {
  const expected = [UsageError, ResourceError, RunError].some((kind) => error instanceof kind);
  process.stderr.write(`${expected ? (error as Error).message : (error as Error).stack}\n`);
  if (error instanceof UsageError) process.stderr.write(`${USAGE}\n`);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    explain(error);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
