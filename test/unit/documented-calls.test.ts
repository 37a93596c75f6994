import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parseBatchEvent, parseExtractEvent } from '../../shared/events/messages.ts';

const ROOT = new URL('../../', import.meta.url);
const DOCUMENTS = ['README.md', 'OPERATIONS.md', 'terraform/outputs.tf'];

/** What a reader would paste must be what the functions take. */
describe('a payload in the documents', () => {
  for (const document of DOCUMENTS) {
    it(`is one that its function takes: ${document}`, async () => {
      const calls = callsIn(await readFile(new URL(document, ROOT), 'utf8'));

      assert.ok(calls.length > 1, `${calls.length} calls were found`);
      for (const { functionName, payload } of calls) {
        const parse = functionName === 'extract' ? parseExtractEvent : parseBatchEvent;
        assert.doesNotThrow(() => parse(JSON.parse(payload)), `${functionName} ${payload}`);
      }
    });
  }

  it('is the configuration file as it is', async () => {
    const file = await readFile(new URL('sql/source/view-sources.json', ROOT), 'utf8');

    assert.equal(parseExtractEvent(JSON.parse(file)).ask, 'import');
    for (const document of DOCUMENTS) {
      const text = await readFile(new URL(document, ROOT), 'utf8');
      assert.doesNotMatch(
        text,
        /import[^\n]*\$\(cat/,
        `${document} wraps the file, which has its "import" already`,
      );
    }
  });

  it('is found where it stands, quoted as its language wants', () => {
    assert.deepEqual(callsIn(`functions call merge --region R --data '{"view":V,"etlTransactionId":"1"}'`), [
      { functionName: 'merge', payload: '{"view":"V","etlTransactionId":"1"}' },
    ]);
    assert.deepEqual(callsIn(`call '{"view":"V","resync":true}'`), [
      { functionName: 'extract', payload: '{"view":"V","resync":true}' },
    ]);
    assert.deepEqual(callsIn(`\${local.call_extract} --data '{\\"check\\": true}'"`), [
      { functionName: 'extract', payload: '{"check": true}' },
    ]);
    assert.deepEqual(callsIn('| pause | `{"view":V,"pause":true}` |\n| merge | `{"view":"x"}` |'), [
      { functionName: 'extract', payload: '{"view":"V","pause":true}' },
      { functionName: 'merge', payload: '{"view":"x"}' },
    ]);
  });
});

/** Calls with a payload that stands there whole; `V` stands for the name of a view. */
function callsIn(text: string): { functionName: string; payload: string }[] {
  return text.split('\n').flatMap((line) => {
    const functionName = /\b(merge|stream)\b[^{]*\{/.exec(line)?.[1] ?? 'extract';
    const quoted = line.startsWith('|') ? /`(\{"[^`]*\})`/g : /'(\{[^'`]*\})'/g;
    return [...line.matchAll(quoted)]
      .map(([, payload = '']) => payload.replaceAll('\\"', '"').replaceAll(/"view":V\b/g, '"view":"V"'))
      .filter((payload) => !payload.includes('…') && !payload.includes('$'))
      .filter((payload) => !payload.startsWith('{"message"'))
      .map((payload) => ({ functionName, payload }));
  });
}
