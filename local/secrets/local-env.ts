import type { Environment } from '../environment';
import { lookup } from '../pubsub/envelope';
import type { Component } from '../resources/component';
import type { SecretStore } from './secret-store';

/**
 * Returns the variables of the environment as secrets, without the variables of Dapr and the token of the app.
 * https://docs.dapr.io/reference/components-reference/supported-secret-stores/envvar-secret-store/
 */
export function environmentSecrets({ metadata }: Component, env: Environment): SecretStore {
  const prefix = lookup(metadata, 'prefix') ?? '';
  return {
    block: 'secretstores',
    capabilities: [],
    get: (name) => ({ [name]: (isAllowed(prefix + name) && env[prefix + name]) || '' }),
    all: () => {
      const names = Object.keys(env).filter((name) => name.startsWith(prefix) && isAllowed(name));
      return Object.fromEntries(
        names.map((name) => [name.slice(prefix.length), { [name.slice(prefix.length)]: env[name] ?? '' }]),
      );
    },
  };
}

const isAllowed = (name: string) => !/^(APP_API_TOKEN$|DAPR_)/i.test(name);
