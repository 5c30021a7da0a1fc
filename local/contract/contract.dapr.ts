import { findDaprd } from '../testing/daprd';
import { testContract } from './contract';
import { BROKER_NAMES } from './recording';
import { SidecarProcess } from './sidecars';

// Real daprd against the recording: shows what a new version of Dapr does differently. RECORD_TO=FILE records it anew.
const daprd = findDaprd();
const command = [daprd?.path ?? '', '--enable-metrics=false', '--log-level', 'warn'];

for (const broker of BROKER_NAMES) {
  testContract({
    broker,
    missing: daprd ? undefined : 'Dapr is not installed: there is no ~/.dapr/bin/daprd',
    createSidecar: (_, settings) => new SidecarProcess(command, settings),
    deliberate: {},
    recordTo: process.env.RECORD_TO,
    version: daprd?.version ?? '',
  });
}
