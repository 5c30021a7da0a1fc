const POLL_MS = 200;

/**
 * Resolves when the parent of this process has ended. There is no event for that: a killed parent sends no signal, and
 * npm does not forward SIGHUP. The system gives an orphan another parent, so its `process.ppid` changes.
 *
 * The wait does not keep this process running. On Windows, the promise never resolves, because `process.ppid` does not
 * change there.
 */
export function parentEnd(): Promise<void> {
  const parent = process.ppid;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve();
    }, POLL_MS);
    timer.unref();
  });
}
