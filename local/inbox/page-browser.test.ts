import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, startChromium } from '../testing/browser';
import { items, openFirst, openPage, PHONE, push, WIDE } from '../testing/inbox-page';
import { call, RawSmtpClient, sendMail, setFaults, startTestInbox } from '../testing/test-inbox';
import type { Inbox } from './inbox';

const sizes = [
  ['a wide window', WIDE],
  ['a phone', PHONE],
] as const;

describe.skipIf(!chromiumPath)('the page in Chromium [needs chromium]', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  const open = (inbox: Inbox, options: BrowserContextOptions = {}) => openPage(browser, inbox, options);
  const fact = (page: Page, name: string) => page.locator(`dt:text-is("${name}") + dd`);

  const states: [string, (page: Page, inbox: Inbox) => Promise<unknown>][] = [
    ['the inbox is empty', async () => {}],
    ['there are messages', (page, inbox) => fill(page, inbox)],
    ['a text mail is open', async (page, inbox) => openAfter(page, inbox, () => sendMail(inbox))],
    [
      'an HTML mail is open',
      async (page, inbox) => openAfter(page, inbox, () => sendMail(inbox, { html: '<b>Hi</b>' })),
    ],
    ['a push message is open', async (page, inbox) => openAfter(page, inbox, () => push(inbox, 'x', { title: 'New' }))],
    ['a lost message is open', (page) => page.goto(`${page.url()}#/mails/lost`)],
    ['a fault is set', (page) => pressFault(page, 'Mail', 1)],
    [
      'nothing is found',
      async (page, inbox) => {
        await fill(page, inbox);
        await page.fill('#search', 'nosuchword');
        await page.locator('#nothing').waitFor();
      },
    ],
    [
      'the inbox was emptied',
      async (page, inbox) => {
        await fill(page, inbox);
        await page.click('#empty');
        await page.locator('#toast button').waitFor();
      },
    ],
  ];

  async function fill(page: Page, inbox: Inbox) {
    await sendMail(inbox, { messageId: '<one@example.test>' });
    await sendMail(inbox, { messageId: '<one@example.test>' });
    await push(inbox, 'alice follows you', { title: 'New follower' });
    await items(page).nth(2).waitFor();
  }

  async function openAfter(page: Page, inbox: Inbox, send: () => Promise<unknown>) {
    await fill(page, inbox);
    await send();
    await items(page).nth(3).waitFor();
    await openFirst(page);
  }

  async function pressFault(page: Page, row: 'Mail' | 'Push', at: number) {
    await page.evaluate('document.querySelector("#faults").open = true');
    const button = page.getByRole('group', { name: row }).getByRole('button').nth(at);
    await button.click();
    await page.locator('button.fault[aria-pressed="true"]').waitFor();
  }

  test.each(states)('When %s, then axe-core finds nothing, at each size, in light and dark', async (_state, reach) => {
    const inbox = await startTestInbox();
    const page = await open(inbox, { reducedMotion: 'reduce' });
    await reach(page, inbox);
    await page.evaluate(axe.source);
    for (const [, viewport] of sizes) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
        expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([]);
      }
    }
  });

  test.each(sizes)('When a button is pressed in %s, then no button moves', async (_name, viewport) => {
    const inbox = await startTestInbox();
    const page = await open(inbox, { viewport });
    await page.evaluate('document.querySelector("#faults").open = true');
    await fill(page, inbox);
    const buttons = page.locator('header button, #faults button');
    const places = async () => {
      const all = await buttons.all();
      return Promise.all(all.map((button) => button.boundingBox()));
    };
    const before = await places();
    for (const button of await page.locator('#faults button').all()) {
      await button.click();
      await expect.poll(() => button.getAttribute('aria-pressed')).toBe('true');
      expect(await places()).toEqual(before);
    }
    await page.click('#empty');
    await page.locator('#toast button').waitFor();
    expect(await places()).toEqual(before);
  });

  test('When a command of the documentation sets a fault, then its button is pressed', async () => {
    const text = readFileSync(join(__dirname, '../../docs/break-it.md'), 'utf8');
    const commands = [...text.matchAll(/api\/v1\/chaos -d '(.*)'/g)].map(([, body]) => JSON.parse(body ?? ''));
    expect(commands.length).toBeGreaterThan(4);
    const inbox = await startTestInbox();
    const page = await open(inbox);
    const pressed = page.getByRole('group', { name: 'Mail' }).locator('[aria-pressed="true"]');
    for (const triggers of commands) {
      await setFaults(inbox, triggers);
      const code = triggers.Sender?.ErrorCode;
      await expect
        .poll(() => pressed.allTextContents())
        .toEqual([expect.stringContaining(code ? `(${code})` : 'works')]);
    }
    await pressFault(page, 'Mail', 2);
    const { json } = await call(`${inbox.mailUrl}/api/v1/chaos`);
    expect(json).toMatchObject({ Sender: { ErrorCode: 550, Probability: 100 }, Recipient: { Probability: 0 } });
  });

  test('When a fault has no button, then the page names it', async () => {
    const inbox = await startTestInbox();
    const page = await open(inbox);
    await setFaults(inbox, { Recipient: { ErrorCode: 450, Probability: 30 }, AfterData: { Probability: 5 } });
    const state = page.locator('#faults-state');
    await expect.poll(() => state.textContent()).toBe('Recipient 450 at 30 %, AfterData at 5 %');
    await setFaults(inbox, {});
    await expect.poll(() => state.textContent()).toBe('none');
  });

  test('When a mail is opened, then it has rows with the decoded subject, the people and both dates', async () => {
    const inbox = await startTestInbox();
    const page = await open(inbox, { timezoneId: 'UTC' });
    const mail = { from: 'Jörg <j@example.test>', to: '花子 <h@example.test>', cc: 'c@example.test' };
    await sendMail(inbox, { ...mail, subject: 'größer ✓ <b>', date: new Date('2026-01-02T03:04:05Z') });
    await openFirst(page);
    expect(await fact(page, 'Subject').textContent()).toBe('größer ✓ <b>');
    expect(await fact(page, 'From').textContent()).toBe('Jörg <j@example.test>');
    expect(await fact(page, 'To').textContent()).toBe('花子 <h@example.test>');
    expect(await fact(page, 'Cc').textContent()).toBe('c@example.test');
    expect(await fact(page, 'Date').textContent()).toBe('Friday, 2 January 2026 at 03:04:05 UTC');
    expect(await fact(page, 'Received').textContent()).toMatch(/ at \d\d:\d\d:\d\d UTC$/);
  });

  test('When a mail has no subject, date and sender, then the page says so', async () => {
    const inbox = await startTestInbox();
    const page = await open(inbox);
    const client = new RawSmtpClient(inbox);
    await client.waitFor(/^220 .*\r\n/m);
    await client.command('HELO me', 250);
    await client.command('MAIL FROM:<>', 250);
    await client.command('RCPT TO:<bob@example.test>', 250);
    await client.command('DATA', 354);
    await client.command('Date: yesterday\r\n\r\nHello\u0007\u202e\r\n.', 250);
    await openFirst(page);
    const rows = await Promise.all(['Subject', 'Date', 'From', 'Bcc'].map((name) => fact(page, name).textContent()));
    expect(rows).toEqual(['(no subject)', '(no valid date)', '(no sender)', 'bob@example.test']);
    expect(await page.getByRole('region', { name: 'Text' }).textContent()).toContain('Hello⟨U+0007⟩⟨U+202E⟩');
  });

  test('When a push message is opened, then it has rows for its title, topic and date', async () => {
    const inbox = await startTestInbox();
    const page = await open(inbox, { timezoneId: 'UTC' });
    await push(inbox, 'alice follows you', { title: '=?UTF-8?Q?gr=C3=B6=C3=9Fer?=', p: '5', 'x-sequence-id': 'one' });
    await openFirst(page);
    const names = ['Title', 'Topic', 'Priority', 'Sequence id'];
    const rows = await Promise.all(names.map((name) => fact(page, name).textContent()));
    expect(rows).toEqual(['größer', 'followers-bob', '5', 'one']);
    expect(await fact(page, 'Date').textContent()).toMatch(/ at \d\d:\d\d:\d\d UTC$/);
  });

  test.each(sizes)('When messages arrive in %s, then the opened message stays where it is', async (_name, viewport) => {
    const inbox = await startTestInbox();
    const page = await open(inbox, { viewport });
    await fill(page, inbox);
    await items(page).nth(1).click();
    const text = page.getByRole('region', { name: 'Text' });
    await text.waitFor();
    const before = [await text.boundingBox(), await page.locator('#reader').textContent()];
    for (let n = 0; n < 210; n += 1) await push(inbox, `message ${n}`);
    await expect.poll(() => page.title()).toBe('(213) Inbox');
    await expect.poll(() => items(page).first().textContent()).toContain('message 209');
    expect([await text.boundingBox(), await page.locator('#reader').textContent()]).toEqual(before);
  });

  test('When a phone shows the page, then the messages begin in the first quarter of its screen', async () => {
    const inbox = await startTestInbox();
    const page = await open(inbox, { viewport: PHONE });
    await fill(page, inbox);
    expect((await items(page).first().boundingBox())?.y).toBeLessThan(PHONE.height / 4);
  });

  test.each([320, 390, 1280])(
    'When the window is %i pixels wide, then long texts do not make it scroll sideways',
    async (width) => {
      const inbox = await startTestInbox();
      const page = await open(inbox, { viewport: { width, height: 700 } });
      const long = 'x'.repeat(900);
      await sendMail(inbox, { subject: long, text: long, html: `<p>${long}</p>`, messageId: `<${long}@example.test>` });
      const sideways = () => page.evaluate('document.documentElement.scrollWidth - innerWidth');
      await items(page).first().waitFor();
      expect(await sideways()).toBeLessThanOrEqual(0);
      await openFirst(page);
      expect(await sideways()).toBeLessThanOrEqual(0);
      const inReader = await page.evaluate('document.querySelector("#reader").scrollWidth - reader.clientWidth');
      expect(inReader).toBe(0);
    },
  );
});
