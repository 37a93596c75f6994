import assert from 'node:assert/strict';
import { type LogEntry, logEntryOf } from '../../tools/terraform/log-entry.ts';
import { extractField, parseLogFilter } from '../../tools/terraform/log-filter.ts';

const entry = (fields: object, service = 'extract'): LogEntry => logEntryOf(JSON.stringify(fields), service);
const APPLIED = entry({ severity: 'INFO', message: 'batch applied', view: 'pmr_project', lagMs: 12.5 });

describe('a Cloud Logging filter', () => {
  for (const { filter, matches } of [
    { filter: 'jsonPayload.message="batch applied"', matches: true },
    { filter: 'jsonPayload.message="batch"', matches: false },
    { filter: 'jsonPayload.message!="batch applied"', matches: false },
    { filter: 'jsonPayload.view:*', matches: true },
    { filter: 'jsonPayload.kind:*', matches: false },
    { filter: 'NOT jsonPayload.kind:*', matches: true },
    { filter: 'jsonPayload.kind!="bug"', matches: false },
    { filter: 'jsonPayload.lagMs>=12.5', matches: true },
    { filter: 'jsonPayload.lagMs>12.5', matches: false },
    { filter: 'jsonPayload.lagMs<=12.5', matches: true },
    { filter: 'jsonPayload.lagMs<12.5', matches: false },
    { filter: 'jsonPayload.view>=1', matches: false },
    { filter: 'severity>=INFO', matches: true },
    { filter: 'severity>=ERROR', matches: false },
    { filter: 'severity<WARNING', matches: true },
    { filter: 'jsonPayload.view=("other" OR "pmr_project")', matches: true },
    { filter: 'jsonPayload.view=("other" OR "another")', matches: false },
    { filter: 'severity=INFO AND resource.labels.service_name="merge"', matches: false },
    { filter: 'severity=INFO OR severity=ERROR AND jsonPayload.view="other"', matches: false },
    { filter: 'severity=INFO OR (severity=ERROR AND jsonPayload.view="other")', matches: true },
    { filter: 'jsonPayload.view="other" AND severity=ERROR OR severity=INFO', matches: false },
    { filter: 'NOT (severity=ERROR AND severity=INFO)', matches: true },
    { filter: 'jsonPayload.message="a \\"quoted\\" word"', matches: false },
  ]) {
    it(`${filter} ${matches ? 'matches' : 'does not match'} an applied batch`, () => {
      assert.equal(parseLogFilter(filter)(APPLIED), matches);
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
    it(`is refused: ${JSON.stringify(filter)}`, () => {
      assert.throws(() => parseLogFilter(filter), /filter|comparison/);
    });
  }

  it('has extractors that read a field', () => {
    assert.equal(extractField(APPLIED, 'EXTRACT(jsonPayload.lagMs)'), 12.5);
    assert.equal(extractField(APPLIED, 'EXTRACT(jsonPayload.kind)'), undefined);
    assert.throws(() => extractField(APPLIED, 'REGEXP_EXTRACT(jsonPayload.view, "(.*)")'), /EXTRACT/);
  });
});

describe('a log line of a function', () => {
  it('becomes an entry whose payload has no special fields', () => {
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

  it('becomes a text payload if it is only a message or not JSON', () => {
    assert.equal(entry({ severity: 'ERROR', message: 'alone' }).textPayload, 'alone');
    assert.equal(logEntryOf('Serving function...', 'merge').textPayload, 'Serving function...');
  });
});
