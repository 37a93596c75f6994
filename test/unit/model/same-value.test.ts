import assert from 'node:assert/strict';
import { isSameValue } from '../../../shared/model/same-value.ts';

describe('two values as JSON', () => {
  for (const [type, source, target] of [
    ['FLOAT64', '0.1', '0.1'],
    ['FLOAT64', '1', '1.0'],
    ['FLOAT64', '1e21', '1e+21'],
    ['FLOAT64', '"NaN"', '"NaN"'],
    ['FLOAT64', '"-0.0"', '-0.0'],
    ['FLOAT64', '"-Infinity"', '"-Infinity"'],
    ['FLOAT64', '[1,"NaN"]', '[1.0,"NaN"]'],
    ['FLOAT64', null, null],
    ['JSON', '{"a": 1, "b": [true, null]}', '{"b":[true,null],"a":1}'],
    ['JSON', '9223372036854775807', '9223372036854775807'],
    ['JSON', '1.50', '1.5'],
    ['JSON', `1${'0'.repeat(20)}`, '1e+20'],
    ['JSON', '{"__proto__": 1}', '{"__proto__":1}'],
  ] as const) {
    it(`are the same: ${type} ${source} and ${target}`, () => {
      assert.equal(isSameValue(type, source, target), true);
    });
  }

  for (const [type, source, target] of [
    ['FLOAT64', '0.1', '0.10000000000000002'],
    ['FLOAT64', '0', '-0.0'],
    ['FLOAT64', '"NaN"', null],
    ['FLOAT64', null, '0.0'],
    ['FLOAT64', '[0]', '[-0.0]'],
    ['FLOAT64', '[1,2]', '[1]'],
    ['FLOAT64', '[1]', '[1,2]'],
    ['JSON', '1', '1.0'],
    ['JSON', '1', '"1"'],
    ['JSON', '{}', '{"a":null}'],
    ['JSON', '{"a":null}', '{}'],
    ['JSON', '{"a":1}', '{"b":1}'],
    ['JSON', '[1,2]', '[2,1]'],
    ['JSON', '{}', '[]'],
    ['JSON', '{"__proto__": 1}', '{}'],
    ['JSON', '9223372036854775807', '9223372036854775806'],
    ['JSON', '18446744073709551615', '18446744073709551614'],
    ['JSON', '" "', '""'],
    ['JSON', null, 'null'],
  ] as const) {
    it(`are not the same: ${type} ${source} and ${target}`, () => {
      assert.equal(isSameValue(type, source, target), false);
    });
  }
});
