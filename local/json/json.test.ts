import { describe, expect, test } from 'vitest';
import { JsonSyntaxError, parseJson, parseWholeJson } from './parse';
import { stringifyJson } from './stringify';

const throughDapr = (text: string) => stringifyJson(parseJson(text));

describe('parseJson and stringifyJson', () => {
  test.each([
    [
      '{"z":1.50,"big":12345678901234567890,"e":1e3,"neg":-0}',
      '{"big":12345678901234567890,"e":1e3,"neg":-0,"z":1.50}',
    ],
    [' [ true , false , null , "" , {} , [ ] ] ', '[true,false,null,"",{},[]]'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['"\\u00e9\\ud83d\\ude00\\n\\""', '"é😀\\n\\""'],
    ['"<b>&\\u2028"', '"\\u003cb\\u003e\\u0026\\u2028"'],
    ['{"__proto__":1,"constructor":{"a":2}}', '{"__proto__":1,"constructor":{"a":2}}'],
    ['{"a":1}{"b":2}', '{"a":1}'],
    ['[1,2] and more', '[1,2]'],
  ])('When %s is parsed and written, then the result is %s', (text, expected) => {
    expect(throughDapr(text)).toBe(expected);
  });

  test('When parseWholeJson finds more than one value, then it throws', () => {
    expect(parseWholeJson(' 1 ')).toMatchObject({ text: '1' });
    expect(() => parseWholeJson('1 2')).toThrow("invalid character '2' after top-level value");
  });

  test('When values are random, then the result has the same meaning for JSON.parse', () => {
    const random = (depth: number): unknown => {
      const kind = Math.floor(Math.random() * (depth > 0 ? 7 : 5));
      if (kind === 0) return null;
      if (kind === 1) return Math.random() < 0.5;
      if (kind === 2) return Math.round((Math.random() - 0.5) * 10 ** Math.floor(Math.random() * 18)) / 100;
      if (kind < 5) return String.fromCharCode(...Array.from({ length: 5 }, () => Math.floor(Math.random() * 300)));
      const items = Array.from({ length: 4 }, () => random(depth - 1));
      return kind === 5 ? items : Object.fromEntries(items.map((item, i) => [`k${i}"\\`, item]));
    };
    for (let i = 0; i < 500; i += 1) {
      const text = JSON.stringify(random(4));
      expect(JSON.parse(throughDapr(text))).toEqual(JSON.parse(text));
    }
  });
});

describe('invalid JSON', () => {
  test.each([
    ['', 'EOF'],
    ['   ', 'EOF'],
    ['nope', "invalid character 'o' in literal null (expecting 'u')"],
    ['x', "invalid character 'x' looking for beginning of value"],
    ['{"a":', 'unexpected EOF'],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['[1 2]', "invalid character '2' after array element"],
    ['"abc', 'unexpected EOF'],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12G4"', "invalid character 'G' in \\u hexadecimal character escape"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1e+x', "invalid character 'x' in exponent of numeric literal"],
  ])("When the text is %j, then the error is Go's: %s", (text, message) => {
    expect(() => parseJson(text)).toThrow(new JsonSyntaxError(message));
  });

  test('When the nesting is too deep, then parseJson throws an error and the process does not crash', () => {
    expect(() => parseJson('['.repeat(4_000_000))).toThrow('exceeded max depth');
    expect(throughDapr(`${'['.repeat(1_000)}${']'.repeat(1_000)}`)).toHaveLength(2_000);
  });
});
