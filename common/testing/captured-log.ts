import { createLogger, type Logger } from '../logger';

export interface CapturedLog {
  logger: Logger;
  /** What has been logged, oldest first. */
  lines: Record<string, unknown>[];
}

/** A logger whose lines a test can look at. */
export function captureLog(service = 'test'): CapturedLog {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { logger: createLogger(service, { logLevel: 'debug', logFormat: 'json' }, { write }), lines };
}
