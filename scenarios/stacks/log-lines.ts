import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { LogLine } from './stack';

/** Sorts what a stack prints, line by line: what a service has logged, and everything else. */
export function readLines(stream: Readable | null, log: LogLine[], output: string[]): void {
  if (!stream) return;
  createInterface({ input: stream }).on('line', (line) => {
    const parsed = parse(line);
    if (parsed) log.push(parsed);
    else output.push(line);
  });
}

function parse(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'service' in value ? (value as LogLine) : undefined;
  } catch {
    return undefined;
  }
}
