import { createLogger, type Logger } from '../logger';

export interface CapturedLog {
  logger: Logger;
  /** The logged lines, oldest first. */
  lines: Record<string, unknown>[];
}

/** Returns a logger, and the lines that it has logged. */
export function captureLog(service = 'test'): CapturedLog {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { logger: createLogger(service, { logLevel: 'debug', logFormat: 'json' }, { write }), lines };
}
