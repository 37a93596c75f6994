import type { Side } from '../config/database-config.ts';
import { ADVICE, DataHubError, RETRIED } from '../errors.ts';
import { quoteIdentifier } from './quote.ts';
import { fromPostgres } from './sqlstate.ts';

/** The functions of PostgreSQL that refuse a connection for its role or its database; their messages are in the language of the server. */
const CHECKS_ROLE = 'InitializeSessionUserId';
const CHECKS_DATABASE = 'CheckMyDatabase';

/** Classifies why a connection by this URL could not be made. The advice names the variable, the role and the database. */
export function connectionError(error: unknown, side: Side, url: string): DataHubError {
  const classified = fromPostgres(error, side);
  const { code, routine } = error as { code?: unknown; routine?: unknown };
  const { role, database } = namesIn(url);
  const variable = `${side.toUpperCase()}_DATABASE_URL`;
  const run = (statement: string) => `Run as a superuser of the server: ${statement};`;
  const lasting = (advice: string) =>
    classified.withAdvice(
      `${ADVICE.transient} If it lasts: ${advice.charAt(0).toLowerCase()}${advice.slice(1)}`,
    );
  switch (code) {
    case '28000':
      return classified.withAdvice(
        routine === CHECKS_ROLE
          ? `${run(`alter role ${role} login`)} If the role does not exist, create it: sql/source/reader-role.sql has that of the source. ${RETRIED}`
          : `Give pg_hba.conf of the server an entry for the role, the database and the addresses of the functions, and reload it; or correct ${variable} and deploy again. ${RETRIED}`,
      );
    case '28P01':
      return classified.withAdvice(
        `Give role ${role} the password of ${variable} again, or correct the password there and deploy again. ${RETRIED}`,
      );
    case '42501':
      if (routine !== CHECKS_DATABASE) return classified;
      return classified.withAdvice(`${run(`grant connect on database ${database} to ${role}`)} ${RETRIED}`);
    case '55000':
      // A database that accepts no connections for the time being, for example while it is maintained.
      return new DataHubError('transient', classified.message, {
        context: classified.context,
        advice: `${ADVICE.transient} If it lasts: ${run(`alter database ${database} allow_connections true`).replace('Run', 'run')}`,
        cause: error,
      });
    case '53300':
      if (routine === CHECKS_ROLE) return lasting(run(`alter role ${role} connection limit -1`));
      if (routine === CHECKS_DATABASE) return lasting(run(`alter database ${database} connection limit -1`));
      return lasting(
        'end sessions that nobody needs (select pid, usename, state, backend_start from pg_stat_activity), raise max_connections of the server and restart it, or lower SOURCE_CONNECTIONS and the number of instances of the functions.',
      );
    case 'ENOTFOUND':
      return classified.withAdvice(
        `No name server knows the host: correct it in ${variable} and deploy again, or give it a name. ${RETRIED}`,
      );
    default:
      if (classified.kind !== 'transient' || classified.advice !== ADVICE.transient) return classified;
      return lasting(
        `start the server, open the network between it and the functions, or correct host and port in ${variable} and deploy again.`,
      );
  }
}

/** Quoted, as far as the URL tells. */
function namesIn(url: string): { role: string; database: string } {
  const parsed = URL.parse(url.replace('@/', '@socket/'));
  const quoted = (text: string, otherwise: string) =>
    text === '' ? otherwise : quoteIdentifier(decoded(text));
  const given = (part: string, parameter: string) => part || (parsed?.searchParams.get(parameter) ?? '');
  return {
    role: quoted(given(parsed?.username ?? '', 'user'), 'of the URL'),
    database: quoted(given(parsed?.pathname.slice(1) ?? '', 'dbname'), 'of the URL'),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
