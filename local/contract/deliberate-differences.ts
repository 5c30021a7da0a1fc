import type { BrokerName } from './recording';

const IN_MEMORY =
  'the in-memory broker of daprd lives in one sidecar and delivers one event at a time; ours behaves like a broker: ';
const concurrent = `${IN_MEMORY}it delivers events concurrently, and no publish waits for a handler`;
const keeps = `${IN_MEMORY}it keeps events until the app is up and healthy`;
const collects = `${IN_MEMORY}a bulk subscription gets several events in one request`;

const answers =
  'daprd closes its API at the beginning of a stop unless it has --dapr-block-shutdown-duration; ours answers until the last delivery is finished, because the app may need the API to finish it';

const pages =
  'daprd serves every web page that calls it; ours refuses pages of other origins while it listens on loopback, unless --allowed-origins is given';

const outbox =
  'daprd subscribes to the internal topic of an outbox only at its start, so an outbox that a changed file adds never publishes; ours publishes';

/** The recorded cases in which `local/` deliberately differs from daprd, each with the reason. */
export const DELIBERATE_DIFFERENCES: Readonly<Record<BrokerName, Readonly<Record<string, string>>>> = {
  redis: { 'publish-cors': pages },
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
    'publish-cors': pages,
    'cors-default': pages,
    'cors-default-token': pages,
    'outbox-reload': outbox,
    'shutdown-post-calls': answers,
    'shutdown-sigterm-calls': answers,
  },
};
