import { quoteIdentifier, quoteLiteral } from '../../shared/postgres/quote.ts';
import { LOG_FUNCTIONS } from '../../shared/source/trigger-log.ts';
import type { LogPlan } from './log-plan.ts';
import { inSchema, refuseForeignTables, SETTINGS } from './log-script.ts';

/** The script that removes the log, its functions and all of its triggers, also from partitions that came later. Safe to repeat. */
export function removalScript(plan: Pick<LogPlan, 'schema' | 'logTable' | 'contentTypeTable'>): string {
  const [log, types] = [inSchema(plan, plan.logTable), inSchema(plan, plan.contentTypeTable)];
  return `-- Removes the change log of SMart DataHub, its functions and its triggers. Safe to repeat. Run it as the role that made them, after the
-- functions of SMart DataHub read another log (CHANGE_LOG_TABLE, CONTENT_TYPE_TABLE). It stops after a lock timeout: run it again then.

begin;

${SETTINGS}

${refuseForeignTables(plan)}

do $remove$
declare
  found regprocedure;
begin
  for found in
    select oid::regprocedure from pg_proc
    where pronamespace = ${quoteLiteral(quoteIdentifier(plan.schema))}::regnamespace and proname ~ ${quoteLiteral(LOG_FUNCTIONS)}
      and prorettype = 'trigger'::regtype
  loop
    -- Its triggers go with it.
    execute format('drop function %s cascade', found);
  end loop;
end
$remove$;

drop table if exists ${log}, ${types};

commit;
`;
}
