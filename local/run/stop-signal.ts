import { parentEnd } from './parent-end';

/** A second SIGINT within this time is the same Ctrl-C, because both the terminal and npm send it. */
const SAME_CTRL_C_MS = 1_000;
/** Another second signal within this time is the same stop, because npm forwards a signal to its process group. */
const SAME_STOP_MS = 200;

/** Resolves at the first stop signal, or when npm ends. A second signal kills the apps and exits with 1. */
export function waitForStopSignal(kill: () => void): Promise<void> {
  return new Promise((resolve) => {
    let first: { at: number; signal: NodeJS.Signals } | undefined;
    const stop = (signal: NodeJS.Signals) => {
      const isCtrlC = signal === 'SIGINT' && first?.signal === 'SIGINT';
      if (first && Date.now() - first.at > (isCtrlC ? SAME_CTRL_C_MS : SAME_STOP_MS)) {
        kill();
        process.exit(1);
      }
      first ??= { at: Date.now(), signal };
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
    // The reader of our output has exited, as in `npm start | head`. This error comes again with each line that we
    // print, so it does not count as a second signal.
    for (const output of [process.stdout, process.stderr]) output.on('error', () => resolve());
    // The environment of a run without npm has no such variable, and that run may survive its parent.
    if (process.env.npm_lifecycle_event !== undefined) void parentEnd().then(resolve);
  });
}
