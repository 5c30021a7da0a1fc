import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config';

export type { Logger };

/**
 * The log of one service: JSON lines, or readable lines on a terminal. `FORCE_COLOR` says that the output ends on a
 * terminal although a launcher stands between (`npm start`), as it does for other command-line programs.
 */
export function createLogger(
  service: string,
  { logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  destination: DestinationStream = process.stdout,
): Logger {
  const options = {
    level: logLevel,
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const onTerminal = process.stdout.isTTY || Boolean(process.env.FORCE_COLOR);
  if ((logFormat ?? (onTerminal ? 'pretty' : 'json')) === 'json') return pino(options, destination);
  const readable = pretty({
    destination,
    colorize: onTerminal,
    hideObject: true,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: (log, messageKey) => {
      const { eventId, traceId } = log;
      const ids = `${eventId ? ` event=${eventId}` : ''}${traceId ? ` trace=${traceId}` : ''}`;
      return `${log.service}: ${log[messageKey]}${ids}`;
    },
  });
  return pino(options, readable);
}
