import assert from 'node:assert/strict';
import { dataFolderOf, exampleCall, parseArguments, UsageError } from '../../local/arguments.ts';

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

  it('takes a file of views, and keeps a run only after a comparison', () => {
    assert.equal(parseArguments(['--views', 'my.json'])?.views, 'my.json');
    assert.equal(parseArguments(['--once', '--keep'])?.keep, true);
    const wrong: [string[], RegExp][] = [
      [['--views', ' '], /--views must name a file, not ""/],
      [['--keep'], /--keep needs --once/],
      [['--once', '--keep', '--json'], /--keep cannot be used with --json/],
    ];
    for (const [args, message] of wrong)
      assert.throws(() => parseArguments(args), { name: 'UsageError', message });
  });
});
