import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { parseConfig } from '../../../shared/config/config.ts';
import { Secret } from '../../../shared/config/secret.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { createLog } from '../../../shared/log.ts';
import { LineSink } from '../../support/line-sink.ts';
import { USABLE } from './usable-environment.ts';

describe('parseConfig', () => {
  it('reads the given variables and uses defaults for the others', () => {
    const config = parseConfig({ ...USABLE, MAX_BATCH_LOG_ROWS: '17', TOPIC_MERGE: 'other-merge' });

    assert.equal(config.projectId, 'smart-project');
    assert.equal(config.sourceDatabase.url.reveal(), USABLE.SOURCE_DATABASE_URL);
    assert.equal(config.maxBatchLogRows, 17);
    assert.equal(config.topics.merge, 'other-merge');
    assert.equal(config.topics.extract, 'cdc-extract');
    assert.equal(config.graceSeconds, 60);
    assert.equal(config.sourceTimeZone, 'UTC');
    assert.equal(parseConfig({ ...USABLE, SOURCE_TIME_ZONE: 'Asia/Bangkok' }).sourceTimeZone, 'Asia/Bangkok');
    assert.deepEqual(config.datasets, {
      temp: 'SMartData_Temp',
      target: 'SMartDataAnalytics',
      view: 'View_SMartData',
    });
  });

  it('treats an empty variable as absent', () => {
    assert.equal(parseConfig({ ...USABLE, TOPIC_MERGE: '' }).topics.merge, 'cdc-merge');
    assert.match(refusal({ ...USABLE, STAGING_BUCKET: '' }).message, /STAGING_BUCKET is missing/);
  });

  it('refuses one topic for two purposes: dead letters would come back as events', () => {
    for (const given of [
      { TOPIC_DEAD_LETTER: 'cdc-extract' },
      { TOPIC_EXTRACT: 'all', TOPIC_MERGE: 'all', TOPIC_STREAM: 'all', TOPIC_DEAD_LETTER: 'all' },
    ]) {
      assert.match(
        refusal({ ...USABLE, ...given }).message,
        /TOPIC_EXTRACT, TOPIC_MERGE, TOPIC_STREAM, TOPIC_RECONCILE, TOPIC_DEAD_LETTER must be different topics/,
      );
    }
  });

  it('names every missing variable at once', () => {
    const { message } = refusal({});

    for (const name of Object.keys(USABLE)) assert.match(message, new RegExp(`${name} is missing`));
  });

  it('names every malformed variable at once, and prints no value', () => {
    const malformed = {
      GOOGLE_CLOUD_PROJECT: 'hunter1 project',
      SOURCE_DATABASE_URL: 'mysql://reader:hunter2@db.example/smartapp',
      CONTROL_DATABASE_URL: 'postgresql://:hunter3@:notaport/',
      STAGING_BUCKET: 'HUNTER4',
      BIGQUERY_LOCATION: '4 hunter5',
      TARGET_DATASET: 'hunter-6',
      TOPIC_EXTRACT: '7hunter',
      GRACE_SECONDS: 'hunter8',
      LEASE_SECONDS: '0',
      MAX_SLICES: '17',
      SOURCE_TIME_ZONE: 'hunter10',
      LOG_LEVEL: 'hunter9',
    };

    const error = refusal(malformed);

    assert.equal(error.kind, 'environment');
    for (const name of Object.keys(malformed)) assert.match(error.message, new RegExp(`\\b${name} `));
    assert.doesNotMatch(inspect(error), /hunter/i);
  });
});

describe('a Secret', () => {
  const secret = new Secret('postgresql://reader:hunter2@db.example/smartapp');

  it('reveals its value only on request', () => {
    assert.equal(secret.reveal(), 'postgresql://reader:hunter2@db.example/smartapp');
  });

  it('always prints as [redacted]', () => {
    assert.equal(JSON.stringify({ secret }), '{"secret":"[redacted]"}');
    assert.equal(inspect(secret), '[redacted]');
    assert.equal(inspect({ deep: { secret } }, { showHidden: true, depth: null }).includes('hunter2'), false);
    assert.equal(`${secret}`, '[redacted]');
    assert.deepEqual(Object.entries(secret), []);
  });

  it('is redacted when a whole configuration is logged', () => {
    const sink = new LineSink();

    createLog('info', sink).info({ config: parseConfig(USABLE) }, 'started');

    const [line] = sink.records();
    assert.equal(inspect(line, { depth: null }).includes('hunter'), false);
    assert.partialDeepStrictEqual(line, {
      config: { sourceDatabase: { url: '[redacted]' }, controlDatabase: { url: '[redacted]' } },
    });
  });
});

function refusal(env: Record<string, string>): DataHubError {
  try {
    parseConfig(env);
  } catch (error) {
    assert.ok(error instanceof DataHubError);
    return error;
  }
  return assert.fail('the environment was accepted');
}
