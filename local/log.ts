/** The log of a sidecar. Each call writes one line. */
export interface Log {
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

export const silent: Log = { info() {}, warn() {}, error() {} };
