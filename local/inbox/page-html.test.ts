import { createServer } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chromiumPath, startChromium } from '../testing/browser';
import { afterTests, call, listMails, SOON, sendMail, startTestInbox } from '../testing/test-inbox';
import { listen } from './listen';

/** Starts a server that counts connections, because a browser may connect without a request. `/page` is hostile. */
async function startSpy() {
  const seen = { connections: 0, paths: new Set<string>() };
  const server = createServer((req, res) => {
    seen.paths.add(req.url ?? '');
    res.setHeader('content-type', 'text/html');
    // The page has time to load before it leaves.
    res.end(req.url === '/page' ? hostile(`http://${req.headers.host}`).replace('content="0;', 'content="1;') : '');
  });
  server.on('connection', () => {
    seen.connections += 1;
  });
  afterTests(() => {
    server.closeAllConnections();
    server.close();
  });
  const port = await listen(server, { host: '127.0.0.1', port: 0, purpose: 'a test' });
  return { seen, url: `http://127.0.0.1:${port}` };
}

/** An HTML mail that tries to run scripts, to load remote content and to leave the frame. */
const hostile = (url: string) => `<!doctype html><html><head>
  <base href="${url}/">
  <meta http-equiv="refresh" content="0; url=${url}/refresh">
  <meta http-equiv="x-dns-prefetch-control" content="on">
  <link rel="stylesheet" href="${url}/style"><link rel="icon" href="${url}/icon">
  <link rel="prefetch" href="${url}/prefetch"><link rel="preload" as="image" href="${url}/preload">
  <link rel="modulepreload" href="${url}/module"><link rel="preconnect" href="${url}">
  <link rel="manifest" href="${url}/manifest"><link rel="dns-prefetch" href="${url}">
  <style>@import url(${url}/import); @font-face { font-family: f; src: url(${url}/font) }
    body { background: url(${url}/css); font-family: f }</style>
  <script>fetch('${url}/script'); top.document.title = 'owned'</script><script src="${url}/script-file"></script>
  <script type="speculationrules">{"prefetch":[{"urls":["${url}/speculation"]}]}</script>
</head><body background="${url}/background" onload="fetch('${url}/onload')">
  <img src="${url}/image" srcset="${url}/set 2x"><img src="relative"><img src="//${new URL(url).host}/scheme">
  <img src="data:," onerror="fetch('${url}/onerror')"><picture><source srcset="${url}/picture"><img></picture>
  <svg onload="fetch('${url}/svg')"><image href="${url}/svg-image"/><use href="${url}/svg-use#a"/></svg>
  <object data="${url}/object"></object><embed src="${url}/embed"><iframe src="${url}/frame"></iframe><IFRAME
  src="${url}/frame2"></IFRAME><iframe/src="${url}/frame3"></iframe>
  <iframe srcdoc="<img src='${url}/srcdoc'><script>parent.parent.document.title='owned'</script>"></iframe>
  <video src="${url}/video" poster="${url}/poster" autoplay></video><audio src="${url}/audio" autoplay></audio>
  <input type="image" src="${url}/input"><p style="background: url(${url}/inline)">text</p>
  <a id="plain" href="${url}/link" ping="${url}/ping">plain link</a>
  <a id="top" href="${url}/top" target="_top">top link</a> <a id="new" href="${url}/new" target="_blank">new link</a>
  <a id="javascript" href="javascript:fetch('${url}/javascript')">javascript link</a>
  <form action="${url}/form" method="post"><button id="form">form</button></form>
</body></html>`;

