/** Secrets by name. A secret has one value or several, by key. */
export type Secret = Record<string, string>;

/** The secrets of one component. */
export interface SecretStore {
  readonly block: 'secretstores';
  /** The capabilities that Dapr's metadata API lists for this type of component. */
  readonly capabilities: readonly string[];
  /** @throws {Error} with daprd's reason if there is no such secret */
  get(name: string): Secret;
  all(): Record<string, Secret>;
}

/** Which secrets of one store an app may read. https://docs.dapr.io/operations/configuration/secret-scope/ */
export interface SecretScope {
  storeName: string;
  defaultAccess: string;
  allowedSecrets: readonly string[];
  deniedSecrets: readonly string[];
}

/** Returns whether a scope allows a secret. As in daprd, a list of allowed secrets wins over everything else. */
export function allowsSecret(scope: SecretScope | undefined, name: string): boolean {
  if (!scope) return true;
  if (scope.allowedSecrets.length > 0) return scope.allowedSecrets.includes(name);
  return !scope.deniedSecrets.includes(name) && scope.defaultAccess.toLowerCase() !== 'deny';
}
