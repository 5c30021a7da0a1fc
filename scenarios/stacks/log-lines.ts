import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { LogLine } from './stack';

/** Appends each line of a stream to `log` if a service has logged it, and otherwise to `output`. */
export function readLogLines(stream: Readable | null, log: LogLine[], output: string[]): void {
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
