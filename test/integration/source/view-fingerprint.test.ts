import assert from 'node:assert/strict';
import { describeView } from '../../../shared/source/describe-view.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { fingerprintView } from '../../../shared/source/view-fingerprint.ts';
import { makeViewSource } from './make-view-source.ts';
import { CONTENT_TYPE_TABLE, useSource } from './use-source.ts';

const SCHEMA = `
  create table item (id bigint primary key, name text, updated_at timestamptz);
  create view item_view as select id as item_id, name, updated_at from item;`;

describe('the fingerprint of a view', () => {
  const source = useSource(SCHEMA);

  it('I2 is refused for a view that got another column after the snapshot in which it was described', async () => {
    const reading = inSnapshot(source.pool, async (client) => {
      const view = await describeView(client, makeViewSource(), CONTENT_TYPE_TABLE);
      await source.pool.query(
        `create or replace view item_view as select id as item_id, name, updated_at, 1 as extra from item`,
      );
      return await fingerprintView(client, view);
    });

    await assert.rejects(reading, { kind: 'transient', message: /item_view was replaced a moment ago/ });
  });

  it('locks the view until the transaction ends', async () => {
    const other = await source.connect();
    await other.query(`set lock_timeout = '100ms'`);

    await inSnapshot(source.pool, async (client) => {
      await fingerprintView(client, await describeView(client, makeViewSource(), CONTENT_TYPE_TABLE));
      await assert.rejects(other.query('drop view item_view'), { code: '55P03' });
    });

    await other.query('drop view item_view');
  });
});
