import { execFileSync } from 'node:child_process';

/** Compiles the programs before the tests start. This takes less than a second when nothing has changed. */
export function setup(): void {
  execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '--build', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
}
