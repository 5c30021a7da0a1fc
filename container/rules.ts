/** Returns what is wrong with the value at a path, such as `spec.policies`; an empty list when nothing is. */
export type Rule = (value: unknown, path: string) => string[];

/** Everything is right. */
export const anything: Rule = () => [];

/** A text that is not empty. Dapr also accepts numbers and booleans where it documents a text. */
export const text: Rule = (value, path) =>
  ['string', 'number', 'boolean'].includes(typeof value) && value !== '' ? [] : [`${path} must be a text`];

/** One of these words. Dapr ignores case. */
export const oneOf =
  (...words: string[]): Rule =>
  (value, path) =>
    words.includes(String(value).toLowerCase()) ? [] : [`${path} is ${show(value)}; allowed: ${words.join(', ')}`];

/** A text that matches the pattern. @param example for the message */
export const matching =
  (pattern: RegExp, example: string): Rule =>
  (value, path) =>
    ['string', 'number'].includes(typeof value) && pattern.test(String(value))
      ? []
      : [`${path} is ${show(value)}; allowed: ${example}`];

export const wholeNumber: Rule = (value, path) =>
  Number.isInteger(value) ? [] : [`${path} is ${show(value)}; allowed: a whole number, without quotes`];

/** A mapping with these fields and no others. @param required the fields that must be there */
export const fields =
  (rules: Readonly<Record<string, Rule>>, ...required: string[]): Rule =>
  (value, path) => {
    if (!isMapping(value)) return [`${path || 'the document'} must be a mapping`];
    const missing = required.filter((name) => value[name] === undefined || value[name] === null);
    return [
      ...Object.entries(value).flatMap(([name, entry]) => {
        const rule = rules[name];
        if (rule === undefined) return [`${at(path, name)} is unknown; allowed: ${Object.keys(rules).join(', ')}`];
        return entry === null || missing.includes(name) ? [] : rule(entry, at(path, name));
      }),
      ...missing.map((name) => `${at(path, name)} is missing`),
    ];
  };

/** A mapping of names to values of one kind. */
export const namesTo =
  (rule: Rule): Rule =>
  (value, path) =>
    isMapping(value)
      ? Object.entries(value).flatMap(([name, entry]) => rule(entry, at(path, name)))
      : [`${path} must be a mapping`];

/** A list of values of one kind. */
export const listOf =
  (rule: Rule): Rule =>
  (value, path) =>
    Array.isArray(value) ? value.flatMap((entry, i) => rule(entry, `${path}[${i}]`)) : [`${path} must be a list`];

/** Whether a value of a YAML file has fields. */
export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const at = (path: string, name: string) => (path === '' ? name : `${path}.${name}`);
const show = (value: unknown) => JSON.stringify(value) ?? 'missing';
