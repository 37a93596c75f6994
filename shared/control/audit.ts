import type pg from 'pg';
import type { DataHubError } from '../errors.ts';
import { inStatement, inTransaction } from '../postgres/transaction.ts';

/** How an operator asked. */
export const AUDIT_VIAS = ['page', 'call', 'message'] as const;

/** An operation that somebody asks for, as the audit keeps it. */
export type AuditRequest = {
  /** A form that is sent twice, and a message that is delivered twice, have the same. */
  requestId: string;
  via: (typeof AUDIT_VIAS)[number];
  /** Whom the platform has checked; null when nobody was. */
  by: string | null;
  /** Whom the request names. Not stored where it is whom the platform has checked. */
  claimedBy?: string | null;
  why: string | null;
  action: string;
  views: readonly string[];
  /** The other fields of the operation, as JSON holds them. */
  request: Readonly<Record<string, unknown>>;
};

/** What becomes of a request: it runs now (with the id of its entry), or somebody has run it or runs it. */
export type AuditBegin =
  | { id: bigint; state: 'begun' }
  | { id: bigint; state: 'running' }
  | { id: bigint; state: 'done'; result: { outcome: string } };

/** An entry of the audit. Times are ISO 8601. */
export type AuditEntry = {
  id: bigint;
  requestedAt: string;
  by: string | null;
  /** Whom the request names, where that is somebody else. */
  claimedBy: string | null;
  via: AuditRequest['via'];
  action: string;
  views: string[];
  why: string | null;
  /** Whether a check was asked to repair what it finds. */
  repairs: boolean;
  outcome: string | null;
  error: string | null;
  endedAt: string | null;
};

/** An entry with all that is known of it. */
export type AuditDetail = AuditEntry & {
  attempts: number;
  request: Record<string, unknown>;
  result: Record<string, unknown> | null;
  errorKind: string | null;
  advice: string | null;
};

/** Which entries to show. Times are ISO 8601; `to` is the first moment that is left out, `before` an id. */
export type AuditFilter = Partial<Record<'view' | 'action' | 'by' | 'from' | 'to', string>> & {
  before?: bigint;
};

const ENTRY = `id, to_json(requested_at)#>>'{}' as "requestedAt", requested_by as "by", claimed_by as "claimedBy", via, action, views, reason as why, outcome, error,
  to_json(ended_at)#>>'{}' as "endedAt",
  coalesce(request #>> '{options,repair}', request ->> 'repair', '') = 'true' as repairs`;

/** The record of what operators ask for (etl.audit). */
export function createAudit(pool: pg.Pool) {
  return {
    /**
     * Records a request before it runs. One that was done is not run again. One that has failed is run again. One that has not ended may run, or
     * its process has died: only whoever delivers it again (`isRedelivered`) runs it again.
     */
    async begin(request: AuditRequest, { isRedelivered }: { isRedelivered: boolean }): Promise<AuditBegin> {
      const { requestId, via, by, claimedBy = null, why, action, views } = request;
      return await inTransaction(pool, 'control', 'begin', async (client): Promise<AuditBegin> => {
        const begun = await client.query(
          `insert into etl.audit as known (request_id, via, requested_by, reason, action, views, request, claimed_by)
           values ($1, $2, $3, $4, $5, $6, $7, nullif($9, $3))
           on conflict (request_id, action) do update set attempts = known.attempts + 1, error_kind = null, error = null, advice = null,
             ended_at = null
           where known.outcome is null and ($8 or known.ended_at is not null)
           returning id`,
          [requestId, via, by, why, action, views, jsonOf(request.request), isRedelivered, claimedBy],
        );
        if (begun.rows[0] !== undefined) return { id: begun.rows[0].id, state: 'begun' };
        const { rows } = await client.query(
          'select id, outcome, result from etl.audit where request_id = $1 and action = $2',
          [requestId, action],
        );
        const { id, outcome, result } = rows[0];
        return outcome === null ? { id, state: 'running' } : { id, state: 'done', result };
      });
    },

    /** Records what a request has done. */
    async finish(id: bigint, result: { outcome: string }): Promise<void> {
      await inStatement(
        pool,
        'control',
        'update etl.audit set outcome = $2, result = $3, error_kind = null, error = null, advice = null, ended_at = now() where id = $1',
        [id, result.outcome, jsonOf(result)],
      );
    },

    /** Records why a request has failed. */
    async fail(id: bigint, { kind, message, advice }: DataHubError): Promise<void> {
      await inStatement(
        pool,
        'control',
        `update etl.audit set error_kind = $2, error = $3, advice = $4, ended_at = now() where id = $1 and outcome is null`,
        [id, kind, storable(message), storable(advice)],
      );
    },

    /** The entries that the filter leaves, the newest first. */
    async list({ view, action, by, from, to, before }: AuditFilter, limit: number): Promise<AuditEntry[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select ${ENTRY} from etl.audit
         where ($1::text is null or views @> array[$1]) and ($2::text is null or action = $2)
           and ($3::text is null or requested_by = $3 or claimed_by = $3)
           and ($4::timestamptz is null or requested_at >= $4) and ($5::timestamptz is null or requested_at < $5)
           and ($6::int8 is null or id < $6)
         order by id desc limit $7`,
        [view, action, by, from, to, before, limit].map((value) => value ?? null),
      );
      return rows as AuditEntry[];
    },

    /** The id of the entry of a request; null if there is none. */
    async idOf(requestId: string): Promise<bigint | null> {
      const { rows } = await inStatement(pool, 'control', 'select id from etl.audit where request_id = $1', [
        requestId,
      ]);
      return (rows[0]?.id as bigint | undefined) ?? null;
    },

    /** One entry; null if there is none. */
    async find(id: bigint): Promise<AuditDetail | null> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select ${ENTRY}, attempts, request, result, error_kind as "errorKind", advice from etl.audit where id = $1`,
        [id],
      );
      return (rows[0] as AuditDetail | undefined) ?? null;
    },
  };
}

/** As PostgreSQL's jsonb holds it: without NUL characters and lone surrogates, which only escapes can write. */
const jsonOf = (value: object): string =>
  JSON.stringify(value).replaceAll(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g, '$1\u{fffd}');

/** PostgreSQL's text cannot hold NUL characters. */
const storable = (text: string): string => text.replaceAll('\0', '\u{fffd}');
