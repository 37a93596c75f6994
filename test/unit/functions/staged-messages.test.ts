import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { stagedMessages } from '../../../functions/stream/staged-messages.ts';
import type { EtlTransaction } from '../../../shared/model/batch.ts';
import type { TableShape } from '../../../shared/model/columns.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { Manifest } from '../../../shared/staging/staging.ts';
import type { StagedRow } from '../../../shared/warehouse/row-parser.ts';
import { streamMessage } from '../../../shared/warehouse/stream-message.ts';

const SHAPE: TableShape = {
  view: 'item_view',
  target: 'item',
  loadType: 'bq-storage-api',
  keyColumn: 'item_id',
  columns: [{ name: 'item_id', type: 'INT64', mode: 'REQUIRED' }],
};
const MESSAGE = streamMessage(SHAPE);

/** The blocks of three staged objects, as texts instead of messages. The deletes of a batch come last. */
const OBJECTS: Record<string, string[][]> = {
  first: [['a1', 'c2'], ['a3']],
  second: [['c4', 'a5', 'c6']],
  third: [['d7']],
};
const BLOCKS = Object.values(OBJECTS).flat();
const BORDERS = BLOCKS.map((_, i) => BLOCKS.slice(0, i).flat().length);

describe('the staged messages of a streamed batch', () => {
  function open(done: number, descriptor: unknown = MESSAGE.descriptor) {
    const read: string[] = [];
    const dependencies = {
      staging: {
        async *readMessages({ name }: { name: string }) {
          read.push(name);
          for (const block of OBJECTS[name] ?? []) {
            const count = (action: string) => block.filter((text) => text.startsWith(action)).length;
            const counts = { added: count('a'), changed: count('c'), deleted: count('d') };
            yield { messages: block.map((text) => Buffer.from(text)), counts };
          }
        },
      },
    } as unknown as Dependencies;
    const batch = {
      id: 26n,
      startedAt: new Date(0),
      progress: { rows: done, counts: { added: 100n, changed: 200n, deleted: 300n } },
    } as EtlTransaction;
    const objects = Object.entries(OBJECTS).map(([name, blocks]) => ({ name, rows: blocks.flat().length }));
    const manifest = { descriptor, objects } as unknown as Manifest;
    return { read, staged: stagedMessages(batch, SHAPE, manifest, dependencies) };
  }

  async function appended(done: number, isTimeUp = () => false) {
    const { read, staged } = open(done);
    const pages: string[][] = [];
    for await (const page of staged.changes(isTimeUp, new AbortController().signal)) {
      pages.push(page.map((message) => Buffer.from(message).toString()));
    }
    return { pages, read, progress: staged.progress };
  }

  it('are appended as they are, and counted by the actions of their blocks', async () => {
    const { pages, progress } = await appended(0);

    assert.deepEqual(pages, BLOCKS);
    assert.deepEqual(progress, { rows: 7, counts: { added: 103n, changed: 203n, deleted: 301n } });
  });

  for (const [i, done] of BORDERS.entries()) {
    it(`I5 go on after the ${done} that were acknowledged before`, async () => {
      const { pages, read, progress } = await appended(done);

      assert.deepEqual(pages, BLOCKS.slice(i));
      assert.deepEqual(read, Object.keys(OBJECTS).slice(done < 3 ? 0 : done < 6 ? 1 : 2));
      assert.equal(progress.rows, 7);
    });
  }

  it('are read no further than the block during which the time ends, so that every call makes progress', async () => {
    let done = 0;
    for (const block of BLOCKS) {
      const { pages, progress } = await appended(done, () => true);
      assert.deepEqual(pages, [block]);
      done = progress.rows;
    }
    assert.deepEqual((await appended(done)).pages, []);
  });

  it('I7 let deletes of other rows have sequence numbers below theirs', async () => {
    const { staged } = open(7);
    async function* keys(): AsyncGenerator<StagedRow[]> {
      yield [{ item_id: 8 }] as unknown as StagedRow[];
    }

    const deletes = (await Readable.from(staged.deletes(keys())).toArray()).flat();

    assert.deepEqual(
      deletes.map((row) => MESSAGE.type.toObject(MESSAGE.type.decode(row), { longs: Number })),
      [{ item_id: 8, _CHANGE_SEQUENCE_NUMBER: '1a/0', _CHANGE_TYPE: 'DELETE' }],
    );
    assert.equal(staged.progress.counts.deleted, 301n);
  });

  it('I8 count as lost where the manifest does not describe them', () => {
    assert.throws(() => open(0, null), { kind: 'staging_lost', message: /has no descriptor/ });
  });
});
