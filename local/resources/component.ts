import type { Environment } from '../environment';
import type { Field } from './document';

/** A `Component` document: a named broker or store. */
export interface Component {
  file: string;
  name: string;
  type: string;
  version: string;
  metadata: ReadonlyMap<string, string>;
  /** The app ids that may use the component. If empty, every app may use it. */
  scopes: string[];
  ignoreErrors: boolean;
}

/**
 * Returns the component of a document. https://docs.dapr.io/reference/resource-specs/component-schema/
 *
 * @throws {ResourceError} for a field of the wrong kind, or a value from a secret store
 */
export function readComponent(document: Field, env: Environment): Component {
  const spec = document.get('spec');
  const metadata = new Map<string, string>();
  for (const item of spec.get('metadata').list()) {
    metadata.set(item.get('name').nonEmpty(), readValue(item, env));
  }
  return {
    file: document.file,
    name: document.get('metadata').get('name').nonEmpty(),
    type: spec.get('type').nonEmpty(),
    version: spec.get('version').nonEmpty(),
    metadata,
    scopes: document.get('scopes').strings(),
    ignoreErrors: spec.get('ignoreErrors').boolean(false),
  };
}

/** Returns the value of a metadata item. As in daprd, `value` wins over `envRef`. */
function readValue(item: Field, env: Environment): string {
  const [secret, value, envRef] = [item.get('secretKeyRef'), item.get('value'), item.get('envRef')];
  if (secret.present) secret.fail('value or envRef (secret stores are not supported)');
  if (value.present) return value.scalar();
  if (!envRef.present) return '';
  const name = envRef.nonEmpty();
  // Components have no access to the variables of Dapr and of the app.
  if (/^(DAPR_|APP_)/.test(name)) envRef.fail('a variable whose name does not begin with APP_ or DAPR_');
  return env[name] ?? '';
}
