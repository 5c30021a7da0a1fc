import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const FOLDER = resolve(__dirname, '..');

/** A packed package, in a folder of its own. */
export interface PackedPackage {
  /** The path of the tarball. */
  tarball: string;
  /** Removes the folder. */
  remove: () => void;
}

/** Packs `local/` as for a registry. */
export function packPackage(): PackedPackage {
  const folder = mkdtempSync(join(tmpdir(), 'package-'));
  npm(['pack', FOLDER, '--pack-destination', folder], folder, folder);
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  return { tarball: join(folder, tarball), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The environment of npm without the settings of the npm that runs the tests, with a cache of its own and no network. */
export function npmEnvironment(cache: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  return {
    ...Object.fromEntries(own),
    npm_config_cache: join(cache, 'npm-cache'),
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  };
}

/** Runs npm and returns its output. @throws {Error} when it fails */
export const npm = (args: readonly string[], folder: string, cache: string): string =>
  execFileSync('npm', args, {
    cwd: folder,
    env: npmEnvironment(cache),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
