import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Environment, readConfig } from '../../common/config';
import { MAX_CONCURRENT } from '../../common/once/handle-once';
import { readEmailConfig } from '../../email-notification-service/config';
import { readPushConfig } from '../../push-notification-service/config';
import { ROOT } from '../stacks/root';
import { ELSEWHERE, HERE } from './docker-commands';
import { ALL_PAGES, codeIn, commands, readPage, tables } from './markdown';

const readme = readPage('README.md');

describe('README.md', () => {
  test.each(['README.md', 'README.ja.md'])('When %s is opened, then it has at most 220 lines', (page) => {
    expect(readPage(page).trimEnd().split('\n').length).toBeLessThanOrEqual(220);
  });

  test('When a path is named in the layout, then it exists', () => {
    const paths = (tables(readme).at(-1) ?? []).flatMap(([first = '']) => codeIn(first));
    expect(paths.length).toBeGreaterThan(15);
    for (const path of paths) expect(existsSync(join(ROOT, path)), path).toBe(true);
  });

  test('When the oldest versions of Docker and Compose are named, then CI runs the Compose tests on them', () => {
    const [, engine, compose] = /Docker Engine (\d+) and Docker Compose ([\d.]+), or newer/.exec(readme) ?? [];
    const installed = [...readPage('.github/workflows/ci.yml').matchAll(/^ +version: v([\d.]+)$/gm)].map(([, v]) => v);
    expect(installed).toEqual([expect.stringMatching(`^${engine}\\.0\\.`), expect.stringMatching(`^${compose}\\.`)]);
    expect(readPage('README.ja.md')).toContain(`Docker Engine ${engine} 以降と Docker Compose ${compose} 以降`);
  });

  test('When the concurrency limit is named, then it is the limit of the code', () => {
    expect(readme).toContain(`At most ${MAX_CONCURRENT} mails are sent again`);
  });
});

describe.each(ALL_PAGES)('%s', (page) => {
  const text = readPage(page);

  test('When a file is linked, then it exists, and so does the heading', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
    for (const [, path = '', anchor] of links) {
      const file = path === '' ? page : join(dirname(page), path);
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      if (anchor === undefined) continue;
      const headings = [...readPage(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(headings, `${file}#${anchor}`).toContain(anchor);
    }
  });

  test('When an npm command is shown, then there is such a script', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    for (const command of [...commands(text), ...codeIn(text)]) {
      const [, script] = /\bnpm (?:run )?((?!ci\b|install\b)[a-z][\w:-]*)/.exec(command) ?? [];
      if (script) expect(scripts, command).toHaveProperty([script]);
    }
  });
});

test.each(ALL_PAGES)('When %s shows a docker command, then a test runs it', (page) => {
  const shown = [...commands(readPage(page)), ...codeIn(readPage(page).replace(/^```[\s\S]*?^```$/gm, ''))];
  const docker = shown.filter((command) => /^(\w+=\w+ )*docker /.test(command));
  expect(docker.filter((command) => !(command in ELSEWHERE) && !HERE.includes(command))).toEqual([]);
});

describe('docs/configuration.md', () => {
  /** Compares a table with the variables that a service reads, and returns both sides of the defaults. */
  const compare = <T>(first: string, read: (env: Environment) => T) => {
    const rows = tables(readPage('docs/configuration.md')).find((table) => table[0]?.[0] === `\`${first}\``) ?? [];
    const shown = Object.fromEntries(
      rows.map(([name = '', value = '']) => [codeIn(name)[0], value.replaceAll('`', '')]),
    );
    const variables: string[] = [];
    const defaults = read(new Proxy({}, { get: (_, name) => void variables.push(String(name)) }));
    expect(variables.sort()).toEqual(Object.keys(shown).sort());
    return { defaults, shown };
  };

  test('When a variable of every service is listed, then the services read it, with that default', () => {
    const { defaults, shown } = compare('APP_PORT', (env) => readConfig(env, { appPort: 8080 }));
    expect(shown).toMatchObject({
      LISTEN_ADDRESS: defaults.listenAddress,
      DAPR_HTTP_PORT: String(defaults.daprHttpPort),
      EVENTS_PER_DELIVERY: String(defaults.eventsPerDelivery),
      PUBSUB_NAME: defaults.pubsubName,
      STATESTORE_NAME: defaults.stateStoreName,
      LOG_LEVEL: defaults.logLevel,
    });
  });

  test('When a variable of one service is listed, then that service reads it, with that default', () => {
    const email = compare('SMTP_URL', readEmailConfig);
    const { smtpUrl, from, domain } = email.defaults;
    expect(email.shown).toEqual({ SMTP_URL: smtpUrl, EMAIL_FROM: from, EMAIL_DOMAIN: domain });
    const push = compare('PUSH_URL', readPushConfig);
    const { pushUrl, topicPrefix } = push.defaults;
    expect(push.shown).toEqual({ PUSH_URL: pushUrl, PUSH_TOPIC_PREFIX: topicPrefix, PUSH_TOKEN: 'none' });
  });
});
