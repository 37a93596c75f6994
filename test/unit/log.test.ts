import assert from 'node:assert/strict';
import { createLog } from '../../shared/log.ts';
import { LineSink } from '../support/line-sink.ts';

describe('a log line', () => {
  it('has the severity, message and timestamp that Cloud Logging reads', () => {
    const sink = new LineSink();
    const log = createLog('trace', sink);

    const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
    for (const level of levels) log[level]({ view: 'pmr_project' }, 'batch applied');

    const lines = sink.records();
    assert.deepEqual(
      lines.map(({ severity }) => severity),
      ['DEBUG', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'],
    );
    for (const { timestamp, severity, ...rest } of lines) {
      assert.deepEqual(rest, { view: 'pmr_project', message: 'batch applied' });
      assert.equal(new Date(String(timestamp)).toISOString(), timestamp);
    }
  });

  it('is written only at or above the configured level', () => {
    const sink = new LineSink();
    const log = createLog('warn', sink);

    log.info('quiet');
    log.warn('heard');

    assert.deepEqual(
      sink.records().map(({ message }) => message),
      ['heard'],
    );
  });
});
