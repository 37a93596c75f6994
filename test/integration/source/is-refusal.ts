import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';

/** Of an error: that the source was refused, with this message and advice. */
export function isRefusal(message: RegExp, advice: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DataHubError);
    assert.equal(error.kind, 'source_refused', error.message);
    assert.match(error.message, message);
    assert.match(error.advice, advice);
    return true;
  };
}
