import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createdNow, type Table } from '../../emulators/bigquery/catalog.ts';
import { Engine, type Session } from '../../emulators/bigquery/engine.ts';
import { storageSchema, storageTable } from '../../emulators/bigquery/names.ts';
import { createStorage } from '../../emulators/bigquery/table-storage.ts';
import { RowDecoder } from '../../emulators/bigquery/write/decode-rows.ts';
import { rowFormat } from '../../emulators/bigquery/write/row-format.ts';
import { stageRows } from '../../emulators/bigquery/write/staged-rows.ts';
import { applyChanges } from '../../emulators/bigquery/write/write-rows.ts';
import { NUMBER, rowMessage } from './bigquery-writer.ts';

const TABLE: Table = {
  reference: { projectId: 'p', datasetId: 'd', tableId: 't' },
  type: 'TABLE',
  fields: [
    { name: 'id', type: 'INTEGER', mode: 'NULLABLE' },
    { name: 'name', type: 'STRING', mode: 'NULLABLE' },
  ],
  tableConstraints: { primaryKey: { columns: ['id'] } },
  ...createdNow(),
};
const MESSAGE = rowMessage({ id: 'int64', name: 'string', ...NUMBER });
const FORMAT = rowFormat(MESSAGE.descriptor as never, TABLE);

describe('BigQuery emulator: the statements behind a request of changes', () => {
  let folder: string;
  let engine: Engine;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bigquery-test-'));
    engine = await Engine.open(folder);
    await engine.with(async (session) => {
      await session.run(`create schema ${storageSchema(TABLE.reference)}`);
      await createStorage(session, storageTable(TABLE.reference), TABLE.fields);
    });
  });
  afterEach(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });

  const change = (
    session: Session,
    type: string,
    sequence: string,
    ...rows: { id: number; name?: string }[]
  ) => {
    const pseudo = { _CHANGE_TYPE: type, _CHANGE_SEQUENCE_NUMBER: sequence };
    const encoded = rows.map((row) => Buffer.from(MESSAGE.encode({ ...row, ...pseudo })));
    return stageRows(session, FORMAT, new RowDecoder(FORMAT).decode(encoded));
  };
  const content = () =>
    engine.with(async (session) => {
      const { rows } = await session.query(
        `select id, name from ${storageTable(TABLE.reference)} order by id`,
      );
      return rows.map(([id, name]) => `${id} ${name}`);
    });

  it('have no effect at all if any one of them fails', async () => {
    await engine.with(async (session) => {
      await change(session, 'UPSERT', 'A', { id: 1, name: 'a' }, { id: 2, name: 'a' });
      await applyChanges(session, FORMAT);
      await change(session, 'UPSERT', 'B', { id: 1, name: 'b' }, { id: 3, name: 'b' });

      const run = session.run.bind(session);
      for (let failing = 1; ; failing++) {
        let count = 0;
        session.run = async (...statement) => {
          if (++count === failing) throw new Error('scripted');
          return await run(...statement);
        };
        const failed = await applyChanges(session, FORMAT).then(
          () => false,
          () => true,
        );
        session.run = run;
        if (!failed) break;
        assert.deepEqual(await content(), ['1 a', '2 a'], `statement ${failing}`);
      }
      assert.deepEqual(await content(), ['1 b', '2 a', '3 b']);
    });
  });
});
