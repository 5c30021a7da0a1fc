import type { RequestHandler, Response } from 'express';
import type { Logger } from '../logger';
import { parseTrace, startTrace, type Trace } from './trace-context';

/** What a request is about, for its access log line. Handlers fill in what they learn. */
export interface RequestLog {
  /** Undefined until one is known; then the line has a trace of its own. */
  trace: Trace | undefined;
  eventId?: string;
  /** In place of the answer's. */
  status?: number;
  /** The events of a batch, each of which has a line of its own. */
  entries?: RequestLog[];
}

/** The log entry of the request that `res` answers. */
export const requestLog = (res: Response): RequestLog => res.locals.log as RequestLog;

/**
 * One line per request, written when the answer is out or the connection is gone. One follow can be found in the logs
 * of three services by its event id or its trace id. Health probes are logged at debug level: they come every few seconds.
 */
export function accessLog(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now();
    const log: RequestLog = { trace: parseTrace(req.headers.traceparent, req.headers.tracestate) };
    res.locals.log = log;
    res.once('close', () => {
      const ms = Math.round((performance.now() - startedAt) * 10) / 10;
      const { method } = req;
      const path = printable(req.originalUrl.split('?')[0] ?? '');
      const level = path === '/livez' || path === '/readyz' ? 'debug' : 'info';
      for (const { eventId, trace, status: own } of log.entries ?? [log]) {
        const status = res.writableFinished ? (own ?? res.statusCode) : 499; // nginx's code for a client that left without its answer
        const { traceId } = trace ?? startTrace();
        logger[level]({ method, path, status, ms, eventId, traceId }, `${method} ${path} ${status} ${ms} ms`);
      }
    });
    next();
  };
}

/** A path may hold any byte. A terminal that shows the log must not see control characters. */
const printable = (text: string) => text.replace(/[^\x21-\x7e]/g, encodeURIComponent).slice(0, 200);
