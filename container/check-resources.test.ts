import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkResources } from './check-resources';

const COMPONENTS = join(__dirname, '../components');
const CONFIGS = ['config.yaml', 'no-invocation.yaml'];
const NEEDED = ['pubsub', 'statestore'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'components-'));
  cpSync(COMPONENTS, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const check = (broker = 'redis') =>
  checkResources(
    CONFIGS.map((name) => join(folder, name)),
    [join(folder, 'common'), join(folder, broker)],
    NEEDED,
  );

test.each(['redis', 'redis-replay', 'kafka', 'in-memory'])(
  'When the files of %s are checked, then they are right',
  (broker) => {
    const { problems, components } = check(broker);
    expect(problems).toEqual([]);
    expect(components).toEqual(new Map(NEEDED.map((name) => [name, join(folder, broker, `${name}.yaml`)])));
  },
);

test.each([
  ['config.yaml', 'spec:', 'spec', 'not YAML'],
  ['config.yaml', 'samplingRate', 'smaplingRate', 'spec.tracing.smaplingRate is unknown; allowed: samplingRate, '],
  ['config.yaml', 'kind: Configuration', 'kind: Config', 'kind is "Config"; allowed: Configuration'],
  ['config.yaml', /[\s\S]*/, '# nothing\n', 'the file is empty'],
  ['no-invocation.yaml', 'spec:', 'spec', 'not YAML'],
  [
    'no-invocation.yaml',
    'kind: Configuration',
    'kind: Configuratoin',
    'kind is "Configuratoin"; allowed: Configuration',
  ],
  ['no-invocation.yaml', 'denied', 'deneid', 'spec.api.deneid is unknown; allowed: allowed, denied'],
  [
    'no-invocation.yaml',
    'protocol: grpc',
    'protocol: gprc',
    'spec.api.denied[1].protocol is "gprc"; allowed: http, grpc',
  ],
  ['redis/pubsub.yaml', 'version: v1', 'version v1', 'not YAML'],
  ['redis/pubsub.yaml', 'version: v1', '\tversion: v1', 'not YAML'],
  ['redis/pubsub.yaml', 'spec:', 'spce:', 'spce is unknown; allowed: '],
  ['redis/pubsub.yaml', 'kind: Component', 'kind: Componnet', 'kind is "Componnet"; allowed: Component, '],
  ['redis/pubsub.yaml', 'apiVersion: dapr.io', 'apiVersion: dapr', 'apiVersion is "dapr/v1alpha1"; allowed: '],
  ['redis/pubsub.yaml', 'type: pubsub.redis', 'type: redis', 'spec.type is "redis"; allowed: a building block'],
  ['redis/pubsub.yaml', '  version: v1', '', 'spec.version is missing'],
  ['redis/pubsub.yaml', 'envRef', 'envref', 'spec.metadata[0].envref is unknown; allowed: name, value, '],
  ['redis/statestore.yaml', 'name: statestore', 'name: pubsub', 'component pubsub is also in '],
  ['common/resiliency.yaml', '  policies:', '  policies', 'not YAML'],
  ['common/resiliency.yaml', 'maxRetries', 'maxRetires', 'spec.policies.retries.redelivery.maxRetires is unknown; '],
  ['common/resiliency.yaml', 'maxRetries: 10', 'maxRetries: "10"', 'maxRetries is "10"; allowed: a whole number'],
  ['common/resiliency.yaml', 'maxInterval: 5s', 'maxInterval: 5sec', 'maxInterval is "5sec"; allowed: a duration '],
  ['common/resiliency.yaml', 'exponential', 'exponentail', 'policy is "exponentail"; allowed: constant, exponential'],
  ['common/resiliency.yaml', 'delivery: 5s', 'delivery: [5s]', 'timeouts.delivery is ["5s"]; allowed: a duration '],
  [
    'common/resiliency.yaml',
    'retry: redelivery',
    'retry: redelivry',
    'inbound.retry is "redelivry"; defined: redelivery',
  ],
  ['common/resiliency.yaml', '      pubsub:', '      pubsbu:', 'spec.targets.components.pubsbu is not a component; '],
  ['common/resiliency.yaml', 'targets:', 'target:', 'spec.target is unknown; allowed: policies, targets'],
  ['common/resiliency.yaml', /^spec:[\s\S]*/m, 'spec: []\n', 'spec must be a mapping'],
])('When %s has %j changed to %j, then the problem names the file: …%s', (file, old, changed, problem) => {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  expect(text.replace(old, changed)).not.toBe(text);
  writeFileSync(path, text.replace(old, changed));
  const [first = ''] = check().problems;
  expect(first.startsWith(`${path}: `), first).toBe(true);
  expect(first).toContain(problem);
});

test('When a component has another name, then the name that the services use is missing', () => {
  const path = join(folder, 'redis/statestore.yaml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('name: statestore', 'name: stateshop'));
  expect(check().problems).toEqual([
    `${join(folder, 'common')}, ${join(folder, 'redis')}: no file has a component with the name statestore`,
  ]);
});

test('When a folder or a file is missing, or a folder has no YAML files, then that is named', () => {
  expect(check('rabbit').problems).toEqual([`${join(folder, 'rabbit')}: there is no such folder`]);
  expect(check('redis-server').problems).toEqual([`${join(folder, 'redis-server')}: the folder has no YAML files`]);
  rmSync(join(folder, 'config.yaml'));
  expect(check().problems).toEqual([expect.stringContaining(`${join(folder, 'config.yaml')}: ENOENT`)]);
});
