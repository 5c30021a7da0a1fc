import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { atStop, resourcesFolder, startShop, stopShops } from '../testing/shop';

/** Whether certificates can be made here. */
function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasOpenssl())('an endpoint over TLS [needs openssl]', () => {
  let folder: string;
  let certificate: string;
  let key: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'certificate-'));
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', keyFile, '-out', certFile], {
      stdio: 'ignore',
    });
    certificate = readFileSync(certFile, 'utf8');
    key = readFileSync(keyFile, 'utf8');
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(stopShops);

  test('When an endpoint has clientTLS, then the sidecar trusts its authority and shows its certificate', async () => {
    const server = createServer({ cert: certificate, key, ca: certificate, requestCert: true }, (_, res) =>
      res.end('ok'),
    );
    // Not 'localhost': in a container without IPv6, Node listens on ::1 for it, but connects to 127.0.0.1.
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    atStop(() => server.close());
    const endpoint = (name: string, clientTLS: object) => ({
      kind: 'HTTPEndpoint',
      metadata: { name },
      spec: { baseUrl: `https://localhost:${(server.address() as AddressInfo).port}`, clientTLS },
    });
    const pem = (value: string) => ({ value });
    const documents = [
      endpoint('known', { rootCA: pem(certificate), certificate: pem(certificate), privateKey: pem(key) }),
      endpoint('without-certificate', { rootCA: pem(certificate) }),
      endpoint('unknown-authority', {}),
    ];
    const text = documents.map((document) => JSON.stringify(document)).join('\n---\n');
    const dapr = await startShop(() => ({}), {}, { resourcesPaths: [resourcesFolder(text)] });
    const call = (name: string) => fetch(`${dapr.url}/v1.0/invoke/${name}/method/hello`);
    expect(await (await call('known')).text()).toBe('ok');
    for (const name of ['without-certificate', 'unknown-authority']) {
      const answer = await call(name);
      expect(answer.status).toBe(500);
      expect(await answer.json()).toMatchObject({ errorCode: 'ERR_DIRECT_INVOKE' });
    }
  });
});
