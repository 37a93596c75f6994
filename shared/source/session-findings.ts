import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { Finding } from './inspect-server.ts';
import { COMPUTING_SETTINGS } from './snapshot.ts';

type Setting = { name: string; value: string; isOfRole: boolean };
type RoleSetting = { role: string; name: string; value: string };

const CHECK = 'source settings';

/**
 * Says under which settings the views compute, and what may make them compute something else than the application does: settings of our own
 * role, or of another role as which the application may connect. What an application sets when it connects cannot be seen.
 */
export async function sessionFindings(client: Queryable): Promise<Finding[]> {
  const { rows } = await client.query(
    `select current_user as role, current_database() as database, (
       select jsonb_agg(jsonb_build_object('name', name, 'value', setting, 'isOfRole', source in ('user', 'database user')) order by name collate "C")
       from pg_settings where name = any($1::text[])
     ) as settings, (
       select coalesce(jsonb_agg(jsonb_build_object('role', r.rolname, 'name', own.name, 'value', own.value) order by r.rolname, own.name), '[]')
       from pg_db_role_setting s
       join pg_roles r on r.oid = s.setrole and r.rolname <> current_user
       left join pg_database d on d.oid = s.setdatabase
       cross join unnest(s.setconfig) as c (text)
       join unnest($1::text[]) as known (name) on lower(known.name) = lower(split_part(c.text, '=', 1))
       cross join lateral (select known.name, substr(c.text, strpos(c.text, '=') + 1) as value) own
       where (s.setdatabase = 0 or d.datname = current_database()) and lower(own.value) <> lower(current_setting(own.name))
     ) as others`,
    [COMPUTING_SETTINGS],
  );
  const { role, database, settings, others } = rows[0] as {
    role: string;
    database: string;
    settings: Setting[];
    others: RoleSetting[];
  };
  const alter = `alter role ${quoteIdentifier(role)} in database ${quoteIdentifier(database)}`;
  const own = settings.filter(({ isOfRole }) => isOfRole);
  return [
    {
      check: CHECK,
      ok: true,
      message: `views compute under ${settings.map(({ name, value }) => `${name} ${value}`).join('; ')}`,
    },
    ...own.map(({ name, value }) => ({
      check: CHECK,
      ok: true,
      message: `role ${role} sets ${name} to ${value} for itself, so that views may compute something else than in the application`,
      advice: `If the application's sessions have another ${name}: ${alter} set ${name} = '…'; or reset it, in the role and in the role for this database.`,
    })),
    ...others.map((other) => ({
      check: CHECK,
      ok: true,
      message: `role ${other.role} sets ${other.name} to ${other.value}, but views compute under another`,
      advice: `If the application connects as ${other.role}: ${
        other.name === 'TimeZone'
          ? `set SOURCE_TIME_ZONE=${other.value}, and deploy again.`
          : `${alter} set ${other.name} = ${quoteLiteral(other.value)};`
      }`,
    })),
  ];
}
