import { type DestinationStream, type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Config } from './config';

export type { Logger };

/**
 * The log of one service: JSON lines, or readable lines on a terminal. `FORCE_COLOR` says that the output ends on a
 * terminal although a launcher stands between (`npm start`), as it does for other command-line programs.
 */
export function createLogger(
  service: string,
  { logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  destination: DestinationStream = standardOutput(),
): Logger {
  const options = {
    level: logLevel,
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const onTerminal = process.stdout.isTTY || Boolean(process.env.FORCE_COLOR);
  if ((logFormat ?? (onTerminal ? 'pretty' : 'json')) === 'json') return pino(options, destination);
  const format = prettyFactory({
    colorize: onTerminal,
    include: 'level,time,err', // the rest of the fields stands in the message
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: (log, messageKey) => {
      const { eventId, traceId } = log;
      const ids = `${eventId ? ` event=${eventId}` : ''}${traceId ? ` trace=${traceId}` : ''}`;
      return printable(`${log.service}: ${log[messageKey]}${ids}`);
    },
  });
  return pino(options, { write: (line) => destination.write(format(line)) });
}

/**
 * Lines that come while one is being written go out together after it, so that a busy service does not wait for each.
 * Whatever ends the process, short of a kill, writes the rest: pino sees to that.
 */
const standardOutput = (): DestinationStream => pino.destination({ dest: 1, sync: false });

/** Messages quote what other programs said. A terminal must not take any of it for a command. */
const printable = (text: string) =>
  text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
