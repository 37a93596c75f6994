import assert from 'node:assert/strict';
import { formatKey } from '../../../shared/model/format-key.ts';

describe('a key in a message', () => {
  for (const plain of [
    '17',
    '-9223372036854775808',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'PM-2026_07.a',
  ]) {
    it(`is printed unchanged: ${plain}`, () => assert.equal(formatKey(plain), plain));
  }

  for (const [key, shown] of [
    ['', '""'],
    [' a', '" a"'],
    ['1, column b', '"1, column b"'],
    ['two\nlines', '"two\\nlines"'],
    ['it "is"', '"it \\"is\\""'],
    ['กุญแจ', '"กุญแจ"'],
  ] as const) {
    it(`is quoted and escaped if its limits or characters would be unclear: ${shown}`, () =>
      assert.equal(formatKey(key), shown));
  }

  it('is shortened, with an ellipsis, if it is longer than 100 characters', () => {
    assert.equal(formatKey('x'.repeat(101)), `"${'x'.repeat(100)}"…`);
    assert.equal(formatKey('x'.repeat(100)), 'x'.repeat(100));
  });
});
