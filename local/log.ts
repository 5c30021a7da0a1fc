/** Where a sidecar says what happens. One line a call. */
export interface Log {
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

export const silent: Log = { info() {}, warn() {}, error() {} };
