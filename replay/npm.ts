import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { replayOf } from '../common/dapr/callers';
import { withArguments } from './usage';

const PARENT_POLL_MS = 200;

/**
 * `npm run replay SERVICE` and `npm run dead-letters SERVICE`: runs main.ts beside a sidecar in the process of
 * `npm start`, whose memory holds the dead letters. In a container, `dapr run` starts the sidecar instead.
 */
withArguments(({ service }, args) => {
  const dist = join(__dirname, '..');
  const app = ['--app-id', replayOf(service), '--app-port', process.env.APP_PORT || '8083'];
  const command = [process.execPath, join(dist, 'replay', 'main.js'), ...args];
  const local = [join(dist, 'local', 'main.js'), 'run', '--join', service, ...app, '--', ...command];
  const child = spawn(process.execPath, local, { stdio: 'inherit' });
  // The terminal sends a Ctrl-C to the child, too. This process only waits for the child to end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  // When npm is killed, no signal arrives, but this process gets another parent. It then ends, and so does the child,
  // which watches its own parent.
  const parent = process.ppid;
  const endAsOrphan = () => process.ppid === parent || process.exit(1);
  if (process.env.npm_lifecycle_event !== undefined) setInterval(endAsOrphan, PARENT_POLL_MS).unref();
  child.once('exit', (code) => {
    process.exitCode = code ?? 1;
  });
});
