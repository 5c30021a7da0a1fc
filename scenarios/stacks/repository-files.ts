import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root';

const lines = ['.git', ...readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')].map((line) =>
  line.replace(/\/$/, ''),
);
/** Names of folders and files, and endings (`*.log`). */
const IGNORED = lines.filter((line) => !line.startsWith('!'));
/** Paths that are kept although their name is ignored. */
const KEPT = lines.flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));

/**
 * Returns the paths of this repository's files, relative to its root: all files that .gitignore does not exclude. Git is
 * not asked, because the container of docker-compose-setup.yml has no git.
 */
export function repositoryFiles(folder = '.'): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const { name } = entry;
    const path = join(folder, name);
    const isIgnored = IGNORED.some((line) => (line.startsWith('*') ? name.endsWith(line.slice(1)) : name === line));
    if (isIgnored && !KEPT.includes(path)) return [];
    return entry.isDirectory() ? repositoryFiles(path) : [path];
  });
}
