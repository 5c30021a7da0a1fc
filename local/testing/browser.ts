import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Linux distributions and macOS install Chromium or Chrome. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The program of the browser for tests; undefined where none is installed. */
export const chromiumPath = PLACES.find(existsSync);

/** Resolves with a Chromium without a window, with more flags if needed. The caller closes it. @throws {Error} where none is installed */
export function startChromium(...flags: string[]): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error(`no Chromium is installed; expected: ${PLACES.join(', ')}`);
  // In a container, the shared memory is too small for Chromium.
  const args = ['--disable-gpu', '--disable-dev-shm-usage', ...flags];
  return chromium.launch({ executablePath: chromiumPath, args });
}
