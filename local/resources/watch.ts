import { watch } from 'node:fs';
import type { Log } from '../log';

/** An editor saves in several steps. */
const QUIET_MS = 100;

/** Calls `onChange` once whenever files in these folders have changed and are quiet again. @returns what ends that */
export function watchFolders(folders: readonly string[], onChange: () => void, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watchers = folders.map((folder) =>
    watch(folder, { persistent: false }, () => {
      clearTimeout(timer);
      timer = setTimeout(onChange, QUIET_MS);
    }).on('error', (error) => log.warn(`${folder} is no longer watched: ${error.message}`)),
  );
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
