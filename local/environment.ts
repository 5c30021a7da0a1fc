/** The process environment, or what a caller puts in its place. */
export type Environment = Readonly<Record<string, string | undefined>>;
