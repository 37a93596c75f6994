import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import {
  type CheckMode,
  type CheckState,
  type ConsistencyCheck,
  countClasses,
  type Difference,
  type DifferenceKind,
  NEXT_CHECK_STATES,
} from '../model/consistency.ts';
import { inStatement, type Queryable } from '../postgres/transaction.ts';
import { CHECK_COLUMNS, checkFromRow } from './consistency-check-row.ts';
import { createDrills } from './drills.ts';
import { resolveMissingRights } from './failures.ts';
import { createFirstLooks } from './first-looks.ts';
import { inLeasedTransaction, type Lease } from './leases.ts';

/** A check that somebody asks for. */
export type CheckRequest = {
  mode: CheckMode;
  sinceDays: number | null;
  trigger: string;
  requestedBy: string | null;
  repairs: boolean;
};

/** What a check found in the end. */
export type CheckResult = {
  /** The rows that differ; none if they are too many to be stored. */
  differences: readonly Difference[];
  counts: Record<DifferenceKind, number>;
  repaired: number;
  isConsistent: boolean;
  /** The object with the values of the rows that differ; null if none does. */
  report: string | null;
  /** By BigQuery, for all jobs of the check. */
  bytesBilled: bigint;
  /** Why differences were not repaired, or null. */
  error: string | null;
};

/** The lease under which one process at a time works on the check of a view. */
export const checkLease = (view: string): string => `check ${view}`;

const FORGET_LOOK = 'source_sums = null, drill = null, drill_queued_keys = null';

