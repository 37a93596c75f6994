import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('a log of an older release', () => {
  const { on } = useInstallation();

  for (const [what, change] of [
    [
      'integer object ids',
      'alter table models_logging_change alter object_id type integer using object_id::integer',
    ],
    ['json instead of jsonb', 'alter table models_logging_change alter changed_data type json'],
    [
      'both',
      'alter table models_logging_change alter object_id type bigint using object_id::bigint, alter changed_data type json',
    ],
  ] as const) {
    it(`with ${what} is captured`, async () => {
      await on.source.database.query(change);
      await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
      assert.equal((await preflight({ view: 'pmr_project' }, on.dependencies)).outcome, 'ready');
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.source.delete('app_project', 2);

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1', deleted: '1' });

      await on.assertEqual();
    });
  }

  for (const { what, change, message } of [
    {
      what: 'ids that are no numbers',
      change: `alter table models_logging_change alter id drop default, alter id type uuid using gen_random_uuid()`,
      message: /its ids have type uuid, but a capture needs whole numbers that a sequence draws/,
    },
    {
      what: 'changed data that are text',
      change: 'alter table models_logging_change alter changed_data type text',
      message: /its column changed_data has type text, but must have type jsonb or json/,
    },
    {
      what: 'no content types',
      change: 'alter table models_logging_change rename content_type_id to kind',
      message: /it has no column content_type_id/,
    },
  ]) {
    it(`with ${what} is refused in a clear sentence, by the preflight and by a tick`, async () => {
      await on.source.database.query(change);
      const { findings } = await preflight({ view: undefined }, on.dependencies);
      const finding = findings.find(({ check }) => check === 'change log');
      assert.match(finding?.message ?? '', message);
      assert.match(finding?.advice ?? '', /django-models-logging/);
      await assert.rejects(on.extract(), { kind: 'source_refused', message });
    });
  }
});
