import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chromiumPath, startChromium } from '../testing/browser';
import { items, openFirst, openPage, PHONE, push, WIDE } from '../testing/inbox-page';
import { call, listMails, SOON, sendMail, startTestInbox } from '../testing/test-inbox';
import type { Inbox } from './inbox';

describe.skipIf(!chromiumPath)('what a user does on the page in Chromium [needs chromium]', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  const open = (inbox: Inbox, options: BrowserContextOptions = {}, path = '/') =>
    openPage(browser, inbox, options, path);

  test('When the inbox is emptied, then it can be undone, and every page shows the messages again', async () => {
    const inbox = await startTestInbox();
    await sendMail(inbox, { subject: 'one' });
    await push(inbox, 'two');
    const [page, other] = [await open(inbox), await open(inbox)];
    const before = await items(page).allTextContents();
    await page.click('#empty');
    await page.getByText('2 messages removed.').waitFor();
    await expect.poll(() => items(other).count()).toBe(0);
    expect(await listMails(inbox)).toMatchObject({ total: 0 });
    await push(inbox, 'three');
    await expect.poll(() => items(page).count()).toBe(1);
    await page.getByRole('button', { name: 'Undo' }).click();
    for (const each of [page, other]) {
      await expect.poll(() => items(each).allTextContents()).toEqual([expect.stringContaining('three'), ...before]);
    }
    expect(await page.locator('#toast').textContent()).toBe('');
    expect(await listMails(inbox)).toMatchObject({ total: 1 });
  });

  test('When it is too late to undo, then the page says that the change failed', async () => {
    const inbox = await startTestInbox();
    await push(inbox, 'one');
    const page = await open(inbox);
    await page.click('#empty');
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    await call(`${inbox.mailUrl}/~/messages/restore`, { method: 'POST' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('The change failed: status 409').waitFor();
    expect(await page.locator('#connection').textContent()).toBe('live');
  });

  test('When the inbox is empty, then it cannot be emptied', async () => {
    const page = await open(await startTestInbox());
    expect(await page.locator('#empty').isDisabled()).toBe(true);
    expect(await page.locator('#nothing').textContent()).toContain('The inbox is empty.');
  });

  test('When a text is searched, then the page shows only messages with all its words, also old and new ones', async () => {
    const inbox = await startTestInbox();
    await sendMail(inbox, {
      subject: 'The OLDEST',
      text: `${'long '.repeat(200)} needle`,
      to: 'Dave <d@example.test>',
    });
    for (let n = 0; n < 205; n += 1) await push(inbox, `message ${n}`, { title: 'New' });
    const page = await open(inbox);
    expect(await page.locator('#more').isVisible()).toBe(true);
    const found = async () => (await items(page).locator('.title').allTextContents()).join();
    for (const query of ['oldest', 'needle LONG', 'dave', 'd@example']) {
      await page.fill('#search', query);
      await expect.poll(found).toBe('The OLDEST');
    }
    expect(await page.locator('#more').isVisible()).toBe(false);
    await push(inbox, 'no match');
    await sendMail(inbox, { subject: 'A new one', to: 'd@example.test' });
    await expect.poll(found).toBe('A new one,The OLDEST');
    expect(await page.locator('#counts').textContent()).toBe('2 mails, 206 pushes');
    await page.fill('#search', 'needle haystack');
    await page.getByText('No message contains “needle haystack”.').waitFor();
    await page.fill('#search', '');
    await expect.poll(() => items(page).count()).toBe(200);
  });

  test('When messages arrive, then the title of the tab counts them', async () => {
    const inbox = await startTestInbox();
    const page = await open(inbox);
    expect(await page.title()).toBe('Inbox');
    await push(inbox, 'one');
    await expect.poll(() => page.title()).toBe('(1) Inbox');
    await sendMail(inbox);
    await expect.poll(() => page.title()).toBe('(2) Inbox');
    await page.fill('#search', 'nosuchword');
    await page.locator('#nothing').waitFor();
    expect(await page.title()).toBe('(2) Inbox');
    await page.click('#empty');
    await expect.poll(() => page.title()).toBe('Inbox');
  });

  test.each([WIDE, PHONE])(
    'When JavaScript is off, then the page says only that it needs it (%o)',
    async (viewport) => {
      const inbox = await startTestInbox();
      await push(inbox, 'one');
      const page = await open(inbox, { viewport, javaScriptEnabled: false });
      // biome-ignore lint/performance/useDomNodeTextContent: only the text that a reader sees counts
      const text = await page.locator('body').innerText();
      expect(text.split(/\n+/)).toEqual([
        'Inbox',
        'This page needs JavaScript to show the messages. The APIs of the inbox work without it.',
      ]);
      expect(await page.getByRole('button').count()).toBe(0);
    },
  );

  test('When the browser goes back on a phone, then it shows the list where it was', async () => {
    const inbox = await startTestInbox();
    for (let n = 0; n < 40; n += 1) await push(inbox, `message ${n}`);
    const page = await open(inbox, { viewport: PHONE });
    await items(page).nth(30).click();
    await page.getByRole('link', { name: 'Back to the list' }).waitFor();
    const scrolled = await page.evaluate('scrollY');
    expect(scrolled).toBeGreaterThan(0);
    await page.goBack();
    await items(page).nth(30).waitFor();
    await vi.waitFor(async () => expect(await page.evaluate('scrollY')).toBe(scrolled), SOON);
    await items(page).nth(30).click();
    await page.getByRole('link', { name: 'Back to the list' }).click();
    await page.locator('#reader dl').waitFor({ state: 'detached' });
    await vi.waitFor(async () => expect(await page.evaluate('scrollY')).toBe(scrolled), SOON);
  });

  test('When the page is loaded again, then the opened message is still open, or the page says that it is gone', async () => {
    const inbox = await startTestInbox();
    await push(inbox, 'still here');
    const page = await open(inbox);
    await openFirst(page);
    expect(await items(page).locator('[aria-current]').count()).toBe(1);
    await page.reload();
    await page.getByRole('region', { name: 'Text' }).getByText('still here').waitFor();
    await page.click('#empty');
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    expect(await page.getByRole('region', { name: 'Text' }).textContent()).toBe('still here');
    await page.reload();
    await page.getByText('This message is no longer in the inbox.').waitFor();
    await call(`${inbox.mailUrl}/~/messages/restore`, { method: 'POST' });
    await page.getByRole('region', { name: 'Text' }).getByText('still here').waitFor();
  });

  test('When the inbox stops, then the page says that it reconnects, and a change says that it failed', async () => {
    const inbox = await startTestInbox();
    await push(inbox, 'one');
    const page = await open(inbox);
    await inbox.close();
    await page.getByText('reconnecting…').waitFor();
    await page.click('#empty');
    await page.getByText('The change failed: ').waitFor();
    expect(await items(page).count()).toBe(1);
  });

  test('When Escape is pressed, then the opened message closes', async () => {
    const inbox = await startTestInbox();
    await push(inbox, 'one');
    const page = await open(inbox);
    await openFirst(page);
    await page.keyboard.press('Escape');
    await page.getByText('No message is open.').waitFor();
  });

  test('When a message contains HTML, then the page shows it as text', async () => {
    const inbox = await startTestInbox();
    const page = await open(inbox);
    const markup = '<img src=x onerror="document.title=1"><b>bold</b>';
    await sendMail(inbox, { subject: markup, text: markup });
    await push(inbox, markup, { title: markup, tags: markup, click: 'javascript:alert(1)' });
    await expect.poll(() => items(page).locator('.title').allTextContents()).toEqual([markup, markup]);
    for (const at of [0, 1]) {
      await items(page).nth(at).click();
      await page.getByRole('region', { name: 'Text' }).getByText(markup).waitFor();
      expect(await page.locator('#app :is(img, b)').count()).toBe(0);
    }
    expect(await page.title()).toBe('(2) Inbox');
  });
});
