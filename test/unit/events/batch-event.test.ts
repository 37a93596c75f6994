import assert from 'node:assert/strict';
import { parseBatchEvent } from '../../../shared/events/batch-event.ts';

describe('a batch event', () => {
  it('names a view and a batch id, which may be larger than a JSON number can hold', () => {
    assert.deepEqual(parseBatchEvent({ view: 'pmr_project', etlTransactionId: '9007199254740993' }), {
      view: 'pmr_project',
      etlTransactionId: 9007199254740993n,
    });
  });

  for (const [what, payload, message] of [
    ['no batch id', { view: 'x' }, /etlTransactionId: /],
    [
      'an invalid batch id',
      { view: 'x', etlTransactionId: '-1' },
      /etlTransactionId: is not an ETL transaction id/,
    ],
    ['a batch id as a JSON number', { view: 'x', etlTransactionId: 7 }, /etlTransactionId: .*string/],
    ['rows', { view: 'x', etlTransactionId: '7', rows: [] }, /rows/],
    ['nothing', {}, /view: .*etlTransactionId: /],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseBatchEvent(payload), {
        kind: 'invalid_event',
        message,
        advice: /"etlTransactionId"/,
      });
    });
  }
});
