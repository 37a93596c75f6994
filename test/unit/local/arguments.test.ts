import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { DEFAULT_DATA_FOLDER, exampleCall } from '../../local/arguments.ts';
import { parseViewSources } from '../../local/view-sources.ts';

describe('npm start', () => {
  it('prints a call that finds its data folder', () => {
    assert.equal(exampleCall('/tmp/x'), `npm run call -- extract '{"dryRun":true}' --data /tmp/x`);
    assert.equal(exampleCall(resolve(DEFAULT_DATA_FOLDER)), `npm run call -- extract '{"dryRun":true}'`);
  });

  it('names the file of view sources that is not JSON', () => {
    assert.throws(() => parseViewSources('{"import": [}'), /sql\/source\/view-sources\.json is not JSON: /);
  });
});
