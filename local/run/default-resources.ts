import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where `dapr run` looks for the resources and the configuration of an app that names none. */
export interface DefaultResources {
  /** The folder; undefined if it does not exist. */
  resourcesPath: string | undefined;
  /** The file; undefined if it does not exist. */
  configFile: string | undefined;
}

/**
 * Returns what `dapr init` has created: `components` and `config.yaml` in the folder `.dapr` of the home folder.
 *
 * @param runtimePath the folder that has `.dapr`; empty: the variable `DAPR_RUNTIME_PATH`, or the home folder
 */
export function installedResources(runtimePath = ''): DefaultResources {
  const base = join(runtimePath || process.env.DAPR_RUNTIME_PATH || homedir(), '.dapr');
  return { resourcesPath: folder(join(base, 'components')), configFile: file(join(base, 'config.yaml')) };
}

/** Returns `.dapr/resources` and `.dapr/config.yaml` in the folder of an app of a run file. */
export const resourcesBeside = (directory: string): DefaultResources => ({
  resourcesPath: folder(join(directory, '.dapr', 'resources')),
  configFile: file(join(directory, '.dapr', 'config.yaml')),
});

const folder = (path: string) => (existsSync(path) && statSync(path).isDirectory() ? path : undefined);
const file = (path: string) => (existsSync(path) && statSync(path).isFile() ? path : undefined);
