// Builds the package in dist/: the command and the library, each in one file, the libraries that few runs need, and the types. `npm pack` runs it.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const out = join(here, 'dist');

rmSync(out, { recursive: true, force: true });

/** The libraries that most runs do not need. Each has a file of its own, which is read when it is needed. */
const ON_DEMAND = { '@redis/client': 'redis-client', '@marcbachmann/cel-js': 'cel', re2js: 're2' };
const onDemand = {
  name: 'on-demand',
  setup({ onResolve }) {
    const filter = new RegExp(`^(${Object.keys(ON_DEMAND).join('|')})$`);
    onResolve({ filter }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: `./${ON_DEMAND[path]}.js`, external: true },
    );
  },
};

/**
 * The commands that Redis's client sends by itself. local/ sends all others with `sendCommand`, so the package leaves out
 * the client's table of 400 commands and its clients for clusters and sentinels. They are half of the time and of the
 * memory of a start with Redis.
 */
const lib = join(root, 'node_modules/@redis/client/dist/lib');
const ownCommands = new Set(
  [...readFileSync(join(lib, 'client/index.js'), 'utf8').matchAll(/\bcommands_1\.default\.([A-Z_]+)/g)].map(
    ([, name]) => name,
  ),
);
if (!ownCommands.has('AUTH'))
  throw new Error(`${lib}/client/index.js is not as expected: it does not name the command AUTH`);
const exportOf = (value) => `exports.__esModule = true; exports.default = {${value}};`;
const LEFT_OUT = {
  'commands/index.js': exportOf([...ownCommands].map((name) => `${name}: require('./${name}').default`)),
  'cluster/index.js': exportOf(''),
  'sentinel/index.js': exportOf(''),
};
const leanRedis = {
  name: 'lean-redis',
  setup({ onLoad, onEnd }) {
    const left = new Set(Object.keys(LEFT_OUT));
    onLoad({ filter: /@redis\/client\/dist\/lib\/(commands|cluster|sentinel)\/index\.js$/ }, ({ path }) => {
      const file = relative(lib, path);
      left.delete(file);
      return { contents: LEFT_OUT[file], resolveDir: dirname(path) };
    });
    onEnd(() => {
      if (left.size > 0) throw new Error(`@redis/client has no ${[...left].join(', ')}`);
    });
  },
};

await build({
  entryPoints: {
    main: join(here, 'main.ts'),
    index: join(here, 'index.ts'),
    ...Object.fromEntries(Object.entries(ON_DEMAND).map(([library, file]) => [file, library])),
  },
  plugins: [onDemand, leanRedis],
  outdir: out,
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  minify: true,
  keepNames: true,
  legalComments: 'eof',
  tsconfig: join(root, 'tsconfig.json'),
  logLevel: 'warning',
});
chmodSync(join(out, 'main.js'), 0o755);

// The compiler writes the types of the whole repository. The package has those that its entry names.
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '--build', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
const compiled = join(root, 'dist', 'local');
const todo = [join(compiled, 'index.d.ts')];
const done = new Set();
for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
  if (done.has(file)) continue;
  done.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()'(\.[^']*)'/g)) {
    todo.push(join(dirname(file), `${path}.d.ts`));
  }
  const target = join(out, 'types', relative(compiled, file));
  mkdirSync(dirname(target), { recursive: true });
  cpSync(file, target);
}
