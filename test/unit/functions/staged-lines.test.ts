import assert from 'node:assert/strict';
import { stagedLines } from '../../../functions/stream/staged-lines.ts';
import type { EtlTransaction } from '../../../shared/model/batch.ts';
import type { TableShape } from '../../../shared/model/columns.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { Manifest } from '../../../shared/staging/staging.ts';
import { streamMessage } from '../../../shared/warehouse/stream-message.ts';

const SHAPE: TableShape = {
  view: 'item_view',
  target: 'item',
  loadType: 'bq-storage-api',
  keyColumn: 'item_id',
  columns: [{ name: 'item_id', type: 'INT64', mode: 'REQUIRED' }],
};
const MESSAGE = streamMessage(SHAPE);
const BATCH_ID = 26n;

/** The pages of three staged objects. The key of each row is its position in the batch. */
const OBJECTS: Record<string, number[][]> = {
  first: [[1, 2], [3]],
  second: [[4, 5, 6]],
  third: [[7]],
};
const ALL = Object.values(OBJECTS).flat(2);
/** A batch's deletes come last. */
const actionOf = (key: number) => (key === 7 ? 'deleted' : key % 2 === 0 ? 'changed' : 'added');

describe('the rows of a streamed batch', () => {
  /** Encodes the rows after the first `done` ones. Returns key and sequence number of each row, and the progress. */
  async function encode(done: number, isTimeUp = () => false) {
    const read: string[] = [];
    const dependencies = {
      staging: {
        async *readLines({ name }: { name: string }) {
          read.push(name);
          for (const page of OBJECTS[name] ?? []) {
            yield page.map((item_id) =>
              JSON.stringify({ item_id, action: actionOf(item_id), etl_transaction_id: Number(BATCH_ID) }),
            );
          }
        },
      },
    } as unknown as Dependencies;
    const batch = {
      id: BATCH_ID,
      startedAt: new Date(0),
      progress: { rows: done, counts: { added: 100n, changed: 200n, deleted: 300n } },
    } as EtlTransaction;
    const objects = Object.entries(OBJECTS).map(([name, pages]) => ({ name, rows: pages.flat().length }));
    const encoded = stagedLines(batch, SHAPE, { objects } as Manifest, dependencies);
    const rows: [unknown, unknown][] = [];
    const { signal } = new AbortController();
    for await (const page of encoded.changes(isTimeUp, signal)) {
      for (const row of page) {
        const { item_id, _CHANGE_SEQUENCE_NUMBER } = MESSAGE.type.toObject(MESSAGE.type.decode(row), {
          longs: Number,
        });
        rows.push([item_id, _CHANGE_SEQUENCE_NUMBER]);
      }
    }
    return { rows, read, progress: encoded.progress };
  }

  const sequenced = (keys: number[]) => keys.map((key) => [key, `1a/${key.toString(16)}`]);

  it('I7 have sequence numbers made of the batch id and their position among its staged rows', async () => {
    const { rows, progress } = await encode(0);

    assert.deepEqual(rows, sequenced(ALL));
    assert.deepEqual(progress, { rows: 7, counts: { added: 103n, changed: 203n, deleted: 301n } });
  });

  for (const done of ALL) {
    it(`I5 I7 have the same sequence numbers when ${done} of them were acknowledged before`, async () => {
      const { rows, read } = await encode(done);

      assert.deepEqual(rows, sequenced(ALL.slice(done)));
      assert.deepEqual(read, Object.keys(OBJECTS).slice(done < 3 ? 0 : done < 6 ? 1 : done < 7 ? 2 : 3));
    });
  }

  it('stop after the page during which time runs out, and continue with the next page', async () => {
    const first = await encode(0, () => true);
    const second = await encode(first.progress.rows, () => true);

    assert.deepEqual([first.rows, second.rows], [sequenced([1, 2]), sequenced([3])]);
  });
});
