import { findDaprd } from '../testing/daprd';
import { testContract } from './contract';
import { BROKER_NAMES } from './recording';
import { SidecarProcess } from './sidecars';

// Runs the recorded cases on real daprd, which shows the changes in a new version. RECORD_TO=FOLDER makes a new
// recording.
const daprd = findDaprd();
const command = [daprd?.path ?? '', '--enable-metrics=false', '--log-level', 'warn'];

for (const broker of BROKER_NAMES) {
  testContract({
    broker,
    missing: daprd ? undefined : 'Dapr is not installed: ~/.dapr/bin/daprd does not exist',
    createSidecar: (_, settings) => new SidecarProcess(command, settings),
    deliberate: {},
    recordTo: process.env.RECORD_TO,
    version: daprd?.version ?? '',
  });
}
