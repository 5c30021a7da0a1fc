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

await build({
  entryPoints: {
    main: join(here, 'main.ts'),
    index: join(here, 'index.ts'),
    ...Object.fromEntries(Object.entries(ON_DEMAND).map(([library, file]) => [file, library])),
  },
  plugins: [onDemand],
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
