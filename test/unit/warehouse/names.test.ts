import assert from 'node:assert/strict';
import fc from 'fast-check';
import { jobId, objectNames, quoted, stringLiteral } from '../../../shared/warehouse/names.ts';
import { RAISED, raisedCode } from '../../../shared/warehouse/procedure-sql.ts';

const DATASETS = { projectId: 'smart-project', temp: 'T', target: 'A', view: 'V' };

describe('names in the warehouse', () => {
  it('derive from the target name, each in its own dataset', () => {
    assert.deepEqual(objectNames(DATASETS, { target: 'project' }), {
      temp: 'smart-project.T.temp_project',
      target: 'smart-project.A.project',
      procedure: 'smart-project.A.merge_project',
      view: 'smart-project.V.view_project',
      ledger: 'smart-project.T.applied_batch',
    });
  });

  it('I12 cannot break out of their quotes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('`', '\\', '\n', '\0', 'a', '.', ' ', "'", '-') }),
        (name) => {
          if (/[`\\\n\0]/.test(name)) assert.throws(() => quoted(name), { kind: 'configuration' });
          else assert.equal(quoted(name), `\`${name}\``);
        },
      ),
    );
  });
});

describe('a string literal of GoogleSQL', () => {
  it('reads back as the original text', () => {
    const unit = fc.constantFrom("'", '"', '\\', '\n', '\r', 'n', 'r', 'x', '`', '☂', ';', '-');
    fc.assert(fc.property(fc.string({ unit }), (text) => assert.equal(readBack(stringLiteral(text)), text)));
  });
});

describe('a job id', () => {
  it('I5 consists of its parts, with only characters that BigQuery allows', () => {
    assert.equal(jobId('merge', 'pmr_project', 12n, 3), 'merge_pmr_project_12_3');
    assert.equal(jobId('load', 'öl.view', 1n, 1, 2), 'load_-l-view_1_1_2');
  });
});

describe('raisedCode', () => {
  it('finds the code inside the message that BigQuery wraps around it', () => {
    for (const raised of RAISED) {
      const message = `Query error: [smart-datahub:${raised}] 1 of 2 rows at [SMartDataAnalytics.merge_project:21:9]`;
      assert.equal(raisedCode(message), raised);
    }
  });

  it('returns null for every other message', () => {
    for (const message of ['', 'superseded', '[smart-datahub:other] x', 'smart-datahub:refused']) {
      assert.equal(raisedCode(message), null);
    }
  });
});

/** Reads a single-quoted GoogleSQL literal by the rules of its lexical structure, as far as the product uses them. */
function readBack(literal: string): string {
  assert.match(literal, /^'(?:[^'\\\n\r]|\\[\\'nr])*'$/);
  return literal
    .slice(1, -1)
    .replaceAll(/\\(.)/g, (_, escaped: string) => ({ n: '\n', r: '\r' })[escaped] ?? escaped);
}
