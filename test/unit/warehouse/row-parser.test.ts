import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DataHubError } from '../../../shared/errors.ts';
import { createRowParser } from '../../../shared/warehouse/row-parser.ts';

const parse = createRowParser({
  view: 'item_view',
  columns: [
    { name: 'id', type: 'INT64', mode: 'REQUIRED' },
    { name: 'ratio', type: 'FLOAT64', mode: 'NULLABLE' },
    { name: 'detail', type: 'JSON', mode: 'NULLABLE' },
    { name: 'parts', type: 'JSON', mode: 'REPEATED' },
  ],
});

const detailOf = (json: string): unknown => parse(`{"id":1,"ratio":null,"detail":${json},"parts":[]}`).detail;

describe('a staged line', () => {
  it('parses to the values of its columns, and to texts for JSON columns', () => {
    const row = parse(
      '{"id":"9007199254740993","ratio":1e-05,"detail":{"a": [1, "x"]},"parts":[1.0, {"b": null}]}',
    );
    assert.deepEqual(row, {
      id: '9007199254740993',
      ratio: 0.00001,
      detail: '{"a":[1,"x"]}',
      parts: ['1.0', '{"b":null}'],
    });
  });

  for (const number of [
    '9007199254740993',
    '-9223372036854775808',
    '18446744073709551615',
    '1.0',
    '-0',
    '0.1000',
    `0.${'0'.repeat(323)}5`,
    `17976931348623157${'0'.repeat(292)}`,
  ]) {
    it(`I9 keeps a number of a JSON column as it was written: ${number}`, () => {
      assert.equal(detailOf(number), number);
      assert.equal(detailOf(`{"a": [${number}, {"b": ${number}}]}`), `{"a":[${number},{"b":${number}}]}`);
    });
  }

  for (const [json, text] of [
    ['"text"', '"text"'],
    ['"1.0"', '"1.0"'],
    ['true', 'true'],
    ['{"__proto__": 1.50, "": {}, "b": []}', '{"__proto__":1.50,"":{},"b":[]}'],
    ['"\\u0e01 \\" \\\\ \\n"', '"ก \\" \\\\ \\n"'],
    [`${'['.repeat(500)}${']'.repeat(500)}`, `${'['.repeat(500)}${']'.repeat(500)}`],
  ] as const) {
    it(`keeps other JSON values: ${json.slice(0, 40)}`, () => assert.equal(detailOf(json), text));
  }

  it('I9 keeps the value of a JSON column, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.deepEqual(
          JSON.parse((detailOf(JSON.stringify(value)) as string | null) ?? 'null'),
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });

  it('turns JSON null into NULL', () => {
    assert.equal(detailOf('null'), null);
  });

  for (const line of ['', '{"id":1,"detail":"secr', '[]', 'null', '7', '"secret"', '{"id":1} {"id":2}']) {
    it(`I8 counts as lost when it is not a JSON object, and the error does not quote it: '${line}'`, () => {
      for (const columns of [[], [{ name: 'detail', type: 'JSON', mode: 'NULLABLE' } as const]]) {
        assert.throws(
          () => createRowParser({ view: 'item_view', columns })(line),
          (error) => {
            assert.ok(error instanceof DataHubError);
            assert.equal(error.kind, 'staging_lost');
            assert.equal(error.message, 'view item_view: a staged line is not a JSON object');
            assert.equal(error.cause, undefined);
            return true;
          },
        );
      }
    });
  }
});
