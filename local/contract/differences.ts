import type { BrokerName } from './recording';

const IN_MEMORY =
  'the in-memory broker of daprd lives in one sidecar and delivers one event at a time; ours behaves like a broker: ';
const concurrent = `${IN_MEMORY}events are delivered concurrently, and no publish waits for a handler`;
const keeps = `${IN_MEMORY}events wait for an app that is not up or not healthy`;
const collects = `${IN_MEMORY}a bulk subscription gets several events in one request`;

/** The recorded cases in which `local/` differs on purpose, and why. */
export const DELIBERATE: Readonly<Record<BrokerName, Readonly<Record<string, string>>>> = {
  redis: {},
  'in-memory': {
    'subscribe-app-late': keeps,
    'policy-head-of-line': concurrent,
    'delivery-concurrent': concurrent,
    'delivery-publish-latency': concurrent,
    'apphealth-paused': keeps,
    'apphealth-app-down': keeps,
    'apphealth-unhealthy-at-start': keeps,
    'apphealth-probe-slow': keeps,
    'bulksub-three': collects,
    'bulksub-defaults': collects,
  },
};
