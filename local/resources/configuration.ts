import type { ApiAccess } from '../api/api-access';
import type { Environment } from '../environment';
import type { Log } from '../log';
import type { SecretScope } from '../secrets/secret-store';
import { type Field, ResourceError } from './document';
import { readDocuments } from './yaml';

/** The parts of a `Configuration` that this sidecar supports. https://docs.dapr.io/reference/resource-specs/configuration-schema/ */
export interface Configuration {
  /**
   * The share of new traces that are sampled, from 0 to 1. If it is undefined, tracing is off, and trace headers pass
   * unchanged.
   */
  samplingRate: number | undefined;
  secretScopes: SecretScope[];
  /** The features that are on by name, and those that are off. */
  features: ReadonlyMap<string, boolean>;
  apiAccess: ApiAccess;
  /** The names of the middlewares of the API, in their order. */
  httpPipeline: readonly Handler[];
  /** The same for the requests to the app. */
  appHttpPipeline: readonly Handler[];
}

/** A middleware of a pipeline. */
export interface Handler {
  name: string;
  type: string;
}

/** The configuration of a sidecar without a file. */
export const NO_CONFIGURATION: Configuration = {
  samplingRate: undefined,
  secretScopes: [],
  features: new Map(),
  apiAccess: { allowed: [], denied: [] },
  httpPipeline: [],
  appHttpPipeline: [],
};

/** Whether changed resource files are read again. */
export const isHotReloadOn = ({ features }: Configuration): boolean => features.get('HotReload') ?? true;

/** Returns the features that the metadata API lists. */
export const enabledFeatures = (configuration: Configuration): string[] => {
  const named = [...configuration.features].filter(([name, isOn]) => isOn && name !== 'HotReload');
  const reload = isHotReloadOn(configuration) ? ['HotReload'] : [];
  return [...named.map(([name]) => name), ...reload, 'WorkflowsRemoteActivityReminder'];
};

/**
 * Returns the configuration of a file, in which `$NAME` and `${NAME}` are variables of the environment. An unset
 * variable is empty.
 *
 * @throws {ResourceError} when the file is unreadable or has no Configuration
 */
export function loadConfiguration(file: string, env: Environment, log: Log): Configuration {
  const documents = readDocuments(file, (text) => expandVariables(text, env));
  const document = documents.find((candidate) => candidate.get('kind').value === 'Configuration');
  if (!document) throw new ResourceError(`${file}: the file has no document of kind Configuration`);
  const spec = document.get('spec');
  const rate = spec.get('tracing').get('samplingRate');
  const features = new Map(
    spec
      .get('features')
      .list()
      .map((feature) => [feature.get('name').string(''), feature.get('enabled').boolean(false)]),
  );
  const api = spec.get('api');
  const apiAccess = { allowed: readRules(api.get('allowed')), denied: readRules(api.get('denied')) };
  const httpPipeline = readPipeline(spec.get('httpPipeline'));
  const appHttpPipeline = readPipeline(spec.get('appHttpPipeline'));
  const secretScopes = spec.get('secrets').get('scopes').list().map(readSecretScope);
  for (const key of spec.unknownKeys()) log.warn(`${file}: ${key} is not supported and is ignored`);
  const others = { secretScopes, features, apiAccess, httpPipeline, appHttpPipeline };
  if (!rate.present) return { samplingRate: undefined, ...others };
  const samplingRate = Number(rate.string());
  if (!(samplingRate >= 0 && samplingRate <= 1)) return rate.fail('a number from 0 to 1');
  return { samplingRate, ...others };
}

/** As Go's `os.ExpandEnv`, which daprd uses. A shell's special variables, such as `$1` and `$?`, are empty. */
const expandVariables = (text: string, env: Environment): string =>
  text.replace(
    /\$(?:\{([^}]*)\}|([A-Za-z_]\w*)|[\d*#$@!?-])/g,
    (_, braced?: string, plain?: string) => env[braced ?? plain ?? ''] ?? '',
  );

/** Returns the rules for HTTP, such as `v1.0/state`. */
const readRules = (field: Field): string[] =>
  field
    .list()
    .filter((rule) => rule.get('protocol').value === 'http')
    .map((rule) => `${rule.get('version').string('')}/${rule.get('name').string('')}`);

const readPipeline = (field: Field): Handler[] =>
  field
    .get('handlers')
    .list()
    .map((handler) => ({ name: handler.get('name').nonEmpty(), type: handler.get('type').nonEmpty() }));

const readSecretScope = (scope: Field): SecretScope => ({
  storeName: scope.get('storeName').nonEmpty(),
  defaultAccess: scope.get('defaultAccess').string(''),
  allowedSecrets: scope.get('allowedSecrets').strings(),
  deniedSecrets: scope.get('deniedSecrets').strings(),
});
