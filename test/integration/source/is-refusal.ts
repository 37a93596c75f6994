import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';

/** Asserts that an error refuses the source, with this message and advice. */
export function isRefusal(message: RegExp, advice: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DataHubError);
    assert.equal(error.kind, 'source_refused', error.message);
    assert.match(error.message, message);
    assert.match(error.advice, advice);
    return true;
  };
}
