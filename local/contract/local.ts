import { join } from 'node:path';
import { testContract } from './contract';
import { DELIBERATE_DIFFERENCES } from './deliberate-differences';
import type { BrokerName, Case } from './recording';
import { InProcessSidecar, SidecarProcess } from './sidecars';

const COMMAND = [process.execPath, join(__dirname, '../../dist/local/main.js'), 'run'];

/** Declares the tests that compare our sidecar with the recording. */
export const testLocal = (broker: BrokerName) =>
  testContract({
    broker,
    deliberate: DELIBERATE_DIFFERENCES[broker],
    createSidecar: (recorded, settings) =>
      needsProcess(recorded) ? new SidecarProcess(COMMAND, settings) : new InProcessSidecar(settings),
  });

/** Returns whether a case ends a sidecar and looks at its exit code. */
const needsProcess = ({ steps }: Case): boolean =>
  steps.some(({ do: action, path }) => /^sidecar-(kill|exited)$/.test(action) || path === '/v1.0/shutdown');
