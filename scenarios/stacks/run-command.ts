import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** The end of a command: its exit code, null when a signal ended it, and everything that it printed. */
export interface CommandResult {
  code: number | null;
  output: string;
}

/** A command that runs, and its end. */
export interface RunningCommand {
  child: ChildProcess;
  result: Promise<CommandResult>;
}

/** Starts a command. Its end rejects only when the program cannot be started. */
export function startCommand(program: string, args: readonly string[], options: SpawnOptions = {}): RunningCommand {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
  const result = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { child, result };
}

/** Runs a command to its end. */
export const runCommand = (
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<CommandResult> => startCommand(program, args, options).result;
