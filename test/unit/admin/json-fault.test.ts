import assert from 'node:assert/strict';
import fc from 'fast-check';
import { jsonFault } from '../../../functions/admin/sources/json-fault.ts';

describe('the place at which a text is no JSON', () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };

  it('is found in every text that JSON.parse refuses, and in no other', () => {
    const broken = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.nat(3),
        fc.constantFrom('', ',', '"', '}', ']', '{', '[', ':', 'x', '0', '\\', '\n'),
      )
      .map(([json, place, removed, inserted]) => {
        const at = place % (json.length + 1);
        return json.slice(0, at) + inserted + json.slice(at + removed);
      });
    fc.assert(
      fc.property(fc.oneof(broken, fc.json(), fc.string()), (text) => {
        assert.equal(jsonFault(text) === null, isJson(text), text);
      }),
      { numRuns: 2000 },
    );
  });

  for (const [text, fault] of [
    ['{"import": [\n  {"name": "a",}\n]}', /^Line 2, column 16, at “}”: expected a name in double quotes/],
    ['{"import": [\n  {"name" "a"}\n]}', /^Line 2, column 11, at “"a"}”: expected a colon\.$/],
    ["{'import': []}", /^Line 1, column 2, at “'import': \[\]}”: expected a name in double quotes/],
    ['{"import": [', /^The text ends too early: a value, or a closing bracket is missing\.$/],
    ['{"import": []} x', /^Line 1, column 16, at “x”: expected nothing more\.$/],
    ['{"import": ["a" "b"]}', /^Line 1, column 17, at “"b"\]}”: expected a comma, or a closing bracket\.$/],
  ] as const) {
    it(`is told for ${text.replaceAll('\n', ' ')}`, () => assert.match(jsonFault(text) ?? '', fault));
  }
});
