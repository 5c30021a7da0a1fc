import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The result of a command that has ended. */
export interface CommandResult {
  /** The exit code; null if a signal ended the command. */
  code: number | null;
  /** Everything that the command printed to stdout and stderr. */
  output: string;
}

/** A command that was started. */
export interface RunningCommand {
  child: ChildProcess;
  /** Resolves when the command has ended. */
  result: Promise<CommandResult>;
}

/** Starts a command, and does not wait until it ends. `result` rejects only if the program cannot be started. */
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

/** Runs a command. Resolves with its result when it has ended. */
export const runCommand = (
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<CommandResult> => startCommand(program, args, options).result;

const CURL = `curl() { "${process.execPath}" --require "${require.resolve('ts-node/register/transpile-only')}" "${join(__dirname, 'curl.ts')}" "$@"; };`;
const withoutCurl = spawnSync('curl', ['--version']).error !== undefined;

/** Runs a command of a page in a shell, as a user would type it. Where curl is not installed, curl.ts replaces it. */
export const runInShell = (command: string, options: SpawnOptions = {}): Promise<CommandResult> =>
  runCommand('sh', ['-c', withoutCurl ? `${CURL} ${command}` : command], options);
