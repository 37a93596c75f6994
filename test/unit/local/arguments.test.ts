import assert from 'node:assert/strict';
import { dataFolderOf, exampleCall, parseArguments, UsageError } from '../../local/arguments.ts';
import { parseViewSources } from '../../local/view-sources.ts';

describe('npm start', () => {
  it('prints a call that finds its data folder', () => {
    assert.equal(exampleCall('/tmp/x'), `npm run call -- extract '{"dryRun":true}' --data /tmp/x`);
    assert.equal(exampleCall(dataFolderOf(undefined)), `npm run call -- extract '{"dryRun":true}'`);
  });

  it('does not take an empty --data for the current directory', () => {
    const refused = (error: unknown) =>
      error instanceof UsageError && /--data must name a folder/.test(error.message);
    assert.throws(() => parseArguments(['--data', '']), refused);
    assert.throws(() => parseArguments(['--once', '--data= ']), refused);
  });

  it('names the file of view sources that is not JSON', () => {
    assert.throws(() => parseViewSources('{"import": [}'), /sql\/source\/view-sources\.json is not JSON: /);
  });
});
