import { expect, test } from 'vitest';
import { isHost, isInternal, isLoopback } from './host';

test.each([
  'localhost',
  'ntfy',
  'mail_server',
  'push.example.com',
  'jaeger.',
  'a-b.c',
  'x1',
  '3com.example',
  '127.0.0.1',
  '[::1]',
])('When a host is %j, then it is valid', (host) => {
  expect(isHost(host)).toBe(true);
});

test.each([
  '',
  '.',
  'a..b',
  '-a',
  'a-',
  'a b',
  'ho%20st',
  '8090',
  '256.1.1.1',
  '1.2.3',
  'a.1',
  '::1',
  '[::1',
  '[x]',
  'münchen.example',
  `${'a'.repeat(64)}.example`,
  'a.'.repeat(127),
])('When a host is %j, then it is not valid', (host) => {
  expect(isHost(host)).toBe(false);
});

const url = (host: string) => new URL(`http://${host}`);

test.each([
  'ntfy',
  'ntfy.',
  'localhost',
  '127.0.0.1',
  '127.8.9.1',
  '10.0.0.5',
  '172.18.0.3',
  '192.168.1.1',
  '169.254.1.1',
  '0.0.0.0',
  '[::1]',
  '[fd00::1]',
  '[fe80::1]',
  'host.docker.internal',
  'ntfy.default.svc',
  'ntfy.default.svc.cluster.local',
  'printer.local',
])('When a host is %s, then it is on this network', (host) => {
  expect(isInternal(url(host))).toBe(true);
});

test.each([
  'ntfy.sh',
  'push.example.com',
  '8.8.8.8',
  '172.32.0.1',
  '11.0.0.1',
  '[2001:db8::1]',
  '[fc::1]',
  'local.example',
  'svc.example.com',
  '10.example.com',
])('When a host is %s, then it is on another network', (host) => {
  expect(isInternal(url(host))).toBe(false);
});

test('When a host is a name or an address of this machine, then it is loopback', () => {
  for (const host of ['localhost', '127.0.0.1', '127.8.9.1', '[::1]']) expect(isLoopback(url(host))).toBe(true);
  for (const host of ['localhost.example', '128.0.0.1', '0.0.0.0', 'ntfy']) expect(isLoopback(url(host))).toBe(false);
  expect(isLoopback(new URL('smtp://LOCALHOST'))).toBe(true);
});
