import type { Log } from '../log';
import type { SecretScope } from '../secrets/secret-store';
import { type Field, ResourceError } from './document';
import { readDocuments } from './load';

/** The parts of a `Configuration` that this sidecar supports. https://docs.dapr.io/reference/resource-specs/configuration-schema/ */
export interface Configuration {
  /**
   * The share of new traces that are sampled, from 0 to 1. If it is undefined, tracing is off, and trace headers pass
   * unchanged.
   */
  samplingRate: number | undefined;
  secretScopes: SecretScope[];
  /** Whether changed resource files are read again. */
  hotReload: boolean;
}

/** Returns the configuration of a file. @throws {ResourceError} when the file is unreadable or has no Configuration */
export function loadConfiguration(file: string, log: Log): Configuration {
  const document = readDocuments(file).find((candidate) => candidate.get('kind').value === 'Configuration');
  if (!document) throw new ResourceError(`${file}: the file has no document of kind Configuration`);
  const spec = document.get('spec');
  const rate = spec.get('tracing').get('samplingRate');
  const features = spec.get('features').list();
  const off = features.some(
    (feature) => feature.get('name').value === 'HotReload' && feature.get('enabled').value === false,
  );
  const hotReload = !off;
  const secretScopes = spec.get('secrets').get('scopes').list().map(readSecretScope);
  for (const key of spec.unknownKeys()) log.warn(`${file}: ${key} is not supported and is ignored`);
  if (!rate.present) return { samplingRate: undefined, secretScopes, hotReload };
  const samplingRate = Number(rate.scalar());
  if (!(samplingRate >= 0 && samplingRate <= 1)) return rate.fail('a number from 0 to 1');
  return { samplingRate, secretScopes, hotReload };
}

const readSecretScope = (scope: Field): SecretScope => ({
  storeName: scope.get('storeName').nonEmpty(),
  defaultAccess: scope.get('defaultAccess').string(''),
  allowedSecrets: scope.get('allowedSecrets').strings(),
  deniedSecrets: scope.get('deniedSecrets').strings(),
});
