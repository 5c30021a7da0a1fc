import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { readArguments, UsageError } from './usage';

/**
 * `npm run replay SERVICE`: the program of main.ts with a sidecar in the process of `npm start`, in whose memory the
 * dead letters are. In a container, `dapr run` does what this does here.
 */
function main(args: string[]): void {
  const { service } = readArguments(args);
  const program = join(__dirname, '..');
  const sidecar = [
    'run',
    '--join',
    service,
    '--app-id',
    `${service}-replay`,
    '--app-port',
    process.env.APP_PORT ?? '8083',
  ];
  const command = [process.execPath, join(program, 'replay', 'main.js'), ...args];
  const child = spawn(process.execPath, [join(program, 'local', 'main.js'), ...sidecar, '--', ...command], {
    stdio: 'inherit',
  });
  // A Ctrl-C reaches the child by itself; we only wait for it to end.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.once('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
