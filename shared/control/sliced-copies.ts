import type pg from 'pg';
import type { Slice } from '../model/slice.ts';
import type { StagedFormat, StagedObject } from '../model/staged-format.ts';
import { inStatement, type Queryable } from '../postgres/transaction.ts';
import { inLeasedTransaction, type Lease, superseded } from './leases.ts';
import { endRetries } from './retries.ts';

/** How the slices of a batch are copied; the same for all. */
export type CopyTerms = {
  format: StagedFormat;
  /** The size of an object, before compression. */
  partBytes: number;
  /** A hash of what the rows depend on besides the definition of the view. A slice that would depend on something else belongs to another batch. */
  fingerprint: string;
};

/** What one slice became. */
export type CopiedSlice = {
  objects: StagedObject[];
  /** How many values were replaced, by why and by column. */
  replaced: { unrepresentable: Record<string, number>; nullArray: Record<string, number> };
};

export type PlannedSlice = {
  /** Numbers the slice within its batch. */
  place: number;
  slice: Slice;
  /** Null while it must still be copied. */
  copied: CopiedSlice | null;
};

/** The copy of a whole view in slices, which may take several calls. */
export type SlicedCopy = CopyTerms & {
  /** How many calls have worked on it, or begun it anew; the names of their objects contain it. */
  attempt: number;
  /** In their order, each key in one of them. */
  slices: PlannedSlice[];
};

/** How far a copy in slices has come. */
export type CopyProgress = { slices: number; slicesDone: number; rows: bigint };

const PROGRESS = `select count(*)::int4 as slices, count(copied_at)::int4 as "slicesDone", coalesce(sum(rows), 0)::int8 as rows
  from etl.copied_slice where etl_transaction_id = $1`;

/** The slices of batches in state `extracting` (etl.copied_slice). Each change carries the token of the lease. */
export function createSlicedCopies(pool: pg.Pool) {
  /** The copy of a batch; null if it has no slices. */
  async function read(id: bigint): Promise<SlicedCopy | null> {
    const { rows } = await inStatement(
      pool,
      'control',
      `select t.copy, t.copy_attempt as attempt, s.place, s.from_key as "from", s.to_key as "to", s.objects, s.replaced
       from etl.etl_transaction t join etl.copied_slice s on s.etl_transaction_id = t.id
       where t.id = $1 order by s.place`,
      [id],
    );
    if (rows[0] === undefined) return null;
    const slices = rows.map(
      ({ place, from, to, objects, replaced }): PlannedSlice => ({
        place,
        slice: { from, to },
        copied: objects === null ? null : ({ objects, replaced } as CopiedSlice),
      }),
    );
    return { ...(rows[0].copy as CopyTerms), attempt: rows[0].attempt as number, slices };
  }

  return {
    read,

    async progress(id: bigint): Promise<CopyProgress> {
      const { rows } = await inStatement(pool, 'control', PROGRESS, [id]);
      return rows[0] as CopyProgress;
    },

    /** Records the slices of a batch that has none yet. */
    async plan(lease: Lease, id: bigint, terms: CopyTerms, slices: readonly Slice[]): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await changeBatch(client, lease, id, 'copy = $3', [JSON.stringify(terms)]);
        await insertSlices(client, id, 0, slices);
      });
    },

    /**
     * Lets this lease go on with a batch whose former process has ended. Its later slices are of later snapshots, so that changes are captured at once
     * after it is applied. Returns how many calls in a row, this one included, have gone on with it since its last slice was copied.
     */
    async resume(lease: Lease, id: bigint): Promise<number> {
      return await inLeasedTransaction(pool, lease, async (client) => {
        const { rows } = await client.query(
          `update etl.etl_transaction
           set lease_token = $2, copy_attempt = copy_attempt + 1, copy_stalls = copy_stalls + 1, has_more = true
           where id = $1 and state = 'extracting' returning copy_stalls`,
          [id, lease.token],
        );
        if (rows[0] === undefined) throw superseded(lease);
        return rows[0].copy_stalls as number;
      });
    },

    /** Records a slice that is copied, with the snapshot in which it was read. Returns how far the batch has come. */
    async note(
      lease: Lease,
      id: bigint,
      place: number,
      { objects, replaced, snapshot }: CopiedSlice & { snapshot: string },
    ): Promise<CopyProgress> {
      return await inLeasedTransaction(pool, lease, async (client) => {
        await changeBatch(client, lease, id, 'copy_stalls = 0');
        const { rowCount } = await client.query(
          `update etl.copied_slice set copied_at = now(), snapshot = $3, objects = $4, replaced = $5, rows = $6, bytes = $7
           where etl_transaction_id = $1 and place = $2 and copied_at is null`,
          [
            id,
            place,
            snapshot,
            JSON.stringify(objects),
            JSON.stringify(replaced),
            objects.reduce((sum, object) => sum + object.rows, 0),
            objects.reduce((sum, object) => sum + object.bytes, 0),
          ],
        );
        if (rowCount !== 1) throw new RangeError(`batch ${id} has no slice ${place} to copy`);
        await endRetries(client, lease.view, 'extract');
        const { rows } = await client.query(PROGRESS, [id]);
        return rows[0] as CopyProgress;
      });
    },

    /** Puts parts of a slice that is too large in its place. Returns false, and changes nothing, if it was copied after all, just after the time was up. */
    async split(lease: Lease, id: bigint, place: number, parts: readonly Slice[]): Promise<boolean> {
      return await inLeasedTransaction(pool, lease, async (client) => {
        await changeBatch(client, lease, id, 'copy = copy');
        const { rows } = await client.query(
          'select max(place) + 1 as next from etl.copied_slice where etl_transaction_id = $1',
          [id],
        );
        const { rowCount } = await client.query(
          'delete from etl.copied_slice where etl_transaction_id = $1 and place = $2 and copied_at is null',
          [id, place],
        );
        if (rowCount === 1) await insertSlices(client, id, rows[0].next as number, parts);
        return rowCount === 1;
      });
    },

    /** Copies all slices anew, in another format: a row does not fit the former one. */
    async restart(lease: Lease, id: bigint, terms: CopyTerms): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await changeBatch(client, lease, id, 'copy = $3, copy_attempt = copy_attempt + 1', [
          JSON.stringify(terms),
        ]);
        await client.query(
          `update etl.copied_slice set copied_at = null, snapshot = null, objects = null, replaced = null, rows = null, bytes = null
           where etl_transaction_id = $1`,
          [id],
        );
      });
    },
  };
}

async function insertSlices(
  client: Queryable,
  id: bigint,
  firstPlace: number,
  slices: readonly Slice[],
): Promise<void> {
  await client.query(
    `insert into etl.copied_slice (etl_transaction_id, place, from_key, to_key)
     select $1, $2 + n - 1, from_key, to_key from unnest($3::text[], $4::text[]) with ordinality as s (from_key, to_key, n)`,
    [id, firstPlace, slices.map(({ from }) => from), slices.map(({ to }) => to)],
  );
}

/** Changes the batch, and so locks it, if the lease owns it and it is being extracted. Throws `superseded` otherwise. */
async function changeBatch(
  client: Queryable,
  lease: Lease,
  id: bigint,
  set: string,
  values: unknown[] = [],
): Promise<void> {
  const { rowCount } = await client.query(
    `update etl.etl_transaction set ${set} where id = $1 and lease_token = $2 and state = 'extracting'`,
    [id, lease.token, ...values],
  );
  if (rowCount !== 1) throw superseded(lease);
}
