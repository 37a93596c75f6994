import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { installWithoutDjango } from './use-trigger-log.ts';

describe('the check of a log that triggers fill', () => {
  const { on } = useInstallation({ per: 'file' });
  const sql = (text: string) => on.source.database.query(text);

  before(() => installWithoutDjango(on));

  /** What the check says while the source is changed so; the change is undone. */
  async function found(change: string, undo: string): Promise<{ message: string; ok: boolean }[]> {
    await sql(change);
    try {
      return (await preflight({ view: undefined }, on.dependencies)).findings;
    } finally {
      await sql(undo);
    }
  }

  it('finds nothing where every trigger is in its place, and no doubt that only concerns models', async () => {
    const { findings } = await preflight({ view: undefined }, on.dependencies);
    const told = findings.filter(
      ({ check, ok, advice }) => /customer_view|reading_view/.test(check) && (!ok || advice !== undefined),
    );
    // That the key of a partitioned table is not unique by an index, and that partitions come and go.
    assert.deepEqual(
      told.map(({ ok, message }) => [ok, /partition|unique/.test(message)]),
      told.map(() => [true, true]),
      JSON.stringify(told),
    );
  });

  for (const [what, change, undo, message, ok] of [
    [
      'a trigger that is missing',
      'drop trigger datahub_log_2_update on customer',
      `create trigger datahub_log_2_update after update on customer referencing new table as new_rows
         for each statement execute function datahub_log_2_update('id'); alter table customer enable always trigger datahub_log_2_update`,
      /changes of public.customer are not logged: it has no trigger of the change log for update/,
      false,
    ],
    [
      'triggers of a lookup that are disabled',
      'alter table country disable trigger user',
      `alter table country ${['insert', 'update', 'key', 'delete', 'truncate'].map((event) => `enable always trigger datahub_log_1_${event}`).join(', ')}`,
      /changes of public.country are not logged: its triggers of the change log for delete, insert, key, truncate, update are disabled/,
      false,
    ],
    [
      'triggers that were enabled again',
      'alter table reading_2024 disable trigger user; alter table reading_2024 enable trigger user',
      `alter table reading_2024 ${['insert', 'update', 'delete', 'truncate'].map((event) => `enable always trigger datahub_log_3_${event}`).join(', ')}`,
      /changes of public.reading_2024 may not have been logged: .* were disabled, and enabled again/,
      false,
    ],
    [
      'a new partition',
      `create table reading_2026 partition of reading for values from ('2026-01-01') to ('2027-01-01')`,
      'drop table reading_2026',
      /rows that are written directly to public.reading_2026 are not logged/,
      true,
    ],
    [
      'a key column that has another name by now',
      'alter table country rename code to kuerzel',
      'alter table country rename kuerzel to code',
      /the log names rows of public.country by code, but the view needs kuerzel/,
      false,
    ],
  ] as const) {
    it(`finds ${what}`, async () => {
      const findings = await found(change, undo);
      assert.ok(
        findings.some((finding) => message.test(finding.message) && finding.ok === ok),
        JSON.stringify(findings),
      );
    });
  }
});
