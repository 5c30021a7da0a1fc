import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Daprd {
  path: string;
  version: string;
}

/** Returns the daprd that `dapr init` has installed; undefined if there is none. */
export function findDaprd(): Daprd | undefined {
  const path = join(process.env.DAPR_RUNTIME_PATH ?? homedir(), '.dapr', 'bin', 'daprd');
  if (!existsSync(path)) return undefined;
  return { path, version: execFileSync(path, ['--version'], { encoding: 'utf8' }).trim() };
}

/** Returns whether the dapr CLI is installed. */
export function hasDaprCli(): boolean {
  try {
    execFileSync('dapr', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