describe.skipIf(!chromiumPath)('an HTML mail in Chromium [needs chromium]', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  async function openMail(html: string, mail: object = {}): Promise<{ page: Page; url: string }> {
    const inbox = await startTestInbox();
    await sendMail(inbox, { html, ...mail });
    const [{ ID }] = (await listMails(inbox)).messages;
    const page = await browser.newPage();
    const url = `${inbox.mailUrl}/#/mails/${ID}`;
    await page.goto(url);
    await page.frameLocator('iframe').locator('body').waitFor();
    return { page, url };
  }

  test('When a mail tries to run scripts, to load something or to leave its frame, then nothing happens', async () => {
    const [spy, control] = [await startSpy(), await startSpy()];
    const { page, url } = await openMail(hostile(spy.url));
    // The same document without protection shows that the tricks work, and when they have had their time.
    const unprotected = await browser.newPage();
    await unprotected.goto(`${control.url}/page`);
    const tricks = ['/script', '/image', '/css', '/object', '/svg', '/prefetch', '/frame', '/srcdoc', '/refresh'];
    await vi.waitFor(() => expect([...control.seen.paths]).toEqual(expect.arrayContaining(tricks)), SOON);
    const blocked: string[] = [];
    page.on('console', (message) => void blocked.push(message.text()));
    const frame = page.frameLocator('iframe');
    for (const id of ['plain', 'top', 'new', 'javascript', 'form']) {
      await page.reload();
      // The links get no clicks, so Playwright would wait for ever.
      await frame.locator(`#${id}`).click({ force: true });
    }
    // Another full load in the same browser gives delayed requests their time.
    await unprotected.goto(`${control.url}/page`);
    await unprotected.waitForURL(`${control.url}/refresh`);
    expect([...spy.seen.paths]).toEqual([]);
    expect(spy.seen.connections).toBe(0);
    // With the keyboard, a link can still be followed. The page forbids where it leads.
    await page.reload();
    // The key goes to the page, because Playwright would wait for the navigation that never comes.
    await frame.locator('#plain').focus();
    await page.keyboard.press('Enter');
    await vi.waitFor(() => expect(blocked).toContainEqual(expect.stringContaining("frame-src 'self'")), SOON);
    expect([...spy.seen.paths]).toEqual([]);
    expect(page.url()).toBe(url);
    expect(await page.title()).toBe('(1) Inbox');
    expect(page.context().pages()).toHaveLength(1);
  }, 180_000); // a busy machine needs a minute for the nine loads

  test('When an HTML mail is opened, then it is rendered beside its source, with the images inside the mail', async () => {
    const gif = Buffer.from('R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');
    const attachments = [{ cid: 'logo', filename: 'logo.gif', content: gif }];
    const html = '<!doctype html><p style="width: 123px">Hello</p><img src="cid:logo">';
    const { page } = await openMail(html, { attachments });
    const frame = page.frameLocator('iframe');
    expect(await page.locator('iframe').getAttribute('sandbox')).toBe('');
    expect((await frame.locator('p').boundingBox())?.width).toBe(123);
    await expect.poll(async () => (await frame.locator('img').boundingBox())?.width).toBe(1);
    const source = page.getByRole('region', { name: 'HTML, as text' });
    expect(await source.textContent()).toBe(html);
    const boxes = [await page.locator('iframe').boundingBox(), await source.boundingBox()];
    expect(boxes[0]?.y).toBe(boxes[1]?.y);
  });

  test('When a page of another origin frames an HTML mail, then the browser does not show it', async () => {
    const { page, url } = await openMail('<p>secret</p>');
    const src = await page.locator('iframe').getAttribute('src');
    const foreign = await browser.newPage();
    await foreign.route('http://evil.example/', (route) =>
      route.fulfill({ contentType: 'text/html', body: `<iframe src="${new URL(src ?? '', url)}"></iframe>` }),
    );
    await foreign.goto('http://evil.example/');
    expect(await foreign.frames()[1]?.content()).not.toContain('secret');
  });
});

test.concurrent('When the HTML of a mail is requested, then its headers forbid everything but styles and its own images', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox, { html: '<b>Hello</b>' });
  await sendMail(inbox, { text: 'no HTML' });
  const [{ ID: plain }, { ID: html }] = (await listMails(inbox)).messages;
  const reply = await call(`${inbox.mailUrl}/~/mails/${html}/html`);
  expect(reply.text).toContain('<b>Hello</b>');
  const policy = String(reply.headers['content-security-policy']).split('; ');
  expect(policy.sort()).toEqual([
    "base-uri 'none'",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    'img-src data:',
    'sandbox',
    "style-src 'unsafe-inline'",
  ]);
  expect(reply.headers['x-dns-prefetch-control']).toBe('off');
  expect(await call(`${inbox.mailUrl}/~/mails/${plain}/html`)).toMatchObject({ status: 404 });
  expect(await call(`${inbox.mailUrl}/~/mails/nosuch/html`)).toMatchObject({ status: 404 });
});
