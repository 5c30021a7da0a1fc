import type { LogLine, Stack } from './stack';

/** Returns the access log lines of an event. */
export const accessLogLines = (stack: Stack, eventId: string): LogLine[] =>
  stack.log.filter((line) => line.eventId === eventId && line.method !== undefined);

/** Returns the services that have logged a notification for an event, sorted, with one entry per notification. */
export const servicesThatNotified = (stack: Stack, eventId: string): string[] =>
  stack.log
    .filter((line) => line.eventId === eventId && line.msg.startsWith('notified '))
    .map(({ service }) => service)
    .sort();
