/** A command line that cannot be used. The message says which argument is wrong and what is allowed. */
export class UsageError extends Error {}