/** The checks of views. A method that gets a lease throws `superseded` when that is lost. */
export function createConsistencyChecks(pool: pg.Pool) {
  const underLease = <T>(lease: Lease, work: (client: Queryable) => Promise<T>): Promise<T> =>
    inLeasedTransaction(pool, lease, work);

  return {
    ...createFirstLooks(pool),
    ...createDrills(pool),

    /** Begins a check, or returns the unfinished one of the view. */
    async begin(view: string, request: CheckRequest): Promise<{ check: ConsistencyCheck; isNew: boolean }> {
      const { mode, sinceDays, trigger, requestedBy, repairs } = request;
      const { rows } = await inStatement(
        pool,
        'control',
        `with begun as (
             insert into etl.consistency_check (view_name, mode, since_days, trigger, requested_by, repairs)
             values ($1, $2, $3, $4, $5, $6) on conflict (view_name) where ended_at is null do nothing returning *
           )
           select ${CHECK_COLUMNS}, true as "isNew" from begun c
           union all
           select ${CHECK_COLUMNS}, false from etl.consistency_check c where c.view_name = $1 and c.ended_at is null`,
        [view, mode, sinceDays, trigger, requestedBy, repairs],
      );
      const [row] = rows;
      // The check of another process ended between the two statements' snapshots.
      if (row === undefined) return await this.begin(view, request);
      return { check: checkFromRow(row), isNew: row.isNew as boolean };
    },

    async get(id: bigint): Promise<ConsistencyCheck | null> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select ${CHECK_COLUMNS} from etl.consistency_check c where c.id = $1`,
        [id],
      );
      return rows[0] === undefined ? null : checkFromRow(rows[0]);
    },

    /** Unfinished checks that no process works on, oldest first. */
    async unattended(): Promise<{ id: bigint; view: string }[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select c.id, c.view_name as view from etl.consistency_check c
         where c.ended_at is null
           and not exists (select from etl.lease l where l.name = $1 || c.view_name and l.expires_at > now())
         order by c.id`,
        [checkLease('')],
      );
      return rows as { id: bigint; view: string }[];
    },

    /** Records that the first look has ended, and that a second one must confirm the rows which it found. */
    async confirmLater(lease: Lease, check: ConsistencyCheck): Promise<void> {
      await underLease(lease, async (client) => {
        await moveTo(client, check, 'confirming');
        await client.query(
          `update etl.consistency_check
           set looked_at = now(), missing = null, extra = null, different = null, duplicates = null, drill = null, drill_queued_keys = null
           where id = $1`,
          [check.id],
        );
      });
    },

    /** Lets all rows be compared a second time. The moment of the first time is forgotten. */
    async recount(lease: Lease, check: ConsistencyCheck): Promise<void> {
      await underLease(lease, async (client) => {
        await moveTo(client, check, 'comparing');
        await client.query(
          'update etl.consistency_check set is_recount = true, target_as_of = null where id = $1',
          [check.id],
        );
      });
    },

    /** The rows that differed at the last look. */
    async differences(id: bigint): Promise<Difference[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        'select key, kind, class, columns, is_repaired as "isRepaired" from etl.consistency_difference where check_id = $1 order by key',
        [id],
      );
      return rows as Difference[];
    },

    /**
     * Whether the next look may begin: a batch or an empty capture that began after the last look is in the target, and no queued key of the check is left. At
     * the second look it must have begun `settleSeconds` later, so that it has seen the log rows of what the first look found; `isSettled` says whether that
     * time is over.
     */
    async readiness(id: bigint, settleSeconds: number): Promise<{ isReady: boolean; isSettled: boolean }> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select now() > s.at as "isSettled",
           v.captured_at > s.at and not exists (select from etl.queued_key k where k.check_id = c.id) as "isReady"
         from etl.consistency_check c join etl.view_source v on v.name = c.view_name
         cross join lateral (
           select c.looked_at + make_interval(secs => case c.state when 'confirming' then $2::float8 else 0 end) as at
         ) s where c.id = $1`,
        [id, settleSeconds],
      );
      return { isReady: rows[0]?.isReady === true, isSettled: rows[0]?.isSettled === true };
    },

    /** Queues the rows that differ to be fetched by the next batches of the view, whatever the log says. */
    async queueRepairs(
      lease: Lease,
      check: ConsistencyCheck,
      confirmed: readonly Difference[],
      report: string,
    ): Promise<void> {
      await underLease(lease, async (client) => {
        await moveTo(client, check, 'repairing');
        await replaceDifferences(client, check.id, confirmed);
        await client.query(
          `insert into etl.queued_key (view_name, key, kind, check_id)
           select $1, key, 'repair', $2 from unnest($3::text[]) as key`,
          [check.view, check.id, confirmed.filter(isRepairable).map(({ key }) => key)],
        );
        await client.query('update etl.consistency_check set looked_at = now(), report = $2 where id = $1', [
          check.id,
          report,
        ]);
      });
    },

    /** Lets the next look wait for a batch that begins so many seconds later: each look reads the target. */
    async lookAgainLater(
      lease: Lease,
      { id }: Pick<ConsistencyCheck, 'id'>,
      pauseSeconds: number,
    ): Promise<void> {
      await underLease(lease, (client) =>
        client.query(
          'update etl.consistency_check set looked_at = now() + make_interval(secs => $2) where id = $1',
          [id, pauseSeconds],
        ),
      );
    },

    /**
     * Ends a check with what it found, and marks the last applied batch of its view as consistent or not. Only a full check proves that all is equal.
     */
    async finish(lease: Lease, check: ConsistencyCheck, result: CheckResult): Promise<void> {
      const { differences, counts, repaired, isConsistent, report, bytesBilled, error } = result;
      await underLease(lease, async (client) => {
        await moveTo(client, check, 'done');
        await replaceDifferences(client, check.id, differences);
        await client.query(
          `update etl.consistency_check
           set ended_at = now(), missing = $2, extra = $3, different = $4, duplicates = $5, repaired = $6, is_consistent = $7,
             report = coalesce($8, report), error = $9, classes = $10, bytes_billed = $11, ${FORGET_LOOK}
           where id = $1`,
          [
            check.id,
            counts.missing,
            counts.extra,
            counts.different,
            counts.duplicate,
            repaired,
            isConsistent,
            report,
            error,
            JSON.stringify(countClasses(differences)),
            bytesBilled,
          ],
        );
        await client.query(
          `update etl.etl_transaction set is_consistent = $2
           where id = (select max(id) from etl.etl_transaction where view_name = $1 and state = 'applied') and ($3 or not $2)`,
          [check.view, isConsistent, check.mode === 'full'],
        );
        await resolveMissingRights(client, check.view);
      });
    },

    /** Ends a check that found no answer. */
    async fail(
      lease: Lease,
      check: Pick<ConsistencyCheck, 'id'>,
      { why, bytesBilled }: { why: string; bytesBilled: bigint },
    ): Promise<void> {
      await underLease(lease, (client) =>
        client.query(
          `update etl.consistency_check
           set state = 'failed', state_at = now(), ended_at = now(), error = $2, bytes_billed = $3, ${FORGET_LOOK}
           where id = $1 and ended_at is null`,
          [check.id, why, bytesBilled],
        ),
      );
    },
  };
}

/** A row whose key has several rows on one side is not repaired: nobody can tell which is right. */
export const isRepairable = ({ kind }: Pick<Difference, 'kind'>): boolean => kind !== 'duplicate';

async function moveTo(client: Queryable, check: ConsistencyCheck, state: CheckState): Promise<void> {
  if (!NEXT_CHECK_STATES[check.state].includes(state)) {
    throw new RangeError(`a check cannot go from ${check.state} to ${state}`);
  }
  const ended = state === 'done' ? ', ended_at = now()' : '';
  const moved = await client.query(
    `update etl.consistency_check set state = $3, state_at = now()${ended} where id = $1 and state = $2`,
    [check.id, check.state, state],
  );
  if (moved.rowCount === 1) return;
  throw new DataHubError('superseded', `check ${check.id} is not ${check.state} any more`, {
    context: { view: check.view },
    advice: 'Nothing to do: another run has taken over this check.',
  });
}

async function replaceDifferences(
  client: Queryable,
  id: bigint,
  differences: readonly Difference[],
): Promise<void> {
  await client.query('delete from etl.consistency_difference where check_id = $1', [id]);
  await client.query(
    `insert into etl.consistency_difference (check_id, key, kind, class, columns, is_repaired)
     select $1, d.key, d.kind, d.class, d.columns, d."isRepaired"
     from jsonb_to_recordset($2) as d (key text, kind text, class text, columns text[], "isRepaired" boolean)`,
    [id, JSON.stringify(differences)],
  );
}
