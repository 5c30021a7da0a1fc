import { parseArgs } from 'node:util';

/** A command line that is not valid. The message says what is allowed. */
export class UsageError extends Error {}

/** The work of one run: hand the dead letters to their service, list them, or discard one of them. */
export type Task = { kind: 'replay' } | { kind: 'list' } | { kind: 'discard'; id: string; confirmed: boolean };

export interface Arguments {
  service: string;
  task: Task;
}

export const USAGE = 'usage: replay SERVICE [--list | --discard ID [--yes]]';

/** Returns the service and the task. @throws {UsageError} when the arguments are not valid */
export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parse(args);
  const { list, discard, yes } = values;
  const [service, ...more] = positionals;
  if (service === undefined) throw new UsageError(`no service is named\n${USAGE}`);
  if (more.length > 0) throw new UsageError(`more than one service is named: ${positionals.join(' ')}\n${USAGE}`);
  if (!/^[a-z0-9][a-z0-9-]*$/i.test(service)) {
    throw new UsageError(`"${service}" is not an app id; allowed: letters, digits and "-"\n${USAGE}`);
  }
  if (list && discard !== undefined) throw new UsageError(`--list and --discard exclude each other\n${USAGE}`);
  if (yes && discard === undefined) throw new UsageError(`--yes is allowed with --discard only\n${USAGE}`);
  if (discard === '') throw new UsageError(`--discard needs the id of an event\n${USAGE}`);
  if (discard !== undefined) return { service, task: { kind: 'discard', id: discard, confirmed: yes === true } };
  return { service, task: { kind: list ? 'list' : 'replay' } };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { list: { type: 'boolean' }, discard: { type: 'string' }, yes: { type: 'boolean' } },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

/** Calls `run` with the arguments of this process. When they are not valid, it prints the reason and exits with 2. */
export function withArguments(run: (task: Arguments, args: readonly string[]) => unknown): void {
  const args = process.argv.slice(2);
  try {
    const task = readArguments(args);
    void run(task, args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
}
