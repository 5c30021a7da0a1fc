import { watch } from 'node:fs';
import type { Log } from '../log';

/** The wait for further changes, because an editor saves a file in several steps. */
const QUIET_MS = 100;

/** Calls `onChange` after files in these folders have changed. Returns a function that stops the watch. */
export function watchFolders(folders: readonly string[], onChange: () => void, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watchers = folders.map((folder) =>
    watch(folder, { persistent: false }, () => {
      clearTimeout(timer);
      timer = setTimeout(onChange, QUIET_MS);
    }).on('error', (error) => log.warn(`the folder ${folder} is no longer watched: ${error.message}`)),
  );
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
