import { randomUUID } from 'node:crypto';
import type { Environment } from '../environment';
import type { Field } from './document';

/** A `Component` document: a named broker or store. */
export interface Component {
  file: string;
  name: string;
  type: string;
  version: string;
  metadata: ReadonlyMap<string, string>;
  /** The names of the secrets from which metadata items have their values, by the names of the items. */
  secretNames: ReadonlyMap<string, string>;
  /** The secret store that `auth.secretStore` names; empty if none. */
  secretStore: string;
  /** The namespace of the app, if a metadata value contains `{namespace}`. Topics then begin with it. */
  topicPrefix: string;
  /** The app ids that may use the component. If empty, every app may use it. */
  scopes: string[];
  ignoreErrors: boolean;
}

/** Returns the value of a `secretKeyRef`. */
export type SecretOf = (reference: Field) => string;

const noSecrets: SecretOf = (reference) =>
  reference.fail('value or envRef, because a secret store has no secrets itself');

/**
 * Returns the component of a document. https://docs.dapr.io/reference/resource-specs/component-schema/
 *
 * @throws {ResourceError} for a field of the wrong kind
 */
export function readComponent(
  document: Field,
  appId: string,
  env: Environment,
  secretOf: SecretOf = noSecrets,
): Component {
  const spec = document.get('spec');
  const metadata = new Map<string, string>();
  const secretNames = new Map<string, string>();
  let topicPrefix = '';
  for (const item of spec.get('metadata').list()) {
    const value = readValue(item, env, secretOf);
    if (value.includes('{namespace}')) topicPrefix = namespaceOf(env);
    const name = item.get('name').nonEmpty();
    metadata.set(name, fillPlaceholders(value, item, appId, env));
    if (item.get('secretKeyRef').present) secretNames.set(name, item.get('secretKeyRef').get('name').string(''));
  }
  return {
    file: document.file,
    name: document.get('metadata').get('name').nonEmpty(),
    type: spec.get('type').nonEmpty(),
    version: spec.get('version').string(''),
    metadata,
    secretNames,
    secretStore: document.get('auth').get('secretStore').string(''),
    topicPrefix,
    scopes: document.get('scopes').strings(),
    ignoreErrors: spec.get('ignoreErrors').boolean(false),
  };
}

/** Returns the value of a metadata item or a header. As in daprd, `value` wins over `envRef`. */
export function readValue(item: Field, env: Environment, secretOf: SecretOf): string {
  const [secret, value, envRef] = [item.get('secretKeyRef'), item.get('value'), item.get('envRef')];
  // daprd takes the JSON of a list or a map as text.
  if (value.present) return typeof value.value === 'object' ? JSON.stringify(value.value) : value.string();
  if (secret.present) return secretOf(secret);
  if (!envRef.present) return '';
  const name = envRef.nonEmpty();
  // Components have no access to the variables of Dapr and of the app.
  if (/^(DAPR_|APP_)/.test(name)) envRef.fail('a variable whose name does not begin with APP_ or DAPR_');
  return env[name] ?? '';
}

/** Returns a value with Dapr's placeholders filled in. https://docs.dapr.io/operations/components/component-schema/#templated-metadata-values */
function fillPlaceholders(value: string, item: Field, appId: string, env: Environment): string {
  const { POD_NAME: podName = '' } = env;
  if (value.includes('{podName}') && podName === '') {
    item.get('value').fail('a value without {podName}, because the variable POD_NAME is not set');
  }
  return value
    .replace(/\{uuid\}/g, () => randomUUID())
    .replaceAll('{podName}', () => podName)
    .replaceAll('{namespace}', () => `${namespaceOf(env)}.${appId}`)
    .replaceAll('{appID}', () => appId);
}

/** Returns the namespace of the app, which Kubernetes sets. */
export const namespaceOf = ({ NAMESPACE: namespace = 'default' }: Environment): string => namespace;
