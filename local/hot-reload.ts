import type { Log } from './log';
import type { Component } from './resources/component';
import type { Resources } from './resources/load';
import { watchFolders } from './resources/watch-folders';

export interface HotReloadOptions {
  folders: readonly string[];
  /** The resources that the sidecar has loaded at its start. */
  loaded: Resources;
  /** Returns the resources as the files have them now. @throws {ResourceError} for an invalid file */
  load: () => Resources;
  /** Closes a component. */
  remove: (component: Component) => Promise<void>;
  /** @throws {ResourceError} for a component that cannot be created */
  add: (component: Component) => Promise<void>;
  /** Replaces the Resiliency and Subscription documents, and adds or ends subscriptions. */
  apply: (resources: Resources) => Promise<void>;
  /** Called after a component could not be created. daprd exits then. */
  onFailure: (error: Error) => void;
  log: Log;
}

/**
 * Reads the resource files again when they change, as daprd does unless its feature HotReload is off. A changed
 * component is closed and created again. A file that cannot be read leaves everything as it is. Returns a function that
 * ends the watch.
 */
export function hotReload(options: HotReloadOptions): () => void {
  const { folders, log } = options;
  let { loaded } = options;
  let isStopped = false;
  /** Each reload starts after this one is finished. */
  let last: Promise<void> = Promise.resolve();

  async function reload(): Promise<void> {
    if (isStopped) return;
    let now: Resources;
    try {
      now = options.load();
    } catch (error) {
      return log.error(`the changed resources are ignored: ${(error as Error).message}`);
    }
    const isIn = (list: readonly Component[]) => (component: Component) =>
      list.some((other) => isSame(component, other));
    const gone = loaded.components.filter((component) => !isIn(now.components)(component));
    const added = now.components.filter((component) => !isIn(loaded.components)(component));
    loaded = now;
    // The old components are closed first, because a new one may have the same name.
    for (const component of gone) {
      log.info(`component ${component.name} is closed, because its file has changed`);
      await options.remove(component);
    }
    for (const component of added) {
      await options.add(component);
      log.info(`component ${component.name} is loaded`);
    }
    await options.apply(now);
  }

  const unwatch = watchFolders(
    folders,
    () => {
      last = last.then(reload).catch((error: Error) => {
        isStopped = true;
        options.onFailure(error);
      });
    },
    log,
  );
  return () => {
    isStopped = true;
    unwatch();
  };
}

/** Returns whether two components are equal. They may be in different files. */
const isSame = (a: Component, b: Component): boolean => JSON.stringify(essence(a)) === JSON.stringify(essence(b));

const essence = ({ file: _, metadata, ...rest }: Component) => ({ ...rest, metadata: [...metadata].sort() });
