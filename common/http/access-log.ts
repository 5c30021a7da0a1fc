import type { RequestHandler, Response } from 'express';
import { type Logger, printable } from '../logger';
import { parseTrace, startTrace, type Trace } from './trace-context';

/** The fields of a request's access log line that handlers fill in. */
export interface RequestLog {
  /** When it stays undefined, the line gets a new trace. */
  trace: Trace | undefined;
  eventId?: string;
  /** When undefined, the line has the status of the answer. */
  status?: number;
  /** One entry, and one line, for each event of a batch. */
  entries?: RequestLog[];
}

/** The log has this many characters of a path. */
const MAX_PATH = 200;

/** Returns the log fields of the request that `res` answers. */
export const requestLog = (res: Response): RequestLog => res.locals.log as RequestLog;

/**
 * Writes one line per request, when the answer is sent or the connection is closed. The event id and the trace id find
 * one follow in the logs of three services. Health probes arrive every few seconds, so they are logged at debug level.
 */
export function accessLog(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now();
    const log: RequestLog = { trace: parseTrace(req.headers.traceparent, req.headers.tracestate) };
    res.locals.log = log;
    res.once('close', () => {
      const ms = Math.round((performance.now() - startedAt) * 10) / 10;
      const { method } = req;
      const path = printable(req.originalUrl.split('?')[0] ?? '', MAX_PATH);
      const level = path === '/livez' || path === '/readyz' ? 'debug' : 'info';
      for (const { eventId, trace, status: entryStatus } of log.entries ?? [log]) {
        const status = res.writableFinished ? (entryStatus ?? res.statusCode) : 499; // nginx's status for a client that closed the connection
        const { traceId } = trace ?? startTrace();
        logger[level]({ method, path, status, ms, eventId, traceId }, `${method} ${path} ${status} ${ms} ms`);
      }
    });
    next();
  };
}
