/** The environment of the process, or a replacement for it. */
export type Environment = Readonly<Record<string, string | undefined>>;
