import type { Installation } from '../../../support/installation.ts';
import { READER } from '../../../support/stack.ts';
import { type Mistake, PROJECT_VIEW, sql } from './mistake.ts';

/** The environment with another part in the URL of the source. */
const sourceAt = (part: Partial<Pick<URL, 'hostname' | 'port' | 'pathname'>>) => (on: Installation) => ({
  SOURCE_DATABASE_URL: Object.assign(new URL(String(on.parts.env.SOURCE_DATABASE_URL)), part).href,
});
const databaseOf = (url: string | undefined) => new URL(String(url)).pathname.slice(1);
const sourceName = (on: Installation) => databaseOf(on.parts.env.SOURCE_DATABASE_URL);
const controlName = (on: Installation) => databaseOf(on.parts.env.CONTROL_DATABASE_URL);
/** Only a new process opens new connections at once. */
const anew = () => ({});

/** What somebody does to the environment of a process, or to the right to connect. */
export const PROCESS_MISTAKES: Record<string, Mistake> = {
  'a role that may not have a connection more: the statement': {
    settings: anew,
    mistake: (on) => sql(on, `alter role ${READER.name} connection limit 0`),
    advice: /If it lasts: run as a superuser of the server: .*/,
  },
  'a database that may not have a connection more: the statement': {
    settings: anew,
    mistake: (on) => sql(on, `alter database ${sourceName(on)} connection limit 0`),
    advice: /If it lasts: run as a superuser of the server: .*/,
  },
  'a role that may not log in: the statement': {
    settings: anew,
    mistake: (on) => sql(on, `alter role ${READER.name} nologin`),
    advice: /Run as a superuser of the server: .*/,
  },
  'a password that was replaced: the former one': {
    settings: anew,
    mistake: (on) => sql(on, `alter role ${READER.name} password 'another'`),
    byHand: (on) => sql(on, `alter role ${READER.name} password '${READER.password}'`),
    advice: /Give role "reader" the password of SOURCE_DATABASE_URL again.*/,
  },
  'a host that does not exist: correct it': {
    settings: sourceAt({ hostname: 'nowhere.invalid' }),
    advice: /\bSOURCE_DATABASE_URL and deploy again.*/,
  },
  'a port where no server is: correct it': {
    settings: sourceAt({ port: '1' }),
    advice: /If it lasts: .*correct host and port in SOURCE_DATABASE_URL and deploy again/,
  },
  'a database that does not exist: correct it, then resume': {
    settings: sourceAt({ pathname: '/nowhere' }),
    advice: /Correct the name of the database.*/,
  },
  'a control database that only reads: let it be written, then resume': {
    settings: anew,
    mistake: (on) => sql(on, `alter database ${controlName(on)} set default_transaction_read_only = on`),
    byHand: (on) => sql(on, `alter database ${controlName(on)} reset default_transaction_read_only`),
    advice: /let the database be written.*resume the view/,
  },
  'a variable that is malformed: correct it': {
    settings: () => ({ SOURCE_CONNECTIONS: 'many' }),
    advice: /Correct the environment variables .*/,
  },
  'a time zone that the source does not know: correct it': {
    settings: () => ({ SOURCE_TIME_ZONE: 'Antarctica/Nowhere' }),
    advice: /deploy again/,
  },
  'another location than that of the datasets: correct it': {
    settings: () => ({ BIGQUERY_LOCATION: 'US' }),
    advice: /Correct BIGQUERY_LOCATION.*/,
  },
  'the name of a log that does not exist: correct it, then resume': {
    settings: () => ({ CHANGE_LOG_TABLE: 'models_logging_changes' }),
    advice: /Correct CHANGE_LOG_TABLE and deploy again.*/,
  },
  'the name of another table instead of that of the content types: correct it, then resume': {
    settings: () => ({ CONTENT_TYPE_TABLE: 'app_company' }),
    advice: /Correct CONTENT_TYPE_TABLE and deploy again.*/,
  },
  'a view that is too slow: make it faster, then resume': {
    settings: () => ({ STATEMENT_TIMEOUT_SECONDS: '1' }),
    mistake: async (on) => {
      const slow = PROJECT_VIEW.replace(
        'where not p.is_dummy',
        'where not p.is_dummy and pg_sleep(2) is not null',
      );
      await sql(on, slow);
    },
    byHand: (on) => sql(on, PROJECT_VIEW),
    advice: /Find out why the view is slow.*resume the view/,
  },
};
