import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Inbox } from '../inbox/inbox';
import { afterTests, call } from './test-inbox';

export const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** Resolves with the page of an inbox in a browser window, in a wide one by default. The page shows the messages. */
export async function openPage(browser: Browser, inbox: Inbox, options: BrowserContextOptions = {}, path = '/') {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  afterTests(() => context.close());
  const page = await context.newPage();
  await page.goto(inbox.mailUrl + path);
  if (options.javaScriptEnabled !== false) await page.locator('#connection.live').waitFor();
  return page;
}

/** The entries of the list, newest first. */
export const items = (page: Page) => page.locator('#list li');

/** Opens the newest message and waits until the page shows it. */
export async function openFirst(page: Page): Promise<void> {
  await items(page).first().click();
  await page.locator('#reader dl').waitFor();
}

/** Publishes a push message for bob. */
export const push = ({ pushUrl }: Inbox, message: string, headers: Record<string, string> = {}) =>
  call(`${pushUrl}/followers-bob`, { method: 'POST', body: message, headers });
