import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root';

/** Names of folders and files, and endings (`*.log`). */
const IGNORED = ['.git', ...readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')].map((line) =>
  line.replace(/\/$/, ''),
);

/**
 * Returns the paths of this repository's files, relative to its root: all files that .gitignore does not exclude. Git is
 * not asked, because the container of docker-compose-setup.yml has no git.
 */
export function repositoryFiles(folder = '.'): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const { name } = entry;
    if (IGNORED.some((line) => (line.startsWith('*') ? name.endsWith(line.slice(1)) : name === line))) return [];
    const path = join(folder, name);
    return entry.isDirectory() ? repositoryFiles(path) : [path];
  });
}
