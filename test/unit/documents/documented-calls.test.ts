import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBatchEvent, parseExtractEvent } from '../../../shared/events/messages.ts';
import { type Code, codeIn } from '../../documents/code-in.ts';
import { ROOT, readCode } from '../../documents/documents.ts';

const DOCUMENTS = ['README.md', 'OPERATIONS.md', 'terraform/outputs.tf'];

/** What a reader would paste must be what the functions take. */
describe('a payload in the documents', () => {
  for (const document of DOCUMENTS) {
    it(`is one that its function takes: ${document}`, async () => {
      const calls = callsIn(await readCode(document));

      assert.ok(calls.length > 1, `${calls.length} calls were found`);
      for (const { functionName, payload } of calls) {
        const parse = functionName === 'extract' ? parseExtractEvent : parseBatchEvent;
        assert.doesNotThrow(() => parse(JSON.parse(payload)), `${functionName} ${payload}`);
      }
    });
  }

  it('is the configuration file as it is', async () => {
    const file = await readFile(join(ROOT, 'sql/source/view-sources.json'), 'utf8');

    assert.equal(parseExtractEvent(JSON.parse(file)).command, 'import');
    for (const document of DOCUMENTS) {
      const text = await readFile(join(ROOT, document), 'utf8');
      assert.doesNotMatch(
        text,
        /import[^\n]*\$\(cat/,
        `${document} wraps the file, which has its "import" already`,
      );
    }
  });

  it('is found where it stands, quoted as its language wants', () => {
    const shell = `call '{"view":"V","resync":true}'\ngcloud functions call merge --data '{"view":"x"}'\n`;
    assert.deepEqual(callsIn(codeIn(`\`\`\`sh\n${shell}\`\`\`\n`)), [
      { functionName: 'extract', payload: '{"view":"V","resync":true}' },
      { functionName: 'merge', payload: '{"view":"x"}' },
    ]);
    const sentence =
      'Then `gcloud functions call stream --data\n\'{"view":"x"}\'`, or `{"view":V,"pause":true}`.\n';
    assert.deepEqual(callsIn(codeIn(sentence)), [
      { functionName: 'stream', payload: '{"view":"x"}' },
      { functionName: 'extract', payload: '{"view":"V","pause":true}' },
    ]);
    assert.deepEqual(callsIn(codeIn('| pause | `{"view":V,"pause":true}` |\n| merge | `{"view":"x"}` |')), [
      { functionName: 'extract', payload: '{"view":"V","pause":true}' },
      { functionName: 'merge', payload: '{"view":"x"}' },
    ]);
  });
});

/** Calls with a payload that stands there whole, quoted for the shell or alone; `V` stands for the name of a view. */
function callsIn(code: Code[]): { functionName: string; payload: string }[] {
  return code.flatMap(({ text, language, context }) => {
    const lines = language === null ? [text] : text.split('\n');
    return lines.flatMap((line) => {
      const row = context.startsWith('|') ? context.split('`')[0] : '';
      const functionName = /\b(merge|stream)\b/.exec(`${row} ${line.split('{')[0]}`)?.[1] ?? 'extract';
      const payloads = line.startsWith('{"')
        ? [line]
        : [...line.matchAll(/'(\{[^']*\})'/g)].map(([, each]) => each);
      return payloads
        .map((payload = '') => payload.replaceAll(/"view":V\b/g, '"view":"V"'))
        .filter((payload) => !/[…$]/.test(payload) && !payload.startsWith('{"message"'))
        .map((payload) => ({ functionName, payload }));
    });
  });
}
