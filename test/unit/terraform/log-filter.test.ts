import assert from 'node:assert/strict';
import { type LogEntry, logEntryOf } from '../../tools/terraform/log-entry.ts';
import { extractField, parseLogFilter } from '../../tools/terraform/log-filter.ts';

const entry = (fields: object, service = 'extract'): LogEntry => logEntryOf(JSON.stringify(fields), service);
const APPLIED = entry({ severity: 'INFO', message: 'batch applied', view: 'pmr_project', lagMs: 12.5 });

describe('a filter of Cloud Logging', () => {
  for (const { filter, passes } of [
    { filter: 'jsonPayload.message="batch applied"', passes: true },
    { filter: 'jsonPayload.message="batch"', passes: false },
    { filter: 'jsonPayload.message!="batch applied"', passes: false },
    { filter: 'jsonPayload.view:*', passes: true },
    { filter: 'jsonPayload.kind:*', passes: false },
    { filter: 'NOT jsonPayload.kind:*', passes: true },
    { filter: 'jsonPayload.kind!="bug"', passes: false },
    { filter: 'jsonPayload.lagMs>=12.5', passes: true },
    { filter: 'jsonPayload.lagMs>12.5', passes: false },
    { filter: 'jsonPayload.lagMs<=12.5', passes: true },
    { filter: 'jsonPayload.lagMs<12.5', passes: false },
    { filter: 'jsonPayload.view>=1', passes: false },
    { filter: 'severity>=INFO', passes: true },
    { filter: 'severity>=ERROR', passes: false },
    { filter: 'severity<WARNING', passes: true },
    { filter: 'jsonPayload.view=("other" OR "pmr_project")', passes: true },
    { filter: 'jsonPayload.view=("other" OR "another")', passes: false },
    { filter: 'severity=INFO AND resource.labels.service_name="merge"', passes: false },
    { filter: 'severity=INFO OR severity=ERROR AND jsonPayload.view="other"', passes: false },
    { filter: 'severity=INFO OR (severity=ERROR AND jsonPayload.view="other")', passes: true },
    { filter: 'jsonPayload.view="other" AND severity=ERROR OR severity=INFO', passes: false },
    { filter: 'NOT (severity=ERROR AND severity=INFO)', passes: true },
    { filter: 'jsonPayload.message="a \\"quoted\\" word"', passes: false },
  ]) {
    it(`${filter} ${passes ? 'passes' : 'does not pass'} an applied batch`, () => {
      assert.equal(parseLogFilter(filter)(APPLIED), passes);
    });
  }

  for (const filter of [
    '',
    'severity',
    'severity>=',
    'severity=INFO AND',
    '(severity=INFO',
    'severity=INFO severity=ERROR',
    'jsonPayload.view=~"pmr.*"',
    'jsonPayload.view:"pmr"',
    '"batch applied"',
  ]) {
    it(`is refused as ${JSON.stringify(filter)}`, () => {
      assert.throws(() => parseLogFilter(filter), /filter|comparison/);
    });
  }

  it('is given values by its extractors', () => {
    assert.equal(extractField(APPLIED, 'EXTRACT(jsonPayload.lagMs)'), 12.5);
    assert.equal(extractField(APPLIED, 'EXTRACT(jsonPayload.kind)'), undefined);
    assert.throws(() => extractField(APPLIED, 'REGEXP_EXTRACT(jsonPayload.view, "(.*)")'), /EXTRACT/);
  });
});

describe('a line that a function writes', () => {
  it('becomes an entry whose payload has no special field', () => {
    const line = {
      severity: 'WARNING',
      timestamp: '2026-01-02T03:04:05Z',
      'logging.googleapis.com/trace': 'projects/p/traces/t',
      message: 'floor stuck',
      view: 'pmr_project',
    };

    assert.deepEqual(entry(line), {
      resource: { type: 'cloud_run_revision', labels: { service_name: 'extract' } },
      severity: 'WARNING',
      jsonPayload: { message: 'floor stuck', view: 'pmr_project' },
    });
  });

  it('becomes a text when nothing but a message is in it, or no JSON', () => {
    assert.equal(entry({ severity: 'ERROR', message: 'alone' }).textPayload, 'alone');
    assert.equal(logEntryOf('Serving function...', 'merge').textPayload, 'Serving function...');
  });
});
