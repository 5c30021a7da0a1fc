/** The reason why a run cannot continue, in one line. */
export class RunError extends Error {}
