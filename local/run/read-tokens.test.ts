import { expect, test } from 'vitest';
import { readTokens } from './read-tokens';
import { RunError } from './run-error';

test('When the tokens are set, then the sidecar has them; an empty token counts as not set', () => {
  expect(readTokens({ DAPR_API_TOKEN: 'a', APP_API_TOKEN: 'b c' })).toEqual({ apiToken: 'a', appToken: 'b c' });
  expect(readTokens({ DAPR_API_TOKEN: '' })).toEqual({});
});

test.each(['DAPR_API_TOKEN', 'APP_API_TOKEN'])(
  'When %s cannot be sent in a header, then the error names the variable and does not show the token',
  (name) => {
    for (const token of ['cret\n', ' cret', 'cr\u00e9t cret', 'cret\u0000']) {
      expect(() => readTokens({ [name]: token })).toThrow(RunError);
      expect(() => readTokens({ [name]: token })).toThrow(new RegExp(`^${name} is not usable(?!.*cret)`));
    }
  },
);
