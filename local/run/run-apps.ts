import { UsageError } from '../usage-error';
import { appFromFlags } from './app-spec';
import { type CommandLine, describeFlags, parseFlags } from './flags';
import { Run } from './run';
import { loadRunFile, type RunFile } from './run-file';
import { waitForStopSignal } from './stop-signal';

export const USAGE = `usage: run [flags] [--] [command ...]              one app, with the flags of "dapr run"
       run -f FILE [--resources-path FOLDER ...]   the apps of a dapr.yaml; the folders replace the folders of the file
       run --join APP-ID [flags] [--] command ...  one app that joins the run of APP-ID and shares its in-memory broker`;

/**
 * Runs the apps of a command line until a stop signal, a shutdown request or a failure. Resolves with the exit code: 0
 * when everything ended cleanly.
 *
 * @param explain prints the reason of a failure
 */
export async function runApps([subcommand, ...args]: string[], explain: (error: unknown) => void): Promise<number> {
  if (subcommand === '--help' || subcommand === '-h' || subcommand === 'help') {
    console.log(`${USAGE}\n${describeFlags()}`);
    return 0;
  }
  if (subcommand !== 'run') throw new UsageError(`unknown command: ${subcommand ?? '(none)'}`);
  const line = parseFlags(args);
  if (line.flags.help) {
    console.log(`${USAGE}\n${describeFlags()}`);
    return 0;
  }
  const run = new Run({
    ...readApps(line),
    join: line.flags.join,
    env: process.env,
    onTerminal: Boolean(process.stdout.isTTY),
    print: (text) => console.log(text),
  });
  const stopSignal = waitForStopSignal(() => run.kill());
  const running = run.start().then(() => run.failed);
  const ended = Promise.race([stopSignal, run.shutdownRequested, run.finished, running, run.failed]);
  const failure = await ended.catch((error: unknown) => error);
  if (failure) explain(failure);
  const clean = await run.stop();
  return clean && !failure ? 0 : 1;
}

function readApps(line: CommandLine): RunFile {
  const { flags, command } = line;
  if (flags['run-file'] === undefined) return { apps: [appFromFlags(line)], hint: undefined };
  if (command.length > 0) throw new UsageError('a command and --run-file exclude each other');
  return loadRunFile(flags['run-file'], flags['resources-path']);
}
