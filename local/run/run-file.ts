import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { type Field, ResourceError } from '../resources/document';
import { readRunDocuments } from '../resources/yaml';
import { type AppSpec, sidecarOptions } from './app-spec';
import { installedResources, resourcesBeside } from './default-resources';

export interface RunFile {
  apps: AppSpec[];
  /** A command that the user can try when everything runs: the field `x-try`, which the dapr CLI ignores. */
  hint: string | undefined;
}

/**
 * Returns the apps of a multi-app run file.
 * https://docs.dapr.io/developing-applications/local-development/multi-app-dapr-run/multi-app-template/
 *
 * @param path the file, or a folder with a `dapr.yaml`
 * @param resourcesPaths folders that replace the resource folders of the file, unless the list is empty
 * @throws {ResourceError} for an unreadable file, an invalid field or a path that does not exist
 * @throws {UsageError} for an unsupported setting
 */
export function loadRunFile(path: string, resourcesPaths: readonly string[] = []): RunFile {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'dapr.yaml') : path;
  const [document] = readRunDocuments(file);
  if (!document?.get('version').present) throw new ResourceError(`${file}: version is missing; allowed: 1`);
  const apps = document.get('apps').list();
  if (apps.length === 0) document.get('apps').fail('a list with at least one app');
  const common = document.get('common');
  const specs = apps.map((app) => readApp(app, common, dirname(resolve(file)), resourcesPaths));
  const [twin] = specs.filter((a, i) => specs.some((b, j) => j < i && a.sidecar.appId === b.sidecar.appId));
  if (twin) throw new ResourceError(`${file}: two apps have the appID ${twin.sidecar.appId}`);
  return { apps: specs, hint: document.get('x-try').string('') || undefined };
}

function readApp(app: Field, common: Field, baseDir: string, overridden: readonly string[]): AppSpec {
  const directory = existing(app.get('appDirPath'), baseDir);
  // A setting of the common section applies if the app does not have it.
  const setting = (name: string) => (app.get(name).present ? app.get(name) : common.get(name));
  const text = (name: string) => setting(name).string('');
  const number = (name: string) => setting(name).integer(0);
  const beside = resourcesBeside(directory);
  const installed = installedResources(text('runtimePath'));
  const configFile = () => {
    const [own, shared] = [app.get('configFilePath'), common.get('configFilePath')];
    if (own.present) return existing(own, directory);
    return beside.configFile ?? (shared.present ? existing(shared, baseDir) : installed.configFile);
  };
  const resourceFolders = () => {
    const [own, shared] = [namedFolders(app, directory), namedFolders(common, baseDir)];
    if (own.length > 0) return own;
    if (beside.resourcesPath !== undefined) return [beside.resourcesPath];
    return shared.length > 0 ? shared : [installed.resourcesPath ?? []].flat();
  };
  const sidecar = sidecarOptions({
    appId: app.get('appID').string('') || basename(directory),
    appPort: number('appPort'),
    appProtocol: text('appProtocol') || undefined,
    appMaxConcurrency: number('appMaxConcurrency'),
    appChannelAddress: text('appChannelAddress') || undefined,
    daprHttpPort: number('daprHTTPPort'),
    listenAddresses: text('apiListenAddresses'),
    resourcesPaths: overridden.length > 0 ? overridden.map((folder) => resolve(folder)) : resourceFolders(),
    configFile: configFile(),
    maxBodySize: text('maxBodySize'),
    readBufferSize: text('readBufferSize'),
    enableAppHealthCheck: setting('enableAppHealthCheck').boolean(false),
    appHealthCheckPath: text('appHealthCheckPath'),
    appHealthProbeInterval: number('appHealthProbeInterval'),
    appHealthProbeTimeout: number('appHealthProbeTimeout'),
    appHealthThreshold: number('appHealthThreshold'),
  });
  const env = [...common.get('env').entries(), ...app.get('env').entries()];
  return {
    sidecar,
    command: app.get('command').strings(),
    directory,
    env: Object.fromEntries(env.map(([name, value]) => [name, value.string()])),
    grpcPort: number('daprGRPCPort') || undefined,
    stopsLast: app.get('x-stops-last').boolean(false),
  };
}

/** Returns the folders that a section names. */
const namedFolders = (section: Field, base: string): string[] =>
  [...section.get('resourcesPaths').list(), section.get('resourcesPath')]
    .filter(({ present }) => present)
    .map((field) => existing(field, base));

function existing(field: Field, base: string): string {
  const path = resolve(base, field.nonEmpty().replace(/^~(?=$|\/)/, homedir()));
  return existsSync(path) ? path : field.fail(`a path that exists; ${path} does not exist`);
}
