import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { configuration, RESOURCES } from './resource-rules';
import { isMapping, type Rule } from './rules';

// daprd starts without a file that is not YAML, without a resiliency policy that it cannot read, and ignores a field that
// it does not know. Then events are not retried, or for ever. So entrypoint.sh checks the files before it starts daprd.

interface Document {
  file: string;
  value: Record<string, unknown>;
}

/** What a check has found. */
export interface Findings {
  /** Each names its file. */
  problems: string[];
  /** The file of each component. */
  components: Map<string, string>;
}

/**
 * Checks the files that a sidecar reads.
 *
 * @param configs the files of `--config`
 * @param folders the folders of `--resources-path`
 * @param needed the components that the services use
 */
export function checkResources(
  configs: readonly string[],
  folders: readonly string[],
  needed: readonly string[],
): Findings {
  const problems: string[] = [];
  const read = (file: string): Document[] => {
    try {
      return documentsOf(file);
    } catch (error) {
      problems.push(`${file}: ${(error as Error).message}`);
      return [];
    }
  };
  const check = ({ file, value }: Document, rules: Readonly<Record<string, Rule>>) => {
    const rule = rules[String(value.kind)];
    const allowed = Object.keys(rules).join(', ');
    const found = rule ? rule(value, '') : [`kind is ${JSON.stringify(value.kind)}; allowed: ${allowed}`];
    problems.push(...found.map((problem) => `${file}: ${problem}`));
  };
  for (const document of configs.flatMap(read)) check(document, { Configuration: configuration });

  const documents = folders.flatMap((folder) => yamlFiles(folder, problems)).flatMap(read);
  for (const document of documents) check(document, RESOURCES);
  const components = new Map<string, string>();
  for (const { file, value } of documents.filter(({ value }) => value.kind === 'Component')) {
    const name = nameOf(value);
    const twin = components.get(name);
    if (twin !== undefined) problems.push(`${file}: component ${name} is also in ${twin}`);
    components.set(name, file);
  }
  // A file with a problem may hold what seems to be missing.
  if (problems.length > 0) return { problems, components };
  for (const document of documents.filter(({ value }) => value.kind === 'Resiliency')) {
    problems.push(...unknownNames(document, components).map((problem) => `${document.file}: ${problem}`));
  }
  for (const name of needed.filter((name) => !components.has(name))) {
    problems.push(`${folders.join(', ')}: no file has a component with the name ${name}`);
  }
  return { problems, components };
}

/** Returns the documents of a YAML file. @throws {Error} when the file is unreadable, empty or not YAML */
function documentsOf(file: string): Document[] {
  const parsed = Array.from(parseAllDocuments(readFileSync(file, 'utf8')));
  const [error] = parsed.flatMap(({ errors }) => errors);
  if (error) throw new Error(`not YAML: ${error.message.split('\n')[0]}`);
  const values = parsed.map((document): unknown => document.toJS()).filter((value) => value !== null);
  if (values.length === 0) throw new Error('the file is empty');
  return values.map((value) => ({ file, value: isMapping(value) ? value : { kind: value } }));
}

function yamlFiles(folder: string, problems: string[]): string[] {
  try {
    const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
    if (names.length === 0) problems.push(`${folder}: the folder has no YAML files`);
    return names.sort().map((name) => join(folder, name));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    problems.push(`${folder}: ${missing ? 'there is no such folder' : (error as Error).message}`);
    return [];
  }
}

/** Returns the names in the targets of a Resiliency document that no component and no policy has. */
function unknownNames({ value }: Document, components: ReadonlyMap<string, string>): string[] {
  const { policies, targets } = mapping(value.spec);
  const { timeouts, retries, circuitBreakers } = mapping(policies);
  const defined = { timeout: timeouts, retry: retries, circuitBreaker: circuitBreakers };
  const problems: string[] = [];
  const visit = (target: unknown, path: string) => {
    for (const [kind, entry] of Object.entries(mapping(target))) {
      const names = defined[kind as keyof typeof defined];
      if (isMapping(entry)) visit(entry, `${path}.${kind}`);
      else if (kind in defined && !(String(entry) in mapping(names)) && !String(entry).startsWith('DaprBuiltIn')) {
        problems.push(
          `${path}.${kind} is ${JSON.stringify(entry)}; defined: ${Object.keys(mapping(names)).join(', ')}`,
        );
      }
    }
  };
  visit(targets, 'spec.targets');
  const named = Object.keys(mapping(mapping(targets).components));
  for (const name of named.filter((name) => !components.has(name))) {
    problems.push(
      `spec.targets.components.${name} is not a component; components: ${[...components.keys()].join(', ')}`,
    );
  }
  return problems;
}

const mapping = (value: unknown): Record<string, unknown> => (isMapping(value) ? value : {});
const nameOf = (value: Record<string, unknown>) => String(mapping(value.metadata).name);

/**
 * Prints the file of each component, or the problems, which are then the reason to exit with 1. The first argument has the
 * configuration files with commas between them.
 */
function main([config = '', ...folders]: string[]): void {
  const { PUBSUB_NAME = 'pubsub', STATESTORE_NAME = 'statestore' } = process.env;
  const { problems, components } = checkResources(config.split(','), folders, [PUBSUB_NAME, STATESTORE_NAME]);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log([...components].map(([name, file]) => `${name}: ${file}`).join(', '));
}

if (require.main === module) main(process.argv.slice(2));
