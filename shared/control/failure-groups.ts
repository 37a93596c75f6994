import type pg from 'pg';
import type { ErrorKind } from '../errors.ts';
import { inStatement } from '../postgres/transaction.ts';
import { FUNCTIONS_WITH_EVENTS } from './redrive.ts';

/** Which failures to show. What is left out restricts nothing. */
export type FailureFilter = {
  isOpen: boolean;
  view?: string | undefined;
  kind?: ErrorKind | undefined;
  group?: string | undefined;
};

/** Failures of one kind, code, function and reason. */
export type FailureGroup = {
  /** Names the group: a hash of what its failures have in common. */
  group: string;
  kind: ErrorKind;
  code: string | null;
  functionName: string;
  /** What their messages have in common. */
  reason: string;
  failures: number;
  /** How many of them have an event that can be sent again. */
  redrivable: number;
  /** Their views, in order; null stands for failures without a view. */
  views: (string | null)[];
  /** Those of the views that are halted because of one of them. */
  haltedViews: string[];
  firstAt: Date;
  lastAt: Date;
  /** The newest failure. */
  lastId: bigint;
  lastMessage: string;
  advice: string;
};

/** A recorded failure with its event. */
export type RecordedFailure = {
  id: bigint;
  group: string;
  occurredAt: Date;
  functionName: string;
  view: string | null;
  etlTransactionId: bigint | null;
  kind: ErrorKind;
  code: string | null;
  column: string | null;
  reason: string;
  message: string;
  advice: string;
  /** The event as JSON, or as text when it is not JSON. */
  event: string | null;
  isRedrivable: boolean;
  /** Whether its view stands still because of it. */
  haltsView: boolean;
  resolvedAt: Date | null;
  /** When its dead letter will be published; null when it was, or when there is none. */
  deadLetterDueAt: Date | null;
};

/** Open failures that belong to no view, such as dead letters whose event names none: how many, and of which kinds. */
export type ViewlessFailures = { failures: number; kinds: ErrorKind[] };

/** Which failures of a group an operator has seen and means: the open ones up to the newest that the page showed. */
export type SeenFailures = { group: string; upTo: bigint; view?: string | undefined };

const GROUP = `md5(concat_ws(chr(31), e.kind, coalesce(e.code, ''), e.function_name, e.reason))`;
/** Events are stored as JSON, so that an object begins like this. */
const IS_REDRIVABLE = `(e.event like '{%' and e.function_name in (${FUNCTIONS_WITH_EVENTS.map((name) => `'${name}'`).join(', ')}))`;
const HALTS_VIEW = `(e.halts_view and e.resolved_at is null and v.halted_at is not null)`;

const WHERE = `where (e.resolved_at is null) = $1 and (e.view_name = $2 or $2 is null) and (e.kind = $3 or $3 is null)
  and ($4::text is null or ${GROUP} = $4)`;

const FAILURE = `select e.id, ${GROUP} as "group", e.occurred_at as "occurredAt", e.function_name as "functionName", e.view_name as view,
    e.etl_transaction_id as "etlTransactionId", e.kind, e.code, e.column_name as "column", e.reason, e.message, e.advice, e.event,
    coalesce(${IS_REDRIVABLE}, false) as "isRedrivable", coalesce(${HALTS_VIEW}, false) as "haltsView", e.resolved_at as "resolvedAt",
    e.dead_letter_due_at as "deadLetterDueAt"
  from etl.etl_error e left join etl.view_source v on v.name = e.view_name`;

/** Failures by their reason, as the operators look at them. */
export function createFailureGroups(pool: pg.Pool) {
  const read = async (sql: string, values: unknown[]) =>
    (await inStatement(pool, 'control', sql, values)).rows;
  return {
    /** The groups, those that halt a view first, then the one with the newest failure, at most `limit`. */
    async groups({ isOpen, view, kind, group }: FailureFilter, limit: number): Promise<FailureGroup[]> {
      return await read(
        `select g.*, last.message as "lastMessage", last.advice from (
           select ${GROUP} as "group", e.kind, e.code, e.function_name as "functionName", e.reason, count(*)::int4 as failures,
             count(*) filter (where ${IS_REDRIVABLE})::int4 as redrivable,
             array_agg(distinct e.view_name order by e.view_name) as views,
             coalesce(array_agg(distinct e.view_name) filter (where ${HALTS_VIEW}), '{}') as "haltedViews",
             min(e.occurred_at) as "firstAt", max(e.occurred_at) as "lastAt", max(e.id) as "lastId"
           from etl.etl_error e left join etl.view_source v on v.name = e.view_name ${WHERE}
           group by e.kind, e.code, e.function_name, e.reason
           order by bool_or(${HALTS_VIEW}) desc, max(e.id) desc limit $5) g
         join etl.etl_error last on last.id = g."lastId"
         order by cardinality(g."haltedViews") > 0 desc, g."lastId" desc`,
        [isOpen, view ?? null, kind ?? null, group ?? null, limit],
      );
    },

    /** The failures of a group, the newest first, from an id on downwards. */
    async inGroup(
      group: string,
      { isOpen, view, kind }: FailureFilter,
      { below, limit }: { below: bigint | null; limit: number },
    ): Promise<RecordedFailure[]> {
      return await read(`${FAILURE} ${WHERE} and (e.id < $5 or $5 is null) order by e.id desc limit $6`, [
        isOpen,
        view ?? null,
        kind ?? null,
        group,
        below,
        limit,
      ]);
    },

    /** The open failures that belong to no view that there is. */
    async withoutView(): Promise<ViewlessFailures> {
      const [found] = await read(
        `select count(*)::int4 as failures, coalesce(array_agg(distinct e.kind order by e.kind), '{}') as kinds
         from etl.etl_error e
         where e.resolved_at is null and not exists (select from etl.view_source v where v.name = e.view_name)`,
        [],
      );
      return found as ViewlessFailures;
    },

    /** The failure with this id; null when there is none. */
    async find(id: bigint): Promise<RecordedFailure | null> {
      const [failure] = await read(`${FAILURE} where e.id = $1`, [id]);
      return failure ?? null;
    },

    /** The open failures of a group that an operator has seen, the oldest first, at most `limit`; and those that can be redriven. */
    async seen(
      { group, upTo, view }: SeenFailures,
      limit: number,
    ): Promise<{ id: bigint; isRedrivable: boolean }[]> {
      return await read(
        `select e.id, coalesce(${IS_REDRIVABLE}, false) as "isRedrivable" from etl.etl_error e
         where e.resolved_at is null and ${GROUP} = $1 and e.id <= $2 and (e.view_name = $3 or $3 is null) order by e.id limit $4`,
        [group, upTo, view ?? null, limit],
      );
    },
  };
}
