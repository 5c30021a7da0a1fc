import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSidecar } from '../sidecar';
import { Directory } from './directory';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'directory-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const SHOP = { appId: 'shop', port: 1, secret: 's' };
const file = (pid: number, port: number, entry: object) =>
  writeFileSync(join(folder, `${pid}-${port}.json`), JSON.stringify({ ...SHOP, port, addedAt: 1, ...entry }));

test('When two runs have the same app, then each finds its own sidecar', () => {
  const [first, second, third] = [new Directory(folder), new Directory(folder), new Directory(folder)];
  first.add({ ...SHOP, port: 1 });
  const remove = second.add({ ...SHOP, port: 2 });
  expect(first.find('shop')?.port).toBe(1);
  expect(second.find('shop')?.port).toBe(2);
  remove();
  expect(second.find('shop')?.port).toBe(1);
  expect(third.find('shop')?.port).toBe(1);
});

test('When several sidecars of other processes run, then the newest is found', () => {
  file(process.ppid, 1, { addedAt: 1 });
  file(process.ppid, 2, { addedAt: 3 });
  file(process.ppid, 3, { addedAt: 2 });
  expect(new Directory(folder).find('shop')?.port).toBe(2);
});

test.skipIf(process.platform !== 'linux')(
  'When a sidecar was killed and another process has its id, then it is not found, and its file is removed',
  () => {
    const other = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      file(other.pid ?? 0, 1, { processStart: '1' });
      expect(new Directory(folder).find('shop')).toBeUndefined();
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      other.kill('SIGKILL');
    }
  },
);

test('When the address of a sidecar refuses connections, then the call finds the next one', async () => {
  const callee = await startSidecar({ appId: 'other', directory: new Directory(folder) });
  const caller = await startSidecar({ appId: 'caller', directory: new Directory(folder) });
  const [name = ''] = readdirSync(folder).filter((name) => name.endsWith(`-${callee.port}.json`));
  const alive = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  writeFileSync(
    join(folder, `${process.pid}-9.json`),
    JSON.stringify({ ...alive, port: 9, addedAt: Date.now() + 1_000 }),
  );
  try {
    const answer = await fetch(`http://127.0.0.1:${caller.port}/v1.0/invoke/other/method/m`);
    expect(await answer.text()).toContain('app channel not initialized'); // the sidecar of `other` has answered
    expect(readdirSync(folder)).not.toContain(`${process.pid}-9.json`);
  } finally {
    await Promise.all([caller.close(), callee.close()]);
  }
});
