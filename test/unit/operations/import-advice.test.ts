import assert from 'node:assert/strict';
import { ADVICE, RETRIED } from '../../../shared/errors.ts';
import { dryRunAdvice, importAdvice } from '../../../shared/operations/import-advice.ts';

describe('the advice for an import that stores nothing', () => {
  it('never resumes, redrives or resyncs a view source that is not stored', () => {
    for (const advice of Object.values(ADVICE)) {
      assert.doesNotMatch(
        importAdvice(advice),
        /resume|redrive|resync the view|stays halted|retr(?:y|ied)|call again/i,
      );
    }
    assert.equal(
      importAdvice(`${ADVICE.transient} If it lasts: wake up.`),
      'Import again. If it lasts: wake up.',
    );
    assert.equal(importAdvice(`Grant it. ${RETRIED}`), 'Grant it. Then import again.');
    assert.equal(importAdvice('Nothing was changed. Call again.'), 'Import again.');
    assert.equal(
      importAdvice('Run: alter sequence s cache 1; Then resume the view.'),
      'Run: alter sequence s cache 1; Then import again.',
    );
    assert.equal(
      importAdvice('Grant it. Then import again, or resume the view.'),
      'Grant it. Then import again.',
    );
    assert.equal(importAdvice('Resync the view. Prune less.'), 'Import again. Prune less.');
    assert.equal(
      importAdvice('Run: drop table t; Then send {"view":"v","resync":true}.'),
      'Run: drop table t; Then import again.',
    );
    assert.equal(
      importAdvice('Import the view with another target_name, and resume it.'),
      'Import the view with another target_name.',
    );
    assert.equal(
      importAdvice('Rename it. Or import the view source as x, and send {"view":"v","resync":true}.'),
      'Rename it. Or import the view source as x.',
    );
  });

  describe('if it is a dry run', () => {
    const advised = (ok: boolean, advice: string) => dryRunAdvice({ ok, advice }, ['stored']);
    const then = (view: string) => `Run: drop table t; Then send {"view":"${view}","resync":true}.`;

    it('resyncs only view sources that are stored', () => {
      for (const ok of [true, false]) {
        assert.equal(advised(ok, then('stored')), then('stored'));
        assert.equal(advised(ok, then('other')), 'Run: drop table t; Then import again.');
      }
    });

    it('says of a warning what helps after the import', () => {
      const advice = 'Import the view source again. Then resync the view if such rows were saved before.';
      assert.equal(advised(true, advice), advice);
      const schedule = 'Schedule resyncs of the view: {"view":"other","resync":true}.';
      assert.equal(advised(true, schedule), schedule);
    });
  });
});
