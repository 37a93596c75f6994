import assert from 'node:assert/strict';
import { batchSize } from '../../../shared/batch/batch-size.ts';
import { parseConfig } from '../../../shared/config/config.ts';
import type { StoredCheckpoint } from '../../../shared/control/checkpoints.ts';

const CONFIG = parseConfig({
  GOOGLE_CLOUD_PROJECT: 'smart-project',
  SOURCE_DATABASE_URL: 'postgresql://reader@localhost/smartapp',
  CONTROL_DATABASE_URL: 'postgresql://control@localhost/control',
  STAGING_BUCKET: 'staging',
  BIGQUERY_LOCATION: 'EU',
});
const limitedTo = (maxLogRows: number | null): StoredCheckpoint => ({
  checkpoint: { floorId: 0n, seen: '{}', horizons: [], witness: null },
  floorMovedAt: new Date(),
  definition: null,
  etlTransactionId: null,
  maxLogRows,
});

describe('the limit of a batch', () => {
  for (const [what, stored, limit] of [
    ['a whole view', null, { maxLogRows: 200_000, maxReadRows: 2_000_000 }],
    [
      'a view whose batches were never too slow',
      limitedTo(null),
      { maxLogRows: 200_000, maxReadRows: 2_000_000 },
    ],
    [
      'a view after a batch that was too slow',
      limitedTo(50_000),
      { maxLogRows: 50_000, maxReadRows: 500_000 },
    ],
    ['a view with batches of one row', limitedTo(1), { maxLogRows: 1, maxReadRows: 100_000 }],
    [
      'a view whose limit is above the configured one',
      limitedTo(400_000),
      { maxLogRows: 200_000, maxReadRows: 2_000_000 },
    ],
  ] as const) {
    it(`for ${what} is ${limit.maxLogRows} log rows out of ${limit.maxReadRows} rows to read`, () => {
      assert.deepEqual(batchSize(stored, CONFIG), { ...limit, maxNullRows: limit.maxLogRows });
    });
  }
});
