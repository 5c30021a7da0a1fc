/** Returns whether daprd takes a text as true: y, yes, true, t, on or 1, in any case. */
export const isTruthy = (text: string): boolean => /^(y|yes|true|t|on|1)$/i.test(text.trim());
