import assert from 'node:assert/strict';
import { ADVICE, RETRIED } from '../../../shared/errors.ts';
import { importAdvice } from '../../../shared/operations/import-advice.ts';

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
  });
});
