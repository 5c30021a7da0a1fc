import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RecordedApp } from './recorded-app';
import type { BrokerName, JsonRecord, Party } from './recording';
import { fillPlaceholders } from './shape';
import type { SidecarSettings, SidecarUnderTest } from './sidecars';

/** One sidecar of a case, with its app and its resource folder. */
export interface Side {
  app: RecordedApp | undefined;
  sidecar: SidecarUnderTest;
  httpPort: number;
  resources: string;
  /** The number of app requests that earlier `app-seen` steps have shown. */
  shownRequests: number;
}

export interface SideOptions {
  /** Empty for the first side of a case, `2` for the second. The names of its ports in `known` end with it. */
  suffix: '' | '2';
  broker: BrokerName;
  /** The values of the placeholders for ports and addresses. */
  known: Record<string, string>;
  folder: string;
  createSidecar: (settings: SidecarSettings) => SidecarUnderTest;
}

/** Returns a side with its files written. Neither its app nor its sidecar is started. */
export function prepareSide(party: Party, { suffix, broker, known, folder, createSidecar }: SideOptions): Side {
  const port = (name: string) => Number(known[name + suffix]);
  const resources = join(folder, `resources${suffix}`);
  mkdirSync(resources);
  for (const [i, document] of (party.resources ?? [{ $pubsub: {} }]).entries()) {
    writeDocument(join(resources, `${i}.yaml`), expandComponent(document, broker, known), known);
  }
  const config = join(folder, `config${suffix}.yaml`);
  const spec = party.config ?? { tracing: { samplingRate: '0' } };
  const metadata = { name: 'config' };
  writeDocument(config, { apiVersion: 'dapr.io/v1alpha1', kind: 'Configuration', metadata, spec }, known);
  const app =
    party.app === null ? undefined : new RecordedApp(port('appPort'), fillPlaceholders(party.app ?? {}, known));
  const sidecar = createSidecar({
    appId: party.appId ?? 'email',
    appPort: app?.port,
    httpPort: port('httpPort'),
    grpcPort: port('grpcPort'),
    internalPort: port('internalPort'),
    resources,
    config,
    apiToken: party.apiToken,
    appToken: party.appToken,
    env: party.env ?? {},
    flags: fillPlaceholders(party.flags ?? [], known),
    folder,
  });
  return { app, sidecar, httpPort: port('httpPort'), resources, shownRequests: 0 };
}

/** Returns the component that `$pubsub` or `$state` stands for with this broker, or any other document unchanged. */
export function expandComponent(document: JsonRecord, broker: BrokerName, known: Record<string, string>): JsonRecord {
  const [kind, given] = Object.entries(document)[0] ?? [];
  if (kind !== '$pubsub' && kind !== '$state') return document;
  type Short = { name?: string; scopes?: string[]; metadata?: JsonRecord; redis?: JsonRecord };
  const { name = kind === '$pubsub' ? 'pubsub' : 'store', scopes, metadata = {}, redis = {} } = given as Short;
  const server = { redisHost: `127.0.0.1:${known.redisPort}`, redisPassword: '' };
  const times = kind === '$pubsub' ? { processingTimeout: 5000, redeliverInterval: 1000 } : {};
  const fields = broker === 'redis' ? { ...server, ...times, ...metadata, ...redis } : metadata;
  const list = Object.entries(fields).map(([field, value]) => ({ name: field, value: String(value) }));
  const type = `${kind === '$pubsub' ? 'pubsub' : 'state'}.${broker}`;
  const spec = { type, version: 'v1', metadata: list };
  return { apiVersion: 'dapr.io/v1alpha1', kind: 'Component', metadata: { name }, spec, ...(scopes && { scopes }) };
}

/** Writes the text of a `$yaml`, or a resource as JSON, which is also YAML. Its placeholders are filled in. */
export function writeDocument(file: string, document: JsonRecord, known: Record<string, string>): void {
  const { $yaml: text } = document;
  writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(fillPlaceholders(document, known)));
}
