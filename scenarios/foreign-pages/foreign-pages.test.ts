import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chromiumPath, startChromium } from '../../local/testing/browser';
import { type LocalStack, startLocalStack } from '../stacks/local-stack';
import { postFollow } from '../stacks/post-follow';

const SOON = { timeout: 15_000 };

/** The browser finds this name on loopback, as after DNS rebinding. */
const REBOUND = 'rebound.example';

/** The function `attack` of a page, which tries to use the sample. */
const ATTACK = readFileSync(join(__dirname, 'attack.mjs'), 'utf8').replace('export ', '');

interface Targets {
  facade: string;
  sidecar: string;
}

/** Returns the script of an attack. Its value is a promise of the answers that the page could read. */
const attackOn = (targets: Targets) => `(() => { ${ATTACK}; return attack(${JSON.stringify(targets)}); })()`;

/** Returns a script that attacks from a frame with the origin `null`. */
const sandboxedAttackOn = (targets: Targets) => `new Promise((resolve) => {
  addEventListener('message', ({ data }) => resolve(data), { once: true });
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts allow-forms');
  const script = ${JSON.stringify(attackOn(targets))} + ".then((answers) => parent.postMessage(answers, '*'))";
  frame.srcdoc = '<body><script>' + script + '</' + 'script></body>';
  document.body.append(frame);
})`;

/** Returns a script that posts JSON and resolves with the status of the answer. */
const postOf = (url: string, body = '') => `fetch(${JSON.stringify(url)}, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: ${JSON.stringify(body)} || undefined,
}).then(({ status }) => status)`;

describe.skipIf(!chromiumPath)('web pages in Chromium [needs chromium]', { timeout: 120_000 }, () => {
  let browser: Browser;
  let page: Page;
  let stack: LocalStack;
  /** The origin of a page that has nothing to do with the sample. */
  let foreign: string;
  const site = createServer((_req, res) => res.setHeader('content-type', 'text/html').end('<body>hello</body>'));

  beforeAll(async () => {
    [browser, stack] = await Promise.all([
      startChromium(`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`),
      startLocalStack(),
    ]);
    page = await browser.newPage();
    await once(site.listen(0, '127.0.0.1'), 'listening');
    foreign = `http://localhost:${(site.address() as AddressInfo).port}`;
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    site.close().closeAllConnections();
    expect(await stack.stop()).toBe(0);
  });

  const urls = (host = 'localhost') => ({
    facade: stack.facadeUrl.replace('127.0.0.1', host).replace('localhost', host),
    sidecar: stack.facadeSidecarUrl.replace('127.0.0.1', host).replace('localhost', host),
  });

  /** Checks that the run continues and has handled nothing that a page has sent. */
  async function expectUnharmed(answers: string[]): Promise<void> {
    const { sidecar } = urls();
    expect(answers.filter((answer) => answer.includes('"components"') || /^20\d /.test(answer))).toEqual([]);
    expect((await fetch(`${sidecar}/v1.0/state/statestore/stolen`)).status).toBe(204);
    const { body } = await postFollow(stack);
    const { id } = body;
    const handled = () => stack.log.filter(({ eventId, path }) => path === '/followerAdded' && eventId === id);
    await vi.waitFor(() => expect(handled()).toHaveLength(2), SOON);
    const others = stack.log.filter(({ path, eventId }) => path === '/followerAdded' && eventId !== id);
    expect(others).toEqual([]);
    stack.log.length = 0;
  }

  test('When a page of another port tries to publish, to write state, to follow and to shut down, then nothing happens', async () => {
    await page.goto(foreign);
    await expectUnharmed(await page.evaluate<string[]>(attackOn(urls())));
    await expectUnharmed(await page.evaluate<string[]>(attackOn(urls('127.0.0.1'))));
  });

  test('When a sandboxed page without an origin tries the same, then nothing happens', async () => {
    await page.goto(foreign);
    await expectUnharmed(await page.evaluate<string[]>(sandboxedAttackOn(urls())));
  });

  test('When a page has rebound its name to this machine, then nothing happens, and it reads nothing', async () => {
    const rebound = urls(REBOUND);
    for (const [origin, path] of [
      [rebound.sidecar, '/v1.0/metadata'],
      [rebound.facade, '/livez'],
    ]) {
      expect((await page.goto(`${origin}${path}`))?.status()).toBe(421);
      // The error page has the origin of its address, so the browser lets its scripts read every answer.
      await expectUnharmed(await page.evaluate<string[]>(attackOn(rebound)));
    }
  });

  test('When a page has the origin of the sidecar or of the service, then it can use them', async () => {
    const { facade, sidecar } = urls();
    const FOLLOW = '{"follower":"carol","followee":"dave"}';
    const post = (url: string, body?: string) => page.evaluate<number>(postOf(url, body));
    expect((await page.goto(`${sidecar}/v1.0/metadata`))?.status()).toBe(200);
    expect(await post(`${sidecar}/v1.0/publish/pubsub/nobody`, '{}')).toBe(204);
    expect(await post(`${sidecar}/v1.0/state/statestore`, '[{"key":"own","value":1}]')).toBe(204);
    expect(await post(`${sidecar}/v1.0/invoke/api-facade/method/followers`, FOLLOW)).toBe(202);
    expect((await page.goto(`${facade}/livez`))?.status()).toBe(200);
    expect(await post(`${facade}/followers`)).toBe(202);
  });
});
