import type { Queryable } from '../postgres/transaction.ts';
import type { LoggedTable } from './logged-tables.ts';
import type { Note } from './model-faults.ts';
import { LOG_EVENTS, logTrigger } from './trigger-log.ts';

/** A table that is followed, or one below it, with the triggers that it lacks. */
type Relation = {
  name: string;
  kind: string;
  isWhole: boolean;
  missing: string[];
  /** Triggers that do not fire. */
  disabled: string[];
  /** Triggers that fire, but that somebody disabled and enabled again since the script made them: it lets them fire always. */
  enabledAgain: string[];
  /** The columns whose values the triggers log. */
  keys: string[];
  isSubscribed: boolean;
};

const ADVICE =
  'Run the script again that "npm run datahub -- propose --with-log" writes for the views: it adds and enables what is missing, and asks for a resync of the views concerned.';

/** Why changes of the view's tables may be missing in a log that triggers fill, as far as the catalog shows it. */
export async function logTriggerNotes(client: Queryable, logged: readonly LoggedTable[]): Promise<Note[]> {
  const notes: Note[] = [];
  const seen = new Set<number>();
  for (const { oid, contentTypeIds, primaryKey } of logged) {
    const [contentTypeId] = contentTypeIds;
    if (contentTypeId === undefined || seen.has(oid)) continue;
    seen.add(oid);
    const relations = await readRelations(client, oid, contentTypeId);
    notes.push(
      ...relations.flatMap(faultsOf),
      ...keyFaults(relations, primaryKey),
      ...newPartitions(relations),
    );
  }
  return notes;
}

function faultsOf({ name, kind, isWhole, missing, disabled, enabledAgain, isSubscribed }: Relation): Note[] {
  if (kind === 'f') {
    const message = `${name} is a foreign table, whose changes no trigger logs`;
    return [{ message, advice: 'Resync the view after it has changed, or schedule checks that repair.' }];
  }
  const found: string[] = [];
  if (isWhole && missing.length > 0)
    found.push(
      `changes of ${name} are not logged: it has no trigger of the change log for ${missing.join(', ')}`,
    );
  if (disabled.length > 0)
    found.push(
      `changes of ${name} are not logged: its triggers of the change log for ${disabled.join(', ')} are disabled`,
    );
  if (enabledAgain.length > 0)
    found.push(
      `changes of ${name} may not have been logged: its triggers of the change log for ${enabledAgain.join(', ')} were disabled, and enabled again`,
    );
  const notes: Note[] = found.map((message) => ({ message, advice: ADVICE, ok: false }));
  if (isSubscribed) {
    notes.push({
      message: `changes of ${name} that logical replication applies are not logged: it fires no triggers of statements`,
      advice: 'Replicate from the database that publishes them, or schedule checks that repair.',
      ok: false,
    });
  }
  return notes;
}

function keyFaults(relations: readonly Relation[], primaryKey: string | null): Note[] {
  const others = new Set(relations.flatMap(({ keys }) => keys).filter((key) => key !== primaryKey));
  const [whole] = relations.filter(({ isWhole }) => isWhole);
  if (primaryKey === null || others.size === 0 || whole === undefined) return [];
  const message = `the log names rows of ${whole.name} by ${[...others].join(', ')}, but the view needs ${primaryKey}`;
  return [{ message, advice: ADVICE, ok: false }];
}

/** So many partitions are named. */
const SHOWN = 5;

function newPartitions(relations: readonly Relation[]): Note[] {
  const names = relations
    .filter(({ kind, isWhole, missing }) => kind !== 'f' && !isWhole && missing.length > 0)
    .map(({ name }) => name);
  if (names.length === 0) return [];
  const shown = names.slice(0, SHOWN).join(', ');
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} others` : '';
  const message = `rows that are written directly to ${shown}${more} are not logged, since it has no triggers of the change log; what is written through the table above it is`;
  return [
    {
      message,
      advice:
        'Run the script again that "npm run datahub -- propose --with-log" writes for the views. Resync them if rows were written directly meanwhile.',
    },
  ];
}

/** Reads the table and those below it, with the state of the triggers that each needs: a truncated partitioned table fires those of its partitions. */
async function readRelations(client: Queryable, oid: number, contentTypeId: number): Promise<Relation[]> {
  const { rows } = await client.query(
    `with recursive relation as (
       select $1::oid as oid
       union
       select i.inhrelid from relation r join pg_inherits i on i.inhparent = r.oid
     ), wanted as (
       select c.oid, event, t.tgenabled,
         case when t.tgnargs > 0 then convert_from(substr(t.tgargs, 1, length(t.tgargs) - 1), getdatabaseencoding()) end as key
       from relation r join pg_class c on c.oid = r.oid
       join unnest($2::text[], $3::text[]) as e (event, name) on (event <> 'truncate' or c.relkind = 'r')
         and (event <> 'key' or (select relkind from pg_class where oid = $1) <> 'p')
       left join pg_trigger t on t.tgrelid = c.oid and t.tgname = e.name
     )
     select format('%I.%I', n.nspname, c.relname) as name, c.relkind::text as kind, c.oid = $1 as "isWhole",
       coalesce(array_agg(w.event order by w.event) filter (where w.tgenabled is null), '{}') as missing,
       coalesce(array_agg(w.event order by w.event) filter (where w.tgenabled in ('D', 'R')), '{}') as disabled,
       coalesce(array_agg(w.event order by w.event) filter (where w.tgenabled = 'O'), '{}') as "enabledAgain",
       coalesce(array_agg(distinct w.key) filter (where w.key is not null), '{}') as keys,
       exists (select from pg_subscription_rel s where s.srrelid = c.oid) as "isSubscribed"
     from relation r join pg_class c on c.oid = r.oid join pg_namespace n on n.oid = c.relnamespace
     left join wanted w on w.oid = c.oid
     group by c.oid, c.relname, c.relkind, n.nspname order by 3 desc, 1`,
    [oid, LOG_EVENTS, LOG_EVENTS.map((event) => logTrigger(contentTypeId, event))],
  );
  return rows as Relation[];
}
