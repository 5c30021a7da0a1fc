import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDaprd } from '../../local/testing/daprd';
import { freePort } from '../../local/testing/free-port';
import { ROOT } from './root';

/** The ports of an app and its sidecar. */
export interface Ports {
  appPort: number;
  daprPort: number;
  metricsPort: number;
}

export const freePorts = async (): Promise<Ports> => ({
  appPort: await freePort(),
  daprPort: await freePort(),
  metricsPort: await freePort(),
});

/** Creates a temporary folder for a stack that runs without containers. Returns its path. */
export const stackFolder = (): string => mkdtempSync(join(tmpdir(), 'stack-'));

/** Copies components/ into a stack's folder, with the port of the stack's Redis. Returns the path of the copy. */
export function copyComponents(folder: string, redisPort: number, processingTimeoutMs = 120_000): string {
  const components = join(folder, 'components');
  cpSync(join(ROOT, 'components'), components, { recursive: true });
  for (const file of yamlFiles(components)) {
    const text = readFileSync(file, 'utf8').replaceAll('envRef: REDIS_HOST', `value: 127.0.0.1:${redisPort}`);
    writeFileSync(file, text.replace('"120000"', `"${processingTimeoutMs}"`));
  }
  return components;
}

const yamlFiles = (folder: string): string[] =>
  readdirSync(folder)
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? yamlFiles(path) : [path]));

export interface DaprRun {
  appId: string;
  ports: Ports;
  /** The path of the copy of components/ that the sidecar reads. */
  components: string;
  /** The command of the app, with its arguments. */
  program: readonly string[];
}

/** Returns the arguments of `dapr` that run an app beside its sidecar, the same as in container/entrypoint.sh. */
export function daprRunArguments({ appId, ports, components, program }: DaprRun): string[] {
  const { appPort, daprPort, metricsPort } = ports;
  const broker = join(components, appId.endsWith('-replay') ? 'redis-replay' : 'redis');
  const numbers = { '--app-port': appPort, '--dapr-http-port': daprPort, '--metrics-port': metricsPort };
  const flags = Object.entries(numbers).flatMap(([flag, port]) => [flag, String(port)]);
  const off = ['--placement-host-address', '', '--scheduler-host-address', ''];
  const resources = ['--resources-path', join(components, 'common'), '--resources-path', broker];
  const files = ['--config', join(components, 'config.yaml'), ...resources, '--dapr-listen-addresses', '127.0.0.1'];
  return ['run', '--app-id', appId, ...flags, ...files, ...off, '--', ...program];
}

/** Returns the environment in which `dapr run` starts daprd through container/daprd.sh, as in the image. */
export function daprdOfContainer(folder: string): Record<string, string> {
  const bin = join(folder, 'runtime', '.dapr', 'bin');
  if (!existsSync(bin)) {
    mkdirSync(bin, { recursive: true });
    copyFileSync(join(ROOT, 'container/daprd.sh'), join(bin, 'daprd'));
  }
  return { DAPR_RUNTIME_PATH: join(folder, 'runtime'), DAPRD: findDaprd()?.path ?? '' };
}
