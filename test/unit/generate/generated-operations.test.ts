import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { generatedOperations } from '../../generate/generated-operations.ts';

const committed = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');

describe('the table of docs/operations.md that says why rows differ', () => {
  it('is that which the pages of admin show', () => {
    assert.equal(generatedOperations(committed), committed, 'run npm run generate');
  });

  it('has a place in the document', () => {
    assert.throws(() => generatedOperations('# One\n'), /docs\/operations.md has no place/);
  });
});
