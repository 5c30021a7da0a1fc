import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { parse, stringify } from 'yaml';
import { ROOT } from './root';

/**
 * Returns the path of a new Compose file that overrides docker-compose.yml: the image takes dapr and daprd from this
 * folder.
 */
export function writeOverride(folder: string, root: string, daprContext: string): string {
  const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true });
  const built = Object.keys(services).filter((name) => services[name].build !== undefined);
  const build = { additional_contexts: { dapr: daprContext } };
  const path = join(folder, 'override.yml');
  writeFileSync(path, stringify({ services: Object.fromEntries(built.map((name) => [name, { build }])) }));
  return path;
}

/**
 * Returns the folder with the programs dapr and daprd for the image; undefined to build the image with Dapr's releases,
 * as users do. The environment variable `DAPR_CONTEXT` is either `release` or such a folder. Without it, a bundle of
 * local/ in `folder` replaces both programs.
 *
 * @throws {Error} when DAPR_CONTEXT names a folder without daprd
 */
export function daprContext(folder: string): string | undefined {
  const context = process.env.DAPR_CONTEXT;
  if (context === 'release') return undefined;
  if (context === undefined) {
    bundleLocal(folder);
    return folder;
  }
  if (existsSync(join(context, 'daprd'))) return context;
  throw new Error(`DAPR_CONTEXT is ${context}; allowed: release, or a folder with the files dapr and daprd`);
}

/** Writes local/ as one file `dapr`. Its process title is daprd, because it is the sidecar, too. */
function bundleLocal(folder: string): void {
  const entryPoints = [join(ROOT, 'dist/local/main.js')];
  const { outputFiles } = buildSync({ entryPoints, bundle: true, platform: 'node', target: 'node20', write: false });
  const [, program = ''] = (outputFiles[0]?.text ?? '').split(/^#!.*\n/);
  // As container/daprd.sh does.
  const password =
    '{ const file = process.env.REDIS_PASSWORD_FILE; if (file) process.env.REDIS_PASSWORD = require("node:fs").readFileSync(file, "utf8"); }';
  // At a stop, local/ waits for retried deliveries as long as daprd does with container/daprd.sh.
  const flag = "process.argv.splice(3, 0, '--dapr-graceful-shutdown-seconds', '50');";
  writeFileSync(join(folder, 'dapr'), `#!/usr/bin/env -S node --title=daprd\n${flag}\n${password}\n${program}`);
  writeFileSync(join(folder, 'daprd'), '#!/bin/sh\nexit 1\n');
  for (const name of ['dapr', 'daprd']) chmodSync(join(folder, name), 0o755);
}
