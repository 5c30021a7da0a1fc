import type { Environment } from '../environment';
import type { Field } from './document';

/** A `Component` document: a broker or a store under a name. */
export interface Component {
  file: string;
  name: string;
  type: string;
  version: string;
  metadata: ReadonlyMap<string, string>;
  /** App ids that may use it; empty: all. */
  scopes: string[];
  ignoreErrors: boolean;
}

/**
 * Reads a `Component`. https://docs.dapr.io/reference/resource-specs/component-schema/
 *
 * @throws {ResourceError} for a field of the wrong kind, or a value that comes from a secret store
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

function readValue(item: Field, env: Environment): string {
  const secret = item.get('secretKeyRef');
  if (secret.present) secret.fail('nothing: there are no secret stores here; use value or envRef');
  const envRef = item.get('envRef');
  if (!envRef.present) return item.get('value').present ? item.get('value').scalar() : '';
  const name = envRef.nonEmpty();
  // Dapr keeps its own and the app's variables out of reach of components.
  if (/^(DAPR_|APP_)/.test(name)) envRef.fail('a variable whose name does not begin with APP_ or DAPR_');
  return env[name] ?? '';
}
