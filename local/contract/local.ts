import { join } from 'node:path';
import { testContract } from './contract';
import { DELIBERATE } from './differences';
import type { BrokerName, Case } from './recording';
import { InProcessSidecar, SidecarProcess } from './sidecars';

const COMMAND = [process.execPath, join(__dirname, '../../dist/local/main.js'), 'run'];

/** Our sidecar against the recording. */
export const testLocal = (broker: BrokerName) =>
  testContract({
    broker,
    deliberate: DELIBERATE[broker],
    createSidecar: (recorded, settings) =>
      needsProcess(recorded) ? new SidecarProcess(COMMAND, settings) : new InProcessSidecar(settings),
  });

/** Cases about the end of a sidecar. */
const needsProcess = ({ steps }: Case): boolean =>
  steps.some(({ do: what, path }) => /^sidecar-(kill|exited)$/.test(what) || path === '/v1.0/shutdown');
