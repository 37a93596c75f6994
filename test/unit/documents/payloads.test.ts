import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBatchEvent } from '../../../shared/events/batch-event.ts';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import { parseReconcileEvent } from '../../../shared/events/reconcile-event.ts';
import { type Code, codeIn, ROOT, readDocuments } from '../../support/documents.ts';

/** Readers paste these payloads, so the functions must accept them. */
describe('payloads in the documents', () => {
  it('are accepted by the functions', async () => {
    const documents = await readDocuments();
    const refused = documents.flatMap(({ path, text }) =>
      refusedIn(codeIn(text)).map((refusal) => `${path}:${refusal}`),
    );

    assert.ok(documents.flatMap(({ text }) => codeIn(text).flatMap(payloadsIn)).length > 10);
    assert.deepEqual(refused, []);
  });

  it('are accepted when Terraform prints them', async () => {
    const outputs = await readFile(join(ROOT, 'terraform/outputs.tf'), 'utf8');
    const code = { line: 1, language: 'sh', text: outputs.replaceAll('\\"', '"') };

    assert.deepEqual(
      payloadsIn(code).map(({ json }) => json),
      ['{"check": true}', '{}', '{}'],
    );
    assert.deepEqual(refusedIn([code]), []);
  });

  it('may be the unchanged file of view sources', async () => {
    const viewSources = await readFile(join(ROOT, 'sql/source/view-sources.json'), 'utf8');

    assert.equal(parseExtractEvent(JSON.parse(viewSources)).command, 'import');
    for (const { path, text } of await readDocuments()) {
      assert.doesNotMatch(
        text,
        /"import"[^\n]*\$\(cat/,
        `${path} wraps the file, which already contains "import"`,
      );
    }
  });

  for (const [where, text] of [
    ['a command', '```sh\ngcloud functions call merge --data \'{"view":"x"}\'\n```\n'],
    ['a call of reconcile', 'Type `npm run call -- reconcile \'{"view":"x","repair":1}\'`.'],
    ['a call', '```sh\ncall \'{"view":"V","resync":"yes"}\'\n```\n'],
    ['a span', 'Send `{"view":V,"pause":1}`.'],
    ['a sentence', 'Then `npm run call -- extract\n\'{"views":"x"}\'`.'],
    ['a block', '```json\n{\n  "view": "x",\n  "etlTransactionId": 7\n}\n```\n'],
    ['a view source', '```json\n{ "name": "x", "main_table": "x" }\n```\n'],
  ] as const) {
    it(`are checked in ${where}`, () => {
      assert.equal(refusedIn(codeIn(text)).length, 1);
    });
  }
});

interface Payload {
  json: string;
  receiver: 'extract' | 'merge or stream' | 'reconcile';
}

/** Complete payloads in code: quoted for the shell, or alone. `V` stands for the name of a view. */
function payloadsIn({ text, language }: Code): Payload[] {
  const pieces = language === 'json' ? [text.trim()] : text.replaceAll('\\\n', ' ').split('\n');
  return pieces.flatMap((piece) => {
    const quoted = [...piece.matchAll(/'(\{[^']*\})'/g)].map(([, json = '']) => json);
    return [...quoted, ...(ALONE.test(piece) ? [piece] : [])]
      .map((json) => json.replaceAll(/"view": ?V\b/g, '"view":"V"'))
      .filter((json) => !/[…$]|"message"/.test(json))
      .map((json) => ({ json, receiver: receiverOf(piece) }));
  });
}

function receiverOf(piece: string): Payload['receiver'] {
  if (/\bcall (-- )?reconcile\b/.test(piece)) return 'reconcile';
  return /"etlTransactionId"|\bcall (merge|stream)\b/.test(piece) ? 'merge or stream' : 'extract';
}

/** Matches an event or a view source, but not, for example, a log line. */
const ALONE = /^\{\s*("(view|import|check|dryRun|redrive|resolve|status|trigger)":|.*"main_table":).*\}$/s;

function refusedIn(code: Code[]): string[] {
  return code.flatMap((piece) =>
    payloadsIn(piece).flatMap(({ json, receiver }) => {
      try {
        const payload = JSON.parse(json) as object;
        if ('main_table' in payload) parseExtractEvent({ import: [payload] });
        else if (receiver === 'reconcile') parseReconcileEvent(payload);
        else if (receiver === 'extract') parseExtractEvent(payload);
        else parseBatchEvent(payload);
        return [];
      } catch (error) {
        return [`${piece.line}: ${json}: ${error}`];
      }
    }),
  );
}
