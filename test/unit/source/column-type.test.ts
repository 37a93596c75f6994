import assert from 'node:assert/strict';
import type { SourceType } from '../../../shared/source/catalog.ts';
import { columnForm } from '../../../shared/source/column-type.ts';
import { datetimeForm } from '../../../shared/source/datetime-form.ts';

describe('the BigQuery type of a column', () => {
  for (const [precision, scale, type] of [
    [1, 0, 'NUMERIC'],
    [29, 0, 'NUMERIC'],
    [38, 9, 'NUMERIC'],
    [9, 9, 'NUMERIC'],
    [2, 5, 'NUMERIC'],
    [20, -9, 'NUMERIC'],
    [30, 0, 'BIGNUMERIC'],
    [39, 9, 'BIGNUMERIC'],
    [10, 10, 'BIGNUMERIC'],
    [76, 38, 'BIGNUMERIC'],
    [38, -1, 'STRING'],
    [39, 0, 'STRING'],
    [76, 39, 'STRING'],
    [1000, 500, 'STRING'],
  ] as const) {
    it(`is ${type} for numeric(${precision},${scale})`, () => {
      assert.equal(columnForm(decimal(precision, scale)).type, type);
    });
  }

  it('is STRING for a type that has no other form', () => {
    assert.equal(columnForm(sourceType({ name: 'geometry' })).type, 'STRING');
    assert.equal(columnForm(sourceType({ name: 'mood', kind: 'e' })).type, 'STRING');
  });

  it('is that of the elements, repeated, for an array', () => {
    const { type, isRepeated } = columnForm(sourceType({ name: 'int4', isArray: true, dimensions: 1 }));
    assert.deepEqual([type, isRepeated], ['INT64', true]);
  });

  it('is JSON for an array of composites or one declared with more than one dimension', () => {
    for (const source of [
      sourceType({ name: 'int4', isArray: true, dimensions: 2 }),
      sourceType({ name: 'pair', kind: 'c', isArray: true, dimensions: 1 }),
    ]) {
      const { type, isRepeated } = columnForm(source);
      assert.deepEqual([type, isRepeated], ['JSON', false]);
    }
  });

  it('is TIMESTAMP for a configured datetime column of text or timestamp, and unchanged for other types', () => {
    const typeOf = (name: string) => datetimeForm(sourceType({ name })).type;
    assert.deepEqual(
      ['text', 'varchar', 'bpchar', 'timestamp', 'timestamptz'].map(typeOf),
      Array(5).fill('TIMESTAMP'),
    );
    assert.deepEqual(['date', 'int4'].map(typeOf), ['DATE', 'INT64']);
    assert.equal(datetimeForm(sourceType({ name: 'timestamp', kind: 'e', isBuiltIn: false })).type, 'STRING');
  });
});

function sourceType(differing: Partial<SourceType>): SourceType {
  return {
    name: 'text',
    kind: 'b',
    isBuiltIn: true,
    modifier: -1,
    isArray: false,
    dimensions: 0,
    ...differing,
  };
}

/** Packs precision and scale into the type modifier as PostgreSQL does; the scale is an 11-bit signed number. */
function decimal(precision: number, scale: number): SourceType {
  return sourceType({ name: 'numeric', modifier: ((precision << 16) | (scale & 0x7ff)) + 4 });
}
