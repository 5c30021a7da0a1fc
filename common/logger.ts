import { type DestinationStream, type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Config } from './config';
import { terminalOf } from './terminal';

export type { Logger };

/** Where the lines go. `flush` calls back when they are written. */
type Destination = DestinationStream & { flush?: (done?: (error?: Error) => void) => void };

/**
 * Returns the log of one service: JSON lines, or readable lines on a terminal.
 */
export function createLogger(
  service: string,
  { logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  destination: Destination = standardOutput(),
  { isTerminal, hasColors } = terminalOf(process.env, process.stdout.isTTY),
): Logger {
  const options = {
    level: logLevel,
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if ((logFormat ?? (isTerminal ? 'pretty' : 'json')) === 'json') return pino(options, destination);
  const format = prettyFactory({
    colorize: hasColors,
    include: 'level,time,err', // the message contains the other fields
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: (log, messageKey) => {
      const { eventId, traceId } = log;
      const ids = `${eventId ? ` event=${eventId}` : ''}${traceId ? ` trace=${traceId}` : ''}`;
      return printable(`${log.service}: ${log[messageKey]}${ids}`);
    },
  });
  const pretty: Destination = {
    write: (line) => destination.write(format(line)),
    flush: (done) => (destination.flush ? destination.flush(done) : done?.()),
  };
  return pino(options, pretty);
}

/**
 * Writes asynchronously: lines that arrive during a write share the next one, so a busy service does not wait for each
 * line. At the end of the process, unless it is killed, pino writes the rest. `flush` waits until everything is written; with
 * pino's default length of 0 it would not.
 */
const standardOutput = (): Destination => pino.destination({ dest: 1, sync: false, minLength: 1 });

/**
 * Returns text of other programs or people on one line that is safe to print. Control characters, which a terminal would
 * execute, and invisible characters, which hide or reorder text, are written as their codes: `\x1b`, `\u{202e}`.
 */
export const printable = (text: string, maxLength = Number.POSITIVE_INFINITY): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped).slice(0, maxLength);

function escaped(char: string): string {
  const code = (char.codePointAt(0) ?? 0).toString(16);
  return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, '0')}`;
}
