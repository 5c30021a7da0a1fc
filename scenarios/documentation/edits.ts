import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Block } from './markdown';

/** The changes of a recipe to one file. */
export interface Edit {
  file: string;
  /** Lines that begin with ' ', '-', '+' or '@@'. */
  lines: string[];
}

/** Returns the edits of a diff block. A line such as `--- a.yaml and b.yaml` begins the edits of those files. */
export function editsOf({ text }: Block): Edit[] {
  const edits: Edit[] = [];
  let current: Edit[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const [, files] = /^--- (.*)$/.exec(line) ?? [];
    if (files) {
      current = files.split(' and ').map((file) => ({ file, lines: [] }));
      edits.push(...current);
    } else {
      for (const edit of current) edit.lines.push(line);
    }
  }
  return edits;
}

/**
 * Applies an edit to a file below a folder. Each ' ' and '-' line must be in the file, after the line before it. Added
 * lines go behind the line before them; at the start of the edit, and after '@@', they go before the line that follows.
 *
 * @throws {Error} that names the line that is not in the file
 */
export function applyEdit(folder: string, { file, lines }: Edit): void {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8').split('\n');
  let at = 0;
  let pending: string[] = [];
  let atStart = true;
  for (const line of lines) {
    const [kind, content] = [line[0], line.slice(1)];
    if (line.startsWith('@@')) {
      atStart = true;
      continue;
    }
    if (kind === '+') {
      if (atStart) pending.push(content);
      else text.splice(at++, 0, content);
      continue;
    }
    const found = text.indexOf(content, at);
    if (found === -1) throw new Error(`${file} has no line ${JSON.stringify(content)} after line ${at}`);
    at = found;
    text.splice(at, 0, ...pending);
    at += pending.length;
    pending = [];
    if (kind === '-') text.splice(at, 1);
    else at += 1;
    atStart = false;
  }
  if (pending.length > 0) throw new Error(`${file}: the edit does not say where its lines go`);
  writeFileSync(path, text.join('\n'));
}

/** Writes a block whose first line is a comment with its path, such as `// audit-service/main.ts`. */
export function writeFileOf(folder: string, { text }: Block): void {
  const [, path] = /^(?:\/\/|#) (\S+)\n/.exec(text) ?? [];
  if (path === undefined) throw new Error(`the block does not begin with its path: ${text.slice(0, 60)}`);
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
