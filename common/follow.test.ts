import { expect, test } from 'vitest';
import { InvalidFollow, parseFollow } from './follow';

test('When both names are valid, then the follow has them and no other field', () => {
  expect(parseFollow({ follower: 'alice', followee: 'Bob_2-x', admin: true })).toEqual({
    follower: 'alice',
    followee: 'Bob_2-x',
  });
  expect(parseFollow({ follower: 'a', followee: 'b'.repeat(32) }).followee).toHaveLength(32);
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a string', 'alice'],
  ['a number', 5],
  ['an array', ['alice', 'bob']],
])('When the input is %s, then the error describes a follow', (_, input) => {
  expect(() => parseFollow(input)).toThrow(
    new InvalidFollow('A follow is a JSON object with "follower" and "followee".'),
  );
});

test.each([
  ['missing', undefined],
  ['null', null],
  ['empty', ''],
  ['a number', 7],
  ['an object', { a: 1 }],
  ['33 characters long', 'x'.repeat(33)],
  ['with a space', 'a b'],
  ['with a line break', 'a\nBcc: x'],
  ['with a trailing line break', 'alice\n'],
  ['with markup', '<b>'],
  ['with a full-width letter', 'ａlice'],
  ['in Japanese', '太郎'],
  ['with an at sign', 'a@b'],
])('When a name is %s, then the error names the field but not the value', (_, value) => {
  const problem = value === undefined ? ['is missing', 'are missing'] : ['is not a valid name', 'are not valid names'];
  const error = (fields: string, [one, both]: string[]) =>
    new InvalidFollow(
      `${fields} ${fields.includes('and') ? both : one}. A name is a string of 1 to 32 of these characters: A-Z, a-z, 0-9, "_" and "-".`,
    );
  expect(() => parseFollow({ follower: value, followee: 'bob' })).toThrow(error('"follower"', problem));
  expect(() => parseFollow({ follower: 'alice', followee: value })).toThrow(error('"followee"', problem));
  expect(() => parseFollow({ follower: value, followee: value })).toThrow(error('"follower" and "followee"', problem));
});

test('When one name is missing and the other is not valid, then the error names both', () => {
  expect(() => parseFollow({ follower: '太郎' })).toThrow('"followee" is missing. "follower" is not a valid name. ');
});

test('When a name is only in the prototype, then it counts as missing', () => {
  expect(() => parseFollow(Object.create({ follower: 'alice', followee: 'bob' }))).toThrow(InvalidFollow);
});

test('When follower and followee are the same, then the follow is invalid', () => {
  expect(() => parseFollow({ follower: 'bob', followee: 'bob' })).toThrow(/must differ/);
});
