import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { LogLevel } from './config';
import { createLogger } from './logger';

function logged(logFormat: 'json' | 'pretty' | undefined, logLevel: LogLevel = 'info'): string {
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  const logger = createLogger('api-facade', { logLevel, logFormat }, { write });
  logger.debug('not this');
  logger.info({ eventId: 'e1', traceId: 't1', status: 202 }, 'POST /followers 202 3 ms');
  return output;
}

test('When the format is JSON, then a line has the level, the time, the service, the fields and the message', () => {
  expect(JSON.parse(logged('json'))).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    service: 'api-facade',
    eventId: 'e1',
    traceId: 't1',
    status: 202,
    msg: 'POST /followers 202 3 ms',
  });
});

test('When the format is pretty, then one line has the service, the message and both ids', () => {
  expect(logged('pretty')).toMatch(
    /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: api-facade: POST \/followers 202 3 ms event=e1 trace=t1\n$/,
  );
});

test('When no format is set and the output is not a terminal, then the format is JSON', () => {
  expect(() => JSON.parse(logged(undefined))).not.toThrow();
});

test('When the output is a terminal, then the line has colours, unless the user wants none', () => {
  const line = (hasColors: boolean) => {
    let output = '';
    const write = (text: string) => {
      output += text;
    };
    const terminal = { isTerminal: true, hasColors };
    createLogger('s', { logLevel: 'info', logFormat: undefined }, { write }, terminal).info('hello');
    return output;
  };
  expect(line(true)).toContain('\u001b[32mINFO\u001b[39m: \u001b[36ms: hello');
  expect(line(false)).toMatch(/INFO: s: hello\n$/);
});

test('When a message has control characters, then the line has them escaped', () => {
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  const logger = createLogger('s', { logLevel: 'info', logFormat: 'pretty' }, { write });
  logger.info('a\u001b[31mb\r\nc\u009bd\u202ee\u2028f');
  expect(output).toMatch(/s: a\\x1b\[31mb\\x0d\\x0ac\\x9bd\\u\{202e\}e\\u\{2028\}f\n$/);
});

test('When an error is logged, then the line is followed by its message and its stack', () => {
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  createLogger('s', { logLevel: 'info', logFormat: 'pretty' }, { write }).error({ err: new Error('boom') }, 'failed');
  expect(output).toMatch(/ERROR: s: failed\n {4}err: \{[\s\S]*"message": "boom"[\s\S]*logger\.test\.ts/);
});

test('When the process exits right after it has logged many lines, then all of them are written', () => {
  const program = `
    const logger = require(process.argv[1]).createLogger('s', { logLevel: 'info', logFormat: 'json' });
    for (let i = 0; i < 2_000; i += 1) logger.info('line ' + i);
    process.exit();`;
  const compiled = resolve(__dirname, '../dist/common/logger.js');
  const output = execFileSync(process.execPath, ['-e', program, compiled], { encoding: 'utf8' });
  expect(output.trim().split('\n')).toHaveLength(2_000);
});

test.each(['json', 'pretty'])(
  'When the process exits after a flush, then a %s line that was being written is there, in order',
  (format) => {
    // All threads that write files are busy for a while.
    const program = `
    const logger = require(process.argv[1]).createLogger('s', { logLevel: 'info', logFormat: process.argv[2] });
    for (let i = 0; i < 4; i += 1) require('node:crypto').pbkdf2('x', 'y', 300_000, 64, 'sha512', () => {});
    logger.info('first');
    logger.info('second');
    logger.flush(() => process.exit());`;
    const compiled = resolve(__dirname, '../dist/common/logger.js');
    const output = execFileSync(process.execPath, ['-e', program, compiled, format], { encoding: 'utf8' });
    expect(output).toMatch(/^.*first.*\n.*second.*\n$/);
  },
);
