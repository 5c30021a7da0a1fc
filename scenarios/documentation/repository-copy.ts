import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryFiles } from '../stacks/repository-files';
import { ROOT } from '../stacks/root';
import { applyEdit, editsOf, writeFileOf } from './edits';
import { type Block, blocks, readPage } from './markdown';

/** A copy of this repository in a new folder, as a clone would be, with the packages of this one. */
export class RepositoryCopy {
  readonly root = mkdtempSync(join(tmpdir(), 'clone-'));

  constructor() {
    for (const file of repositoryFiles()) {
      mkdirSync(dirname(join(this.root, file)), { recursive: true });
      cpSync(join(ROOT, file), join(this.root, file));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.root, 'node_modules'));
  }

  /** Makes the changes of a recipe. @param skip edits of these files are left out */
  apply(recipe: readonly Block[], skip: readonly string[] = []): void {
    for (const block of recipe) {
      if (block.language === 'diff') {
        for (const edit of editsOf(block)) if (!skip.includes(edit.file)) applyEdit(this.root, edit);
      } else if (block.language === 'ts' || block.language === 'yaml') {
        writeFileOf(this.root, block);
      }
    }
  }

  build(): void {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--build', 'tsconfig.build.json'], {
      cwd: this.root,
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Returns the blocks of a recipe: of the bold title of a page, or of its heading, up to the next one. */
export function recipe(page: string, title: string): Block[] {
  const [, text = ''] = readPage(page).split(title);
  const found = blocks(text.split(/^(?:\*\*[A-Z]|## )/m)[0] ?? '');
  if (found.length === 0) throw new Error(`${page} has no recipe ${title}`);
  return found;
}
