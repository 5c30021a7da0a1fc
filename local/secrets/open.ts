import type { Environment } from '../environment';
import type { Component } from '../resources/component';
import { environmentSecrets } from './local-env';
import { openSecretsFile } from './local-file';
import type { SecretStore } from './secret-store';

interface SecretStoreType {
  /** The supported metadata. */
  metadata: readonly string[];
  open(component: Component, env: Environment): SecretStore;
}

/** The supported types of secret stores. */
export const SECRET_STORES: Readonly<Record<string, SecretStoreType>> = {
  'secretstores.local.file': { metadata: ['secretsFile', 'nestedSeparator', 'multiValued'], open: openSecretsFile },
  'secretstores.local.env': { metadata: ['prefix'], open: environmentSecrets },
};
