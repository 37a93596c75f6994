import assert from 'node:assert/strict';
import { wordsOf } from '../../local/line.ts';
import { formatDuration, formatLogLine } from '../../local/log-line.ts';

const format = (entry: object): string | undefined => {
  const line = formatLogLine('merge', JSON.stringify(entry));
  return line && wordsOf(line);
};

describe("a function's log line in the local stack", () => {
  it('is short for an applied batch', () => {
    const applied = {
      severity: 'INFO',
      message: 'batch applied',
      view: 'pmr_project',
      etlTransactionId: '12',
      kind: 'incremental',
      added: '3',
      changed: '1234',
      deleted: '1',
      lagMs: 2100,
      durationMs: 240,
    };
    assert.equal(format(applied), 'pmr_project batch 12 (incremental): +3 ~1,234 -1 in 240 ms, lag 2.1 s');
    assert.equal(
      format({ ...applied, kind: 'initial', lagMs: null }),
      'pmr_project batch 12 (initial): +3 ~1,234 -1 in 240 ms',
    );
  });

  it('shows the progress of initial loads, but not of incremental batches', () => {
    const staged = {
      message: 'batch staged',
      view: 'pmr_project',
      etlTransactionId: '1',
      kind: 'initial',
      upserts: 620,
    };
    assert.equal(format(staged), 'pmr_project batch 1 (initial): 620 rows staged');
    assert.equal(format({ ...staged, kind: 'incremental' }), undefined);
    assert.equal(format({ severity: 'INFO', message: 'configuration imported' }), undefined);
  });

  it('says what a check found, and how far a long one is', () => {
    const equal = {
      ...{ severity: 'INFO', message: 'view and target are equal', view: 'pmr_project', check: '7' },
      ...{ differences: 0, repaired: 0, durationMs: 2100 },
    };
    assert.equal(format(equal), 'pmr_project check 7: both sides are equal (2.1 s)');
    assert.equal(
      format({ ...equal, differences: 1204, repaired: 1204 }),
      'pmr_project check 7: both sides are equal again: 1,204 differed, 1,204 repaired (2.1 s)',
    );
    const part = { ...equal, message: 'check goes on', part: 2, parts: 4, rows: 100_000 };
    assert.equal(format(part), 'pmr_project check 7: part 2 of 4, 100,000 rows so far');
    assert.equal(format({ ...part, part: 1, parts: 1 }), undefined);
  });

  it('shows an error completely, with its advice', () => {
    const halted = {
      severity: 'ERROR',
      message: 'view halted',
      timestamp: '2024-02-29T00:00:00Z',
      view: 'pmr_project',
      kind: 'schema_drift',
      'logging.googleapis.com/trace': 'projects/p/traces/1',
      'logging.googleapis.com/labels': { function: 'merge' },
      error: 'column x differs',
      advice: 'Alter it.',
    };
    assert.equal(
      format(halted),
      'error: merge: pmr_project: view halted (kind schema_drift)\n  column x differs\n  Alter it.',
    );
  });

  it('begins no line of its own with what a payload contains', () => {
    const failed = { severity: 'ERROR', message: 'bad\nerror: forged', error: 'key "x\nerror: forged"' };
    assert.equal(format(failed), 'error: merge: bad\\nerror: forged\n  key "x\n  error: forged"');
  });

  it('is shown unchanged if it is not a structured log', () => {
    assert.equal(formatLogLine('merge', 'hello'), 'merge: hello');
    assert.equal(formatLogLine('merge', '{broken'), 'merge: {broken');
    assert.equal(formatLogLine('merge', ''), undefined);
  });

  it('shows durations in a readable form', () => {
    assert.deepEqual([3.4, 2140, 185_000].map(formatDuration), ['3 ms', '2.1 s', '3 min 5 s']);
  });
});
