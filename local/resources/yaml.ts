import { readFileSync } from 'node:fs';
import { type Document, isPair, type ParseOptions, parseAllDocuments, type SchemaOptions, visit } from 'yaml';
import { Field, ResourceError } from './document';

/**
 * How daprd and the dapr CLI read plain scalars: as YAML 1.1, without dates and without numbers to the base 60.
 * `yes` and `on` are booleans, and `010` is 8.
 */
const OPTIONS: ParseOptions & SchemaOptions = {
  schema: 'yaml-1.1',
  uniqueKeys: false, // the last one counts
  customTags: (tags) =>
    tags.filter((tag) => typeof tag === 'string' || !(tag.tag.endsWith(':timestamp') || tag.format === 'TIME')),
};

/**
 * Returns the documents of a resource file.
 *
 * @param prepare changes the text before it is parsed
 * @throws {ResourceError} when the file is unreadable or not YAML
 */
export function readDocuments(file: string, prepare = (text: string) => text): Field[] {
  return fieldsOf(file, parse(file, prepare(readText(file))));
}

/**
 * Returns the documents of a run file. As with `dapr run -f`, a variable of the environment has the text of the file:
 * `1.10` and `yes` stay as they are. So do all other numbers.
 *
 * @throws {ResourceError} when the file is unreadable or not YAML
 */
export function readRunDocuments(file: string): Field[] {
  const documents = parse(file, readText(file));
  for (const document of documents) {
    visit(document, {
      Scalar(_, node, path) {
        const isVariable = path.some((parent) => isPair(parent) && String(parent.key) === 'env');
        const isText = typeof node.value === 'number' || (isVariable && typeof node.value === 'boolean');
        if (isText && node.source !== undefined) node.value = node.source;
      },
    });
  }
  return fieldsOf(file, documents);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ResourceError(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function parse(file: string, text: string): Document[] {
  const documents = Array.from(parseAllDocuments(text, OPTIONS));
  const error = firstError(documents);
  if (!error) return documents;
  const lenient = Array.from(parseAllDocuments(indentQuotes(text), OPTIONS));
  if (!firstError(lenient)) return lenient;
  throw new ResourceError(`${file}: not YAML: ${error.message.split('\n')[0]}`, { cause: error });
}

const firstError = (documents: readonly Document[]) => documents.flatMap(({ errors }) => errors)[0];

/** Strings in quotes. A quote within a word, as in a comment, begins no string. */
const QUOTED = /(?<=(?:^|[:,[{?-])\s*)(?:'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")/gms;

/**
 * Indents the lines of each string in quotes. daprd's parser accepts such lines with tabs or without any indentation,
 * which YAML does not allow. JSON in quotes often looks like that.
 */
const indentQuotes = (text: string) =>
  text.replace(QUOTED, (quoted) => quoted.replace(/\n[ \t]*/g, `\n${' '.repeat(80)}`));

/** Returns the documents that are not empty. */
function fieldsOf(file: string, documents: readonly Document[]): Field[] {
  try {
    return documents.map((document) => new Field(file, '', document.toJS(), true)).filter(({ present }) => present);
  } catch (error) {
    throw new ResourceError(`${file}: ${(error as Error).message}`, { cause: error }); // an alias without an anchor
  }
}
