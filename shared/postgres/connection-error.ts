import type { Side } from '../config/database-config.ts';
import { ADVICE, type DataHubError, RETRIED } from '../errors.ts';
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
          ? `${run(`alter role ${role} login`)} ${RETRIED}`
          : `Give pg_hba.conf of the server an entry for the role, the database and the addresses of the functions, and reload it; or correct ${variable} and deploy again. ${RETRIED}`,
      );
    case '28P01':
      return classified.withAdvice(
        `Give role ${role} the password of ${variable} again, or correct the password there and deploy again. ${RETRIED}`,
      );
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

function namesIn(url: string): { role: string; database: string } {
  const { username, pathname } = new URL(url.replace('@/', '@socket/'));
  const quoted = (text: string) => quoteIdentifier(decodeURIComponent(text));
  return { role: quoted(username), database: quoted(pathname.slice(1)) };
}
