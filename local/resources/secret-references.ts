import type { Environment } from '../environment';
import { getOrCreate } from '../get-or-create';
import { SECRET_STORES } from '../secrets/open';
import type { SecretStore } from '../secrets/secret-store';
import { type Component, readComponent } from './component';
import type { Field } from './document';

/** Returns the value of a `secretKeyRef` of a document. @throws {ResourceError} when the store or the secret does not exist */
export type SecretOfDocument = (document: Field, reference: Field) => string;

/** Returns a function that reads secrets from the secret stores among these documents. */
export function secretReader(documents: readonly Field[], appId: string, env: Environment): SecretOfDocument {
  const opened = new Map<string, SecretStore | undefined>();
  const open = (name: string): SecretStore | undefined => {
    const document = documents.find((candidate) => candidate.get('metadata').get('name').string('') === name);
    const type = SECRET_STORES[document?.get('spec').get('type').string('') ?? ''];
    return document && type?.open(readComponent(document, appId, env), env);
  };
  return (document, reference) => {
    const storeField = document.get('auth').get('secretStore');
    const store = storeField.present
      ? getOrCreate(opened, storeField.nonEmpty(), () => open(storeField.nonEmpty()))
      : undefined;
    if (!store) return storeField.fail(`the name of a component of type ${Object.keys(SECRET_STORES).join(' or ')}`);
    const name = reference.get('name');
    try {
      return store.get(name.nonEmpty())[reference.get('key').string('') || name.nonEmpty()] ?? '';
    } catch (error) {
      return name.fail(`a secret of ${storeField.value} (${(error as Error).message})`);
    }
  };
}

/**
 * Returns the components of documents. A metadata item with `secretKeyRef` gets its value from the secret store that
 * `auth.secretStore` names. https://docs.dapr.io/operations/components/component-secrets/
 *
 * @throws {ResourceError} for a field of the wrong kind, or a secret that does not exist
 */
export const readComponents = (
  documents: readonly Field[],
  appId: string,
  env: Environment,
  secretOf: SecretOfDocument,
): Component[] =>
  documents.map((document) => readComponent(document, appId, env, (reference) => secretOf(document, reference)));
